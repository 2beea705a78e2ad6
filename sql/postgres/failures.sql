-- What failed, newest first, a batch at a time. Of an error text comes what is looked at in
-- services/fingerprints.py: the first 500 characters, and the last 1000 of a long Python traceback.
-- `mark` is the place of a row, to be handed back as it is for the batch behind it.

-- name: window
-- The server's own idea of now, and of so many hours ago.
SELECT now() - make_interval(hours => :hours) AS since, now() AS until;

-- name: of_tasks
SELECT task.task_id, task.parent_job_id AS job_id, task.task_type, task.stage,
       (SELECT max(job.job_type) FROM {jobs} AS job                      -- when with_job_type
         WHERE job.job_id = task.parent_job_id) AS job_type,            -- when with_job_type
       NULL AS job_type,                                            -- when not with_job_type
       task.retry_count, task.updated_at AS failed_at, task.updated_at AS mark,
       left(task.error_details, 500) AS head,
       CASE WHEN length(task.error_details) > 500
             AND position('Traceback (most recent call last)'
                          IN left(task.error_details, 500)) > 0
            THEN right(task.error_details, 1000) END AS tail
  FROM {tasks} AS task
 WHERE task.status = 'failed'
   AND task.updated_at >= :since
   AND task.updated_at < :until
   AND :job_type = (SELECT max(job.job_type) FROM {jobs} AS job             -- when job_type
                     WHERE job.job_id = task.parent_job_id)                -- when job_type
   AND task.task_type = :task_type                                          -- when task_type
   AND task.updated_at <= :before_mark                                      -- when before_mark
   AND (task.updated_at < :before_mark OR task.task_id > :before_id)        -- when before_mark
 ORDER BY task.updated_at DESC, task.task_id
 LIMIT :limit;

-- name: of_jobs
-- Jobs that failed and say why themselves.
SELECT job.job_id, job.job_type, job.stage, job.updated_at AS failed_at, job.updated_at AS mark,
       left(job.error_details, 500) AS head,
       CASE WHEN length(job.error_details) > 500
             AND position('Traceback (most recent call last)'
                          IN left(job.error_details, 500)) > 0
            THEN right(job.error_details, 1000) END AS tail
  FROM {jobs} AS job
 WHERE job.status = 'failed'
   AND job.error_details IS NOT NULL
   AND job.updated_at >= :since
   AND job.updated_at < :until
   AND job.job_type = :job_type                                             -- when job_type
   AND job.updated_at <= :before_mark                                       -- when before_mark
   AND (job.updated_at < :before_mark OR job.job_id > :before_id)           -- when before_mark
 ORDER BY job.updated_at DESC, job.job_id
 LIMIT :limit;

-- name: task_texts
SELECT task.task_id AS id, left(task.error_details, :longest) AS error_details
  FROM {tasks} AS task
 WHERE task.task_id = ANY (:ids);

-- name: job_texts
SELECT job.job_id AS id, left(job.error_details, :longest) AS error_details
  FROM {jobs} AS job
 WHERE job.job_id = ANY (:ids);
