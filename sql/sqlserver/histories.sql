-- What the debug of one job reads of the jobs database. {jobs} and {tasks} are in relations.sql.

-- name: span
-- When a job was, by the clock of the server.
SELECT job.created_at, job.ended_at, SYSUTCDATETIME() AS read_at
  FROM {jobs} AS job
 WHERE job.job_id = :job_id;

-- name: traces
-- One job's tasks in the order in which they came, without what they were given and made. Of a long
-- error text the beginning and the end.
SELECT TOP (:limit) task.task_id, task.task_type, task.status, task.stage, task.retry_count,
       CASE WHEN LEN(task.error_details) > 2000 THEN LEFT(task.error_details, 1000)
            ELSE task.error_details END AS error,
       CASE WHEN LEN(task.error_details) > 2000 THEN RIGHT(task.error_details, 1000)
       END AS error_tail,
       task.heartbeat, task.started_at, task.ended_at, task.created_at, task.updated_at
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
 ORDER BY task.stage, task.created_at, task.task_id;

-- name: jobs_meanwhile
-- The other jobs that overlap most with a time, among the newest :bound that were created in it or
-- since :earliest before it.
DECLARE @since datetime2(7) = :since, @until datetime2(7) = :until, @now datetime2(7);
SET @now = SYSUTCDATETIME();
SELECT TOP (:limit) looked.job_id, looked.job_type, looked.status, looked.created_at,
       looked.ended_at,
       DATEDIFF_BIG(millisecond,
                    CASE WHEN looked.created_at > @since THEN looked.created_at ELSE @since END,
                    CASE WHEN COALESCE(looked.ended_at, @now) < @until
                         THEN COALESCE(looked.ended_at, @now) ELSE @until END) AS overlap_ms
  FROM (SELECT TOP (:bound) job.job_id, job.job_type, job.status, job.created_at, job.ended_at
          FROM {jobs} AS job
         WHERE job.created_at >= :earliest
           AND job.created_at < @until
         ORDER BY job.created_at DESC, job.job_id) AS looked
 WHERE looked.job_id <> :job_id
   AND COALESCE(looked.ended_at, @now) > @since
 ORDER BY overlap_ms DESC, looked.job_id;

-- name: job_counts_meanwhile
-- The same jobs by type and status: how many were alive in that time, how many were looked at.
DECLARE @since datetime2(7) = :since, @job_id nvarchar(64) = :job_id, @now datetime2(7);
SET @now = SYSUTCDATETIME();
SELECT looked.job_type AS kind, looked.status,
       SUM(CASE WHEN looked.job_id <> @job_id AND COALESCE(looked.ended_at, @now) > @since
                THEN 1 ELSE 0 END) AS alive,
       COUNT(*) AS looked_at
  FROM (SELECT TOP (:bound) job.job_id, job.job_type, job.status, job.ended_at
          FROM {jobs} AS job
         WHERE job.created_at >= :earliest
           AND job.created_at < :until
         ORDER BY job.created_at DESC, job.job_id) AS looked
 GROUP BY looked.job_type, looked.status
 ORDER BY alive DESC, kind, looked.status;

-- name: task_counts_meanwhile
-- The tasks of other jobs, in the same way: a task is alive from its start, where that is known,
-- until it ends; one that still waits for its start is not.
DECLARE @since datetime2(7) = :since, @until datetime2(7) = :until, @now datetime2(7);
SET @now = SYSUTCDATETIME();
SELECT looked.task_type AS kind, looked.status,
       SUM(CASE WHEN (looked.ended_at IS NOT NULL OR looked.status = N'processing')
                 AND COALESCE(looked.started_at, @since) < @until
                 AND COALESCE(looked.ended_at, @now) > @since
                THEN 1 ELSE 0 END) AS alive,
       COUNT(*) AS looked_at
  FROM (SELECT TOP (:bound) task.task_type, task.status, task.started_at, task.ended_at
          FROM {tasks} AS task
         WHERE task.created_at >= :earliest
           AND task.created_at < @until
           AND task.parent_job_id <> :job_id
         ORDER BY task.created_at DESC, task.task_id) AS looked
 GROUP BY looked.task_type, looked.status
 ORDER BY alive DESC, kind, looked.status;
