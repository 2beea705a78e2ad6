-- The jobs database, which is only ever read. {jobs} and {tasks} are in relations.sql.

-- name: now
SELECT now() AS now;

-- name: find
-- A job, with its tasks counted by status.
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages,
       page.parameters, page.stage_results, page.result_data, page.error_details,
       page.created_at, page.updated_at,
       CAST(1000 * extract(epoch FROM coalesce(page.ended_at, now()) - page.created_at) AS bigint)
           AS duration_ms,
       coalesce(counted.task_counts, '{"total": 0}') AS task_counts
  FROM {jobs} AS page
  LEFT JOIN LATERAL (
           SELECT jsonb_object_agg(by_status.status, by_status.tasks)
                  || jsonb_build_object('total', sum(by_status.tasks)) AS task_counts
             FROM (SELECT task.status, count(*) AS tasks
                     FROM {tasks} AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted ON true
 WHERE page.job_id = :job_id;

-- name: newest
-- The newest jobs first, or the oldest, each with its tasks counted by status. Of several statuses
-- the newest of each are found by their index: the others need not be read.
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages,
       page.parameters, page.stage_results, page.result_data, page.error_details,
       page.created_at, page.updated_at,
       CAST(1000 * extract(epoch FROM coalesce(page.ended_at, now()) - page.created_at) AS bigint)
           AS duration_ms,
       coalesce(counted.task_counts, '{"total": 0}') AS task_counts
  FROM (SELECT job.*
          FROM (                                                            -- when not each_status
          FROM unnest(CAST(:each_status AS text[])) AS wanted (status)          -- when each_status
         CROSS JOIN LATERAL (                                                   -- when each_status
                SELECT job.*
                  FROM (SELECT job.*,
                               job.created_at AS place                        -- when not by_update
                               job.updated_at AS place                            -- when by_update
                          FROM {jobs} AS job) AS job
                 WHERE TRUE
                   AND job.status = :status                                          -- when status
                   AND job.status = ANY (:statuses)                                -- when statuses
                   AND job.status = wanted.status                               -- when each_status
                   AND job.job_type = :job_type                                    -- when job_type
                   AND job.created_at >= now() - make_interval(hours => :hours)       -- when hours
                   AND job.parameters @> ANY (CAST(:documents AS jsonb[]))            -- when pairs
                   AND job.place <= :before_at                                    -- when before_at
                   AND (job.place < :before_at OR job.job_id > :last_id)          -- when before_at
                   AND job.place >= :since_at                                      -- when since_at
                   AND (job.place > :since_at OR job.job_id < :last_id)            -- when since_at
                 ORDER BY job.place DESC, job.job_id                       -- when not oldest_first
                 ORDER BY job.place, job.job_id DESC                           -- when oldest_first
                 LIMIT :limit) AS job
         ORDER BY job.place DESC, job.job_id                               -- when not oldest_first
         ORDER BY job.place, job.job_id DESC                                   -- when oldest_first
         LIMIT :limit) AS page
  LEFT JOIN LATERAL (
           SELECT jsonb_object_agg(by_status.status, by_status.tasks)
                  || jsonb_build_object('total', sum(by_status.tasks)) AS task_counts
             FROM (SELECT task.status, count(*) AS tasks
                     FROM {tasks} AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted ON true
 ORDER BY page.place DESC, page.job_id                                      -- when not oldest_first
 ORDER BY page.place, page.job_id DESC;                                         -- when oldest_first

-- name: longest
-- Jobs by how long they had taken at an instant, the longest first, or the shortest. What had ended
-- by then is found by the time it took, what had not by when it began.
WITH chosen AS NOT MATERIALIZED (
    SELECT job.*
      FROM {jobs} AS job
     WHERE job.created_at <= :as_of
       AND job.status = ANY (:statuses)                                            -- when statuses
       AND job.job_type = :job_type                                                -- when job_type
       AND job.created_at >= :as_of - make_interval(hours => :hours)                  -- when hours
       AND job.parameters @> ANY (CAST(:documents AS jsonb[]))                        -- when pairs
),
ended AS (
    SELECT job.*, job.updated_at - job.created_at AS lasted
      FROM chosen AS job
     WHERE job.status IN ('completed', 'failed', 'completed_with_errors', 'cancelled', 'skipped')
       AND job.updated_at <= :as_of
       AND job.updated_at - job.created_at <= :at_most_us * interval '1 us'      -- when at_most_us
       AND (job.updated_at - job.created_at < :at_most_us * interval '1 us'      -- when at_most_us
            OR job.job_id > :last_id)                                            -- when at_most_us
       AND job.updated_at - job.created_at >= :at_least_us * interval '1 us'    -- when at_least_us
       AND (job.updated_at - job.created_at > :at_least_us * interval '1 us'    -- when at_least_us
            OR job.job_id < :last_id)                                           -- when at_least_us
     ORDER BY job.updated_at - job.created_at DESC, job.job_id           -- when not shortest_first
     ORDER BY job.updated_at - job.created_at, job.job_id DESC               -- when shortest_first
     LIMIT :limit
),
running AS (
    SELECT job.*, :as_of - job.created_at AS lasted
      FROM chosen AS job
     WHERE job.status NOT IN ('completed', 'failed', 'completed_with_errors', 'cancelled',
                              'skipped')
       AND job.created_at >= :as_of - :at_most_us * interval '1 us'              -- when at_most_us
       AND (job.created_at > :as_of - :at_most_us * interval '1 us'              -- when at_most_us
            OR job.job_id > :last_id)                                            -- when at_most_us
       AND job.created_at <= :as_of - :at_least_us * interval '1 us'            -- when at_least_us
       AND (job.created_at < :as_of - :at_least_us * interval '1 us'            -- when at_least_us
            OR job.job_id < :last_id)                                           -- when at_least_us
     ORDER BY job.created_at, job.job_id                                 -- when not shortest_first
     ORDER BY job.created_at DESC, job.job_id DESC                           -- when shortest_first
     LIMIT :limit
),
ended_since AS (
    SELECT job.*, :as_of - job.created_at AS lasted
      FROM chosen AS job
     WHERE job.status IN ('completed', 'failed', 'completed_with_errors', 'cancelled', 'skipped')
       AND job.updated_at > :as_of
       AND job.created_at >= :as_of - :at_most_us * interval '1 us'              -- when at_most_us
       AND (job.created_at > :as_of - :at_most_us * interval '1 us'              -- when at_most_us
            OR job.job_id > :last_id)                                            -- when at_most_us
       AND job.created_at <= :as_of - :at_least_us * interval '1 us'            -- when at_least_us
       AND (job.created_at < :as_of - :at_least_us * interval '1 us'            -- when at_least_us
            OR job.job_id < :last_id)                                           -- when at_least_us
     ORDER BY job.created_at, job.job_id                                 -- when not shortest_first
     ORDER BY job.created_at DESC, job.job_id DESC                           -- when shortest_first
     LIMIT :limit
),
page AS (
    SELECT job.*
      FROM (SELECT * FROM ended UNION ALL SELECT * FROM running
            UNION ALL SELECT * FROM ended_since) AS job
     ORDER BY job.lasted DESC, job.job_id                                -- when not shortest_first
     ORDER BY job.lasted, job.job_id DESC                                    -- when shortest_first
     LIMIT :limit
)
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages,
       page.parameters, page.stage_results, page.result_data, page.error_details,
       page.created_at, page.updated_at,
       CAST(1000 * extract(epoch FROM page.lasted) AS bigint) AS duration_ms,
       coalesce(counted.task_counts, '{"total": 0}') AS task_counts,
       CAST(1000000 * extract(epoch FROM page.lasted) AS bigint) AS lasted_us
  FROM page
  LEFT JOIN LATERAL (
           SELECT jsonb_object_agg(by_status.status, by_status.tasks)
                  || jsonb_build_object('total', sum(by_status.tasks)) AS task_counts
             FROM (SELECT task.status, count(*) AS tasks
                     FROM {tasks} AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted ON true
 ORDER BY page.lasted DESC, page.job_id                                   -- when not shortest_first
 ORDER BY page.lasted, page.job_id DESC;                                     -- when shortest_first

-- name: newest_tasks
-- The newest tasks first, or the oldest, of any job; of several statuses as in `newest`.
SELECT task.task_id, task.parent_job_id, task.task_type, task.status, task.stage,
       task.task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.started_at, task.created_at, task.updated_at,
       CAST(1000 * extract(epoch FROM coalesce(task.ended_at, now()) - task.created_at) AS bigint)
           AS duration_ms
  FROM (                                                                    -- when not each_status
  FROM unnest(CAST(:each_status AS text[])) AS wanted (status)                  -- when each_status
 CROSS JOIN LATERAL (                                                           -- when each_status
        SELECT task.*
          FROM (SELECT task.*,
                       task.created_at AS place                               -- when not by_update
                       task.updated_at AS place                                   -- when by_update
                  FROM {tasks} AS task) AS task
         WHERE TRUE
           AND task.status = :status                                                 -- when status
           AND task.status = ANY (:statuses)                                       -- when statuses
           AND task.status = wanted.status                                      -- when each_status
           AND task.stage = :stage                                                    -- when stage
           AND task.task_type = :task_type                                        -- when task_type
           AND task.created_at >= now() - make_interval(hours => :hours)              -- when hours
           AND task.place <= :before_at                                           -- when before_at
           AND (task.place < :before_at OR task.task_id > :last_id)               -- when before_at
           AND task.place >= :since_at                                             -- when since_at
           AND (task.place > :since_at OR task.task_id < :last_id)                 -- when since_at
         ORDER BY task.place DESC, task.task_id                            -- when not oldest_first
         ORDER BY task.place, task.task_id DESC                                -- when oldest_first
         LIMIT :limit) AS task
 ORDER BY task.place DESC, task.task_id                                    -- when not oldest_first
 ORDER BY task.place, task.task_id DESC                                        -- when oldest_first
 LIMIT :limit;

-- name: tasks_of
-- One job's tasks, in the order in which they are meant to run.
SELECT task.task_id, task.parent_job_id, task.task_type, task.status, task.stage,
       task.task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.started_at, task.created_at, task.updated_at,
       CAST(1000 * extract(epoch FROM coalesce(task.ended_at, now()) - task.created_at) AS bigint)
           AS duration_ms
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
   AND task.status = ANY (:statuses)                                   -- when statuses
   AND (task.stage, task.task_id) > (:after_stage, :after_id)             -- when after_stage
 ORDER BY task.stage, task.task_id
 LIMIT :limit;

-- name: stages
-- The progress of each stage of one job.
SELECT task.stage, count(*) AS total,
       count(*) FILTER (WHERE task.status = 'completed') AS completed,
       count(*) FILTER (WHERE task.status = 'failed') AS failed,
       count(*) FILTER (WHERE task.status = 'processing') AS processing,
       count(*) FILTER (WHERE task.status NOT IN ('completed', 'failed', 'processing'))
           AS waiting,
       min(task.created_at) AS created_at, max(task.updated_at) AS updated_at
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
 GROUP BY task.stage
 ORDER BY task.stage;

-- name: job_counts
SELECT job.status, count(*) AS jobs
  FROM {jobs} AS job
 WHERE job.created_at >= now() - make_interval(hours => :hours)
 GROUP BY job.status;

-- name: task_counts
SELECT task.status, count(*) AS tasks
  FROM {tasks} AS task
 WHERE task.created_at >= now() - make_interval(hours => :hours)
 GROUP BY task.status;

-- name: functions
-- Which of the three functions the schema has.
SELECT DISTINCT routine.proname::text AS name
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = routine.pronamespace
 WHERE namespace.nspname = lower('{schema}')
   AND routine.proname IN (
           'complete_task_and_check_stage', 'advance_job_stage', 'check_job_completion')
 ORDER BY 1;
