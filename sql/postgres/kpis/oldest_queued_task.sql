-- title: Oldest queued task
-- unit: s
-- warning: 600
-- critical: 3600
-- every: 30
-- priority: 3
-- connection: jobs
-- How long the task that has waited longest has been queued. Workers are too few, or none.
SELECT coalesce(round(max(extract(epoch FROM now() - updated_at))::numeric, 1), 0)
  FROM {schema}.tasks
 WHERE status::text = 'queued';
