-- title: Failed jobs in the last hour
-- unit: jobs
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 2
-- connection: jobs
-- GET /api/db/jobs?status=failed,completed_with_errors&hours=1 lists them, and
-- GET /api/db/tasks/{job_id}?status=failed says why.
SELECT count(*)
  FROM {schema}.jobs
 WHERE status::text IN ('failed', 'completed_with_errors')
   AND updated_at >= now() - interval '1 hour';
