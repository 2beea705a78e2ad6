-- title: Stuck tasks
-- unit: tasks
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 2
-- connection: jobs
-- Tasks that are processing and of which nothing was heard for fifteen minutes. Whoever worked on
-- them is most likely gone: their jobs wait for ever.
SELECT COUNT(*) AS tasks
  FROM [{schema}].tasks
 WHERE status = N'processing'
   AND updated_at < DATEADD(MINUTE, -15, SYSUTCDATETIME())
   AND (heartbeat IS NULL OR heartbeat < DATEADD(MINUTE, -15, SYSUTCDATETIME()));
