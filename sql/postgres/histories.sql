-- What the debug of one job reads of the jobs database. {jobs} and {tasks} are in relations.sql.

-- name: span
-- When a job was, by the clock of the server.
SELECT job.created_at, job.ended_at, now() AS read_at
  FROM {jobs} AS job
 WHERE job.job_id = :job_id;

-- name: traces
-- One job's tasks in the order in which they came, without what they were given and made. Of a long
-- error text the beginning and the end.
SELECT task.task_id, task.task_type, task.status, task.stage, task.retry_count,
       CASE WHEN length(task.error_details) > 2000 THEN left(task.error_details, 1000)
            ELSE task.error_details END AS error,
       CASE WHEN length(task.error_details) > 2000 THEN right(task.error_details, 1000)
       END AS error_tail,
       task.heartbeat, task.started_at, task.ended_at, task.created_at, task.updated_at
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
 ORDER BY task.stage, task.created_at, task.task_id
 LIMIT :limit;

-- name: jobs_meanwhile
-- The other jobs that overlap most with a time, among the newest :bound that were created in it or
-- since :earliest before it.
SELECT looked.job_id, looked.job_type, looked.status, looked.created_at, looked.ended_at,
       CAST(1000 * extract(epoch FROM least(coalesce(looked.ended_at, now()), :until)
                                      - greatest(looked.created_at, :since)) AS bigint)
           AS overlap_ms
  FROM (SELECT job.job_id, job.job_type, job.status, job.created_at, job.ended_at
          FROM {jobs} AS job
         WHERE job.created_at >= :earliest
           AND job.created_at < :until
         ORDER BY job.created_at DESC, job.job_id
         LIMIT :bound) AS looked
 WHERE looked.job_id <> :job_id
   AND coalesce(looked.ended_at, now()) > :since
 ORDER BY overlap_ms DESC, looked.job_id
 LIMIT :limit;

-- name: job_counts_meanwhile
-- The same jobs by type and status: how many were alive in that time, how many were looked at.
SELECT looked.job_type AS kind, looked.status,
       count(*) FILTER (WHERE looked.job_id <> :job_id
                          AND coalesce(looked.ended_at, now()) > :since) AS alive,
       count(*) AS looked_at
  FROM (SELECT job.job_id, job.job_type, job.status, job.ended_at
          FROM {jobs} AS job
         WHERE job.created_at >= :earliest
           AND job.created_at < :until
         ORDER BY job.created_at DESC, job.job_id
         LIMIT :bound) AS looked
 GROUP BY looked.job_type, looked.status
 ORDER BY alive DESC, kind, looked.status;

-- name: task_counts_meanwhile
-- The tasks of other jobs, in the same way: a task is alive from its start, where that is known,
-- until it ends; one that still waits for its start is not.
SELECT looked.task_type AS kind, looked.status,
       count(*) FILTER (WHERE (looked.ended_at IS NOT NULL OR looked.status = 'processing')
                          AND coalesce(looked.started_at, :since) < :until
                          AND coalesce(looked.ended_at, now()) > :since) AS alive,
       count(*) AS looked_at
  FROM (SELECT task.task_type, task.status, task.started_at, task.ended_at
          FROM {tasks} AS task
         WHERE task.created_at >= :earliest
           AND task.created_at < :until
           AND task.parent_job_id <> :job_id
         ORDER BY task.created_at DESC, task.task_id
         LIMIT :bound) AS looked
 GROUP BY looked.task_type, looked.status
 ORDER BY alive DESC, kind, looked.status;
