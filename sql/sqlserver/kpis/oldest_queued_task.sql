-- title: Oldest queued task
-- unit: s
-- warning: 600
-- critical: 3600
-- every: 30
-- priority: 3
-- connection: jobs
-- How long the task that has waited longest has been queued. Workers are too few, or none.
SELECT CAST(COALESCE(DATEDIFF_BIG(MILLISECOND, MIN(updated_at), SYSUTCDATETIME()) / 1000.0, 0)
           AS decimal(18, 1)) AS seconds
  FROM [{schema}].tasks
 WHERE status = N'queued';
