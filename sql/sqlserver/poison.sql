-- What does not get on by itself. {jobs} and {tasks} are in relations.sql. Each statement reads
-- what an index on the status gives, or a stated number of the newest rows; `total` is how many
-- there are before the limit.

-- name: stuck_tasks
-- Tasks in processing of which nothing was heard for longer than is normal for their type: three
-- times the 95th percentile of how long such tasks took that are among the newest :sample of the
-- type and completed, and at least :floor_seconds. A heartbeat of before the task was started again
-- tells nothing.
DECLARE @floor_seconds float = :floor_seconds;
DECLARE @now datetime2(7) = SYSUTCDATETIME();
WITH silent AS (
    SELECT processing.task_id, processing.job_id, processing.task_type, processing.stage,
           processing.retry_count, processing.heartbeat, processing.started_at,
           processing.updated_at,
           DATEDIFF_BIG(millisecond, processing.heard_at, @now) / 1000.0 AS silent_seconds
      FROM (SELECT task.task_id, task.parent_job_id AS job_id, task.task_type, task.stage,
                   task.retry_count, task.heartbeat, task.started_at, task.updated_at,
                   CASE WHEN task.heartbeat IS NULL THEN task.updated_at
                        WHEN task.started_at > task.heartbeat THEN task.started_at
                        ELSE task.heartbeat END AS heard_at
              FROM {tasks} AS task
             WHERE task.status = N'processing') AS processing
     WHERE DATEDIFF_BIG(millisecond, processing.heard_at, @now) > 1000 * @floor_seconds
       AND processing.heard_at >= DATEADD(hour, -:hours, @now)                  -- when hours
), measured AS (
    SELECT kind.task_type, ended.seconds,
           ROW_NUMBER() OVER (PARTITION BY kind.task_type ORDER BY ended.seconds) AS place,
           COUNT(ended.seconds) OVER (PARTITION BY kind.task_type) AS sample_size
      FROM (SELECT DISTINCT silent.task_type FROM silent) AS kind
     OUTER APPLY (
               SELECT DATEDIFF_BIG(millisecond, COALESCE(newest.started_at, newest.created_at),
                                   newest.ended_at) / 1000.0 AS seconds
                 FROM (SELECT TOP (:sample) task.status, task.ended_at, task.started_at,
                              task.created_at
                         FROM {tasks} AS task
                        WHERE task.task_type = kind.task_type
                        ORDER BY task.created_at DESC, task.task_id) AS newest
                WHERE newest.status = N'completed') AS ended
), normal AS (
    SELECT measured.task_type, MAX(measured.sample_size) AS sample_size,
           MIN(CASE WHEN measured.place >= 0.95 * measured.sample_size
                    THEN measured.seconds END) AS p95
      FROM measured
     GROUP BY measured.task_type
)
SELECT TOP (:limit) silent.task_id, silent.job_id, silent.task_type, silent.stage,
       silent.retry_count, silent.heartbeat, silent.started_at, silent.updated_at,
       CAST(silent.silent_seconds AS float) AS silent_seconds,
       CASE WHEN 3 * normal.p95 > @floor_seconds THEN CAST(3 * normal.p95 AS float)
            ELSE @floor_seconds END AS normal_seconds,
       normal.sample_size, COUNT(*) OVER () AS total
  FROM silent
  JOIN normal ON normal.task_type = silent.task_type
 WHERE silent.silent_seconds > COALESCE(3 * normal.p95, 0)
 ORDER BY silent.silent_seconds DESC, silent.task_id;

-- name: retried_tasks
-- Of the newest tasks of each status but completed, those that were retried so often.
SELECT TOP (:limit) task.task_id, task.parent_job_id AS job_id, task.task_type, task.status,
       task.stage, task.retry_count, LEFT(task.error_details, :longest) AS error_details,
       task.created_at, task.updated_at, COUNT(*) OVER () AS total
  FROM (VALUES (N'failed'), (N'processing'), (N'queued'),
               (N'pending'), (N'ready'), (N'pending_retry')) AS wanted (status)
 CROSS APPLY (
           SELECT TOP (:looked_at) task.* FROM {tasks} AS task
            WHERE task.status = wanted.status
              AND task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME()) -- when hours
            ORDER BY task.created_at DESC, task.task_id) AS task
 WHERE task.retry_count >= :least
 ORDER BY task.retry_count DESC, task.updated_at DESC, task.task_id;

-- name: retried_jobs
-- The jobs of such tasks, by how often these were retried in all.
SELECT retried.job_id, owner.job_type, owner.status, retried.retries, retried.tasks,
       retried.most_retries, retried.updated_at, retried.total
  FROM (SELECT TOP (:limit) summed.job_id, summed.retries, summed.tasks, summed.most_retries,
               summed.updated_at, COUNT(*) OVER () AS total
          FROM (SELECT task.parent_job_id AS job_id,
                       SUM(CAST(task.retry_count AS bigint)) AS retries,
                       COUNT(*) AS tasks, MAX(task.retry_count) AS most_retries,
                       MAX(task.updated_at) AS updated_at
                  FROM (VALUES (N'failed'), (N'processing'), (N'queued'),
                               (N'pending'), (N'ready'), (N'pending_retry')) AS wanted (status)
                 CROSS APPLY (
                       SELECT TOP (:looked_at) task.* FROM {tasks} AS task
                        WHERE task.status = wanted.status
                          AND task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME()) -- when hours
                        ORDER BY task.created_at DESC, task.task_id) AS task
                 WHERE task.retry_count > 0
                 GROUP BY task.parent_job_id) AS summed
         WHERE summed.retries >= :least
         ORDER BY summed.retries DESC, summed.job_id) AS retried
 OUTER APPLY (SELECT TOP (1) job.job_type, job.status
                FROM {jobs} AS job
               WHERE job.job_id = retried.job_id) AS owner
 ORDER BY retried.retries DESC, retried.job_id;

-- name: stalled_jobs
-- Jobs under way that nothing has happened to for some time, though every task of their stage has
-- ended, or though their stage has none; of those under way the :looked_at newest are looked at.
DECLARE @now datetime2(7) = SYSUTCDATETIME();
DECLARE @quiet datetime2(7) = DATEADD(second, -:quiet_seconds, @now);
SELECT TOP (:limit) job.job_id, job.job_type, job.status, job.stage, job.total_stages,
       job.created_at, job.updated_at, counted.tasks,
       COALESCE(counted.failed_tasks, 0) AS failed_tasks, counted.last_task_at,
       CAST(DATEDIFF_BIG(millisecond,
                         CASE WHEN counted.last_task_at > job.updated_at
                              THEN counted.last_task_at ELSE job.updated_at END, @now)
            / 1000.0 AS float) AS quiet_seconds,
       COUNT(*) OVER () AS total
  FROM (SELECT TOP (:looked_at) job.job_id, job.job_type, job.status, job.stage,
               job.total_stages, job.created_at, job.updated_at
          FROM {jobs} AS job
         WHERE job.status IN (N'queued', N'processing')
           AND job.updated_at < @quiet
           AND job.updated_at >= DATEADD(hour, -:hours, @now)                   -- when hours
         ORDER BY job.created_at DESC, job.job_id) AS job
 CROSS APPLY (
           SELECT COUNT(*) AS tasks, COUNT(task.ended_at) AS ended_tasks,
                  SUM(CASE WHEN task.status = N'failed' THEN 1 ELSE 0 END) AS failed_tasks,
                  MAX(task.updated_at) AS last_task_at
             FROM {tasks} AS task
            WHERE task.parent_job_id = job.job_id
              AND task.stage = job.stage) AS counted
 WHERE counted.tasks = counted.ended_tasks
   AND (counted.tasks > 0 OR job.status = N'processing')
   AND (counted.tasks = 0 OR counted.last_task_at < @quiet)
 ORDER BY quiet_seconds DESC, job.job_id;

-- name: tasks_of_stalled
-- The tasks of the stage that each of these jobs is in, those that ended last first.
SELECT job.job_id, ended.task_id, ended.task_type, ended.status, ended.updated_at
  FROM {jobs} AS job
 CROSS APPLY (
           SELECT TOP (:limit) task.task_id, task.task_type, task.status, task.updated_at
             FROM {tasks} AS task
            WHERE task.parent_job_id = job.job_id
              AND task.stage = job.stage
            ORDER BY task.updated_at DESC, task.task_id) AS ended
 WHERE job.job_id IN (SELECT chosen.value FROM OPENJSON(:job_ids)
                      WITH (value nvarchar(100) '$') AS chosen)
 ORDER BY job.job_id, ended.updated_at DESC, ended.task_id;

-- name: foreign_key
-- Whether the database itself sees to it that each task has its job.
SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.foreign_keys AS held
                               WHERE held.parent_object_id = OBJECT_ID(N'[{schema}].tasks')
                                 AND held.referenced_object_id = OBJECT_ID(N'[{schema}].jobs')
                                 AND held.is_disabled = 0
                                 AND held.is_not_trusted = 0)
                 THEN 1 ELSE 0 END AS bit) AS is_held;

-- name: tasks_without_job
-- Among the newest tasks, those whose job does not exist.
SELECT TOP (:limit) task.task_id, task.job_id, task.task_type, task.status, task.stage,
       task.created_at, task.updated_at, COUNT(*) OVER () AS total
  FROM (SELECT TOP (:looked_at) task.task_id, task.parent_job_id AS job_id, task.task_type,
               task.status, task.stage, task.created_at, task.updated_at
          FROM {tasks} AS task
         WHERE 1 = 1
           AND task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())      -- when hours
         ORDER BY task.created_at DESC, task.task_id) AS task
 OUTER APPLY (SELECT TOP (1) 1 AS is_there
                FROM {jobs} AS job
               WHERE job.job_id = task.job_id) AS owner
 WHERE owner.is_there IS NULL
 ORDER BY task.created_at DESC, task.task_id;

-- name: tasks_left_behind
-- Among the newest tasks that have not ended, those whose job has.
SELECT TOP (:limit) task.task_id, task.job_id, task.task_type, task.status, task.stage,
       task.created_at, task.updated_at, owner.status AS job_status,
       owner.ended_at AS job_ended_at, COUNT(*) OVER () AS total
  FROM (SELECT TOP (:looked_at) task.task_id, task.parent_job_id AS job_id, task.task_type,
               task.status, task.stage, task.created_at, task.updated_at
          FROM {tasks} AS task
         WHERE task.status IN (N'processing', N'queued', N'pending', N'ready', N'pending_retry')
           AND task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())      -- when hours
         ORDER BY task.created_at DESC, task.task_id) AS task
 CROSS APPLY (SELECT TOP (1) job.status, job.ended_at
                FROM {jobs} AS job
               WHERE job.job_id = task.job_id) AS owner
 WHERE owner.ended_at IS NOT NULL
 ORDER BY task.created_at DESC, task.task_id;
