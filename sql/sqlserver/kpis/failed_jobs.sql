-- title: Failed jobs in the last hour
-- unit: jobs
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 2
-- connection: jobs
-- GET /api/db/jobs?status=failed,completed_with_errors&hours=1 lists them, and
-- GET /api/db/tasks/{job_id}?status=failed says why.
SELECT COUNT(*) AS jobs
  FROM [{schema}].jobs
 WHERE status IN (N'failed', N'completed_with_errors')
   AND updated_at >= DATEADD(HOUR, -1, SYSUTCDATETIME());
