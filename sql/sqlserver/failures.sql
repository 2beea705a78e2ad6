-- What failed, newest first, a batch at a time. Of an error text comes what is looked at in
-- services/fingerprints.py: the first 500 characters, and the last 1000 of a long Python traceback.
-- `mark` is the place of a row, to be handed back as it is for the batch behind it: as text, since a
-- time that has been outside the database has lost its last digit.

-- name: window
-- The server's own idea of now, and of so many hours ago.
SELECT DATEADD(hour, -:hours, SYSUTCDATETIME()) AS since, SYSUTCDATETIME() AS until;

-- name: of_tasks
DECLARE @before_mark datetime2(7) = CAST(:before_mark AS datetime2(7));     -- when before_mark
SELECT TOP (:limit) task.task_id, task.parent_job_id AS job_id, task.task_type, task.stage,
       (SELECT MAX(job.job_type) FROM {jobs} AS job                      -- when with_job_type
         WHERE job.job_id = task.parent_job_id) AS job_type,            -- when with_job_type
       NULL AS job_type,                                            -- when not with_job_type
       task.retry_count, task.updated_at AS failed_at,
       CONVERT(nvarchar(33), task.updated_at, 121) AS mark,
       LEFT(task.error_details, 500) AS head,
       CASE WHEN DATALENGTH(task.error_details) > 1000
             AND CHARINDEX(N'Traceback (most recent call last)',
                           LEFT(task.error_details, 500)) > 0
            THEN RIGHT(task.error_details, 1000) END AS tail
  FROM {tasks} AS task
 WHERE task.status = N'failed'
   AND task.updated_at >= :since
   AND task.updated_at < :until
   AND :job_type = (SELECT MAX(job.job_type) FROM {jobs} AS job             -- when job_type
                     WHERE job.job_id = task.parent_job_id)                -- when job_type
   AND task.task_type = :task_type                                          -- when task_type
   AND task.updated_at <= @before_mark                                      -- when before_mark
   AND (task.updated_at < @before_mark OR task.task_id > :before_id)        -- when before_mark
 ORDER BY task.updated_at DESC, task.task_id;

-- name: of_jobs
-- Jobs that failed and say why themselves.
DECLARE @before_mark datetime2(7) = CAST(:before_mark AS datetime2(7));     -- when before_mark
SELECT TOP (:limit) job.job_id, job.job_type, job.stage, job.updated_at AS failed_at,
       CONVERT(nvarchar(33), job.updated_at, 121) AS mark,
       LEFT(job.error_details, 500) AS head,
       CASE WHEN DATALENGTH(job.error_details) > 1000
             AND CHARINDEX(N'Traceback (most recent call last)',
                           LEFT(job.error_details, 500)) > 0
            THEN RIGHT(job.error_details, 1000) END AS tail
  FROM {jobs} AS job
 WHERE job.status = N'failed'
   AND job.error_details IS NOT NULL
   AND job.updated_at >= :since
   AND job.updated_at < :until
   AND job.job_type = :job_type                                             -- when job_type
   AND job.updated_at <= @before_mark                                       -- when before_mark
   AND (job.updated_at < @before_mark OR job.job_id > :before_id)           -- when before_mark
 ORDER BY job.updated_at DESC, job.job_id;

-- name: task_texts
SELECT task.task_id AS id, LEFT(task.error_details, :longest) AS error_details
  FROM {tasks} AS task
 WHERE task.task_id IN (SELECT chosen.value FROM OPENJSON(:ids)
                        WITH (value nvarchar(100) '$') AS chosen);

-- name: job_texts
SELECT job.job_id AS id, LEFT(job.error_details, :longest) AS error_details
  FROM {jobs} AS job
 WHERE job.job_id IN (SELECT chosen.value FROM OPENJSON(:ids)
                      WITH (value nvarchar(100) '$') AS chosen);
