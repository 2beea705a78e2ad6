-- What does not get on by itself. {jobs} and {tasks} are in relations.sql. Each statement reads
-- what an index on the status gives, or a stated number of the newest rows; `total` is how many
-- there are before the limit.

-- name: stuck_tasks
-- Tasks in processing of which nothing was heard for longer than is normal for their type: three
-- times the 95th percentile of how long such tasks took that are among the newest :sample of the
-- type and completed, and at least :floor_seconds. A heartbeat of before the task was started again
-- tells nothing.
WITH silent AS MATERIALIZED (
    SELECT processing.*,
           CAST(extract(epoch FROM now() - processing.heard_at) AS double precision)
               AS silent_seconds
      FROM (SELECT task.task_id, task.parent_job_id AS job_id, task.task_type, task.stage,
                   task.retry_count, task.heartbeat, task.started_at, task.updated_at,
                   CASE WHEN task.heartbeat IS NULL THEN task.updated_at
                        WHEN task.started_at > task.heartbeat THEN task.started_at
                        ELSE task.heartbeat END AS heard_at
              FROM {tasks} AS task
             WHERE task.status = 'processing') AS processing
     WHERE processing.heard_at < now() - make_interval(secs => :floor_seconds)
       AND processing.heard_at >= now() - make_interval(hours => :hours)        -- when hours
), normal AS (
    SELECT kind.task_type, measured.sample_size,
           greatest(CAST(:floor_seconds AS double precision), 3 * measured.p95) AS normal_seconds
      FROM (SELECT DISTINCT silent.task_type FROM silent) AS kind
     CROSS JOIN LATERAL (
               SELECT count(*) AS sample_size,
                      percentile_disc(0.95) WITHIN GROUP (ORDER BY ended.seconds) AS p95
                 FROM (SELECT CAST(extract(epoch FROM newest.ended_at
                                           - coalesce(newest.started_at, newest.created_at))
                                   AS double precision) AS seconds
                         FROM (SELECT task.status, task.ended_at, task.started_at, task.created_at
                                 FROM {tasks} AS task
                                WHERE task.task_type = kind.task_type
                                ORDER BY task.created_at DESC, task.task_id
                                LIMIT :sample) AS newest
                        WHERE newest.status = 'completed') AS ended) AS measured
)
SELECT silent.task_id, silent.job_id, silent.task_type, silent.stage, silent.retry_count,
       silent.heartbeat, silent.started_at, silent.updated_at, silent.silent_seconds,
       normal.normal_seconds, normal.sample_size, count(*) OVER () AS total
  FROM silent
  JOIN normal ON normal.task_type = silent.task_type
 WHERE silent.silent_seconds > normal.normal_seconds
 ORDER BY silent.silent_seconds DESC, silent.task_id
 LIMIT :limit;

-- name: retried_tasks
-- Of the newest tasks of each status but completed, those that were retried so often.
SELECT task.task_id, task.parent_job_id AS job_id, task.task_type, task.status, task.stage,
       task.retry_count, left(task.error_details, :longest) AS error_details, task.created_at,
       task.updated_at, count(*) OVER () AS total
  FROM unnest(ARRAY['failed', 'processing', 'queued', 'pending', 'ready', 'pending_retry'])
           AS wanted (status)
 CROSS JOIN LATERAL (
           SELECT task.* FROM {tasks} AS task
            WHERE task.status = wanted.status
              AND task.created_at >= now() - make_interval(hours => :hours) -- when hours
            ORDER BY task.created_at DESC, task.task_id
            LIMIT :looked_at) AS task
 WHERE task.retry_count >= :least
 ORDER BY task.retry_count DESC, task.updated_at DESC, task.task_id
 LIMIT :limit;

-- name: retried_jobs
-- The jobs of such tasks, by how often these were retried in all.
SELECT retried.job_id, owner.job_type, owner.status, retried.retries, retried.tasks,
       retried.most_retries, retried.updated_at, retried.total
  FROM (SELECT task.parent_job_id AS job_id, CAST(sum(task.retry_count) AS bigint) AS retries,
               count(*) AS tasks, max(task.retry_count) AS most_retries,
               max(task.updated_at) AS updated_at, count(*) OVER () AS total
          FROM unnest(ARRAY['failed', 'processing', 'queued', 'pending', 'ready', 'pending_retry'])
                   AS wanted (status)
         CROSS JOIN LATERAL (
                   SELECT task.* FROM {tasks} AS task
                    WHERE task.status = wanted.status
                      AND task.created_at >= now() - make_interval(hours => :hours) -- when hours
                    ORDER BY task.created_at DESC, task.task_id
                    LIMIT :looked_at) AS task
         WHERE task.retry_count > 0
         GROUP BY task.parent_job_id
        HAVING sum(task.retry_count) >= :least
         ORDER BY sum(task.retry_count) DESC, task.parent_job_id
         LIMIT :limit) AS retried
  LEFT JOIN LATERAL (SELECT job.job_type, job.status
                       FROM {jobs} AS job
                      WHERE job.job_id = retried.job_id
                      LIMIT 1) AS owner ON true
 ORDER BY retried.retries DESC, retried.job_id;

-- name: stalled_jobs
-- Jobs under way that nothing has happened to for some time, though every task of their stage has
-- ended, or though their stage has none; of those under way the :looked_at newest are looked at.
SELECT job.job_id, job.job_type, job.status, job.stage, job.total_stages, job.created_at,
       job.updated_at, counted.tasks, counted.failed_tasks, counted.last_task_at,
       CAST(extract(epoch FROM now() - greatest(job.updated_at, counted.last_task_at))
            AS double precision) AS quiet_seconds,
       count(*) OVER () AS total
  FROM (SELECT job.job_id, job.job_type, job.status, job.stage, job.total_stages,
               job.created_at, job.updated_at
          FROM {jobs} AS job
         WHERE job.status IN ('queued', 'processing')
           AND job.updated_at < now() - make_interval(secs => :quiet_seconds)
           AND job.updated_at >= now() - make_interval(hours => :hours)         -- when hours
         ORDER BY job.created_at DESC, job.job_id
         LIMIT :looked_at) AS job
 CROSS JOIN LATERAL (
           SELECT count(*) AS tasks, count(task.ended_at) AS ended_tasks,
                  count(*) FILTER (WHERE task.status = 'failed') AS failed_tasks,
                  max(task.updated_at) AS last_task_at
             FROM {tasks} AS task
            WHERE task.parent_job_id = job.job_id
              AND task.stage = job.stage) AS counted
 WHERE counted.tasks = counted.ended_tasks
   AND (counted.tasks > 0 OR job.status = 'processing')
   AND (counted.tasks = 0
        OR counted.last_task_at < now() - make_interval(secs => :quiet_seconds))
 ORDER BY quiet_seconds DESC, job.job_id
 LIMIT :limit;

-- name: tasks_of_stalled
-- The tasks of the stage that each of these jobs is in, those that ended last first.
SELECT job.job_id, ended.task_id, ended.task_type, ended.status, ended.updated_at
  FROM {jobs} AS job
 CROSS JOIN LATERAL (
           SELECT task.task_id, task.task_type, task.status, task.updated_at
             FROM {tasks} AS task
            WHERE task.parent_job_id = job.job_id
              AND task.stage = job.stage
            ORDER BY task.updated_at DESC, task.task_id
            LIMIT :limit) AS ended
 WHERE job.job_id = ANY (:job_ids)
 ORDER BY job.job_id, ended.updated_at DESC, ended.task_id;

-- name: foreign_key
-- Whether the database itself sees to it that each task has its job.
SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint AS held
                WHERE held.contype = 'f'
                  AND held.convalidated
                  AND held.conrelid = to_regclass('{schema}.tasks')
                  AND held.confrelid = to_regclass('{schema}.jobs')) AS is_held;

-- name: tasks_without_job
-- Among the newest tasks, those whose job does not exist.
SELECT task.task_id, task.job_id, task.task_type, task.status, task.stage, task.created_at,
       task.updated_at, count(*) OVER () AS total
  FROM (SELECT task.task_id, task.parent_job_id AS job_id, task.task_type, task.status,
               task.stage, task.created_at, task.updated_at
          FROM {tasks} AS task
         WHERE TRUE
           AND task.created_at >= now() - make_interval(hours => :hours)        -- when hours
         ORDER BY task.created_at DESC, task.task_id
         LIMIT :looked_at) AS task
  LEFT JOIN LATERAL (SELECT 1 AS is_there
                       FROM {jobs} AS job
                      WHERE job.job_id = task.job_id
                      LIMIT 1) AS owner ON true
 WHERE owner.is_there IS NULL
 ORDER BY task.created_at DESC, task.task_id
 LIMIT :limit;

-- name: tasks_left_behind
-- Among the newest tasks that have not ended, those whose job has.
SELECT task.task_id, task.job_id, task.task_type, task.status, task.stage, task.created_at,
       task.updated_at, owner.status AS job_status, owner.ended_at AS job_ended_at,
       count(*) OVER () AS total
  FROM (SELECT task.task_id, task.parent_job_id AS job_id, task.task_type, task.status,
               task.stage, task.created_at, task.updated_at
          FROM {tasks} AS task
         WHERE task.status IN ('processing', 'queued', 'pending', 'ready', 'pending_retry')
           AND task.created_at >= now() - make_interval(hours => :hours)        -- when hours
         ORDER BY task.created_at DESC, task.task_id
         LIMIT :looked_at) AS task
 CROSS JOIN LATERAL (SELECT job.status, job.ended_at
                       FROM {jobs} AS job
                      WHERE job.job_id = task.job_id
                      LIMIT 1) AS owner
 WHERE owner.ended_at IS NOT NULL
 ORDER BY task.created_at DESC, task.task_id
 LIMIT :limit;
