-- How long statements, jobs and tasks take, and what the server uses for them.

-- name: statement_source
-- pg_stat_statements may be there and not loaded, or loaded and not there.
SELECT 'pg_stat_statements' AS source, NULL::timestamptz AS since,
       CASE
           WHEN current_setting('pg_stat_statements.max', true) IS NULL
               THEN 'pg_stat_statements is not loaded: add it to shared_preload_libraries, restart'
                    ' the server, and CREATE EXTENSION pg_stat_statements in this database'
           WHEN extension.extversion IS NULL
               THEN 'pg_stat_statements is loaded but not installed here: CREATE EXTENSION'
                    ' pg_stat_statements in this database'
           WHEN to_regclass('pg_stat_statements') IS NULL
               THEN format('pg_stat_statements is in schema %I, which is not on the search_path of'
                           ' this login: ALTER ROLE … SET search_path', namespace.nspname)
           WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                             WHERE attrelid = to_regclass('pg_stat_statements')
                               AND attname = 'total_exec_time')
               THEN 'pg_stat_statements is of before PostgreSQL 13: ALTER EXTENSION'
                    ' pg_stat_statements UPDATE'
       END AS not_available,
       to_regclass('pg_catalog.pg_stat_checkpointer') IS NOT NULL AS has_checkpointer
  FROM (SELECT 1) AS one
  LEFT JOIN pg_catalog.pg_extension AS extension ON extension.extname = 'pg_stat_statements'
  LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extension.extnamespace;

-- name: slow_statements
-- Those first that took most of the server's time in all.
SELECT left(query, 2000) AS query, calls, total_exec_time AS total_ms,
       mean_exec_time AS mean_ms, max_exec_time AS max_ms, rows,
       CAST(shared_blks_hit AS double precision)
           / nullif(shared_blks_hit + shared_blks_read, 0) AS hit_ratio
  FROM pg_stat_statements
 WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
 ORDER BY total_exec_time DESC
 LIMIT :limit;

-- name: task_times
-- Of the tasks that ended in the last hours, and in as many before: by stage and type, and by type.
WITH ended AS MATERIALIZED (
         SELECT task.task_type, task.stage, task.status = 'failed' AS has_failed,
                task.updated_at >= now() - make_interval(hours => :hours) AS is_now,
                CAST(1000 * extract(epoch FROM greatest(task.ended_at
                         - coalesce(task.started_at, task.created_at), interval '0'))
                     AS double precision) AS working_ms,
                CAST(1000 * extract(epoch FROM greatest(task.ended_at - task.created_at,
                         interval '0')) AS double precision) AS total_ms,
                CASE WHEN task.started_at IS NOT NULL  -- which greatest() would pass over
                     THEN CAST(1000 * extract(epoch FROM greatest(
                                   task.started_at - task.created_at, interval '0'))
                               AS double precision) END AS queue_wait_ms
           FROM {tasks} AS task
          WHERE task.updated_at >= now() - make_interval(hours => 2 * :hours)
            AND task.ended_at IS NOT NULL),
     spread AS (
         SELECT task_type, stage, grouping(stage) AS is_of_type, is_now,
                count(*) AS ended, count(*) FILTER (WHERE has_failed) AS failed,
                avg(working_ms) AS working_mean, max(working_ms) AS working_max,
                percentile_cont(ARRAY[0.5, 0.95, 0.99])
                    WITHIN GROUP (ORDER BY working_ms) AS working,
                avg(total_ms) AS total_mean, max(total_ms) AS total_max,
                percentile_cont(ARRAY[0.5, 0.95, 0.99])
                    WITHIN GROUP (ORDER BY CASE WHEN is_now THEN total_ms END) AS total,
                count(queue_wait_ms) AS waits, avg(queue_wait_ms) AS wait_mean,
                max(queue_wait_ms) AS wait_max,
                percentile_cont(ARRAY[0.5, 0.95, 0.99])
                    WITHIN GROUP (ORDER BY CASE WHEN is_now THEN queue_wait_ms END) AS wait
           FROM ended
          GROUP BY GROUPING SETS ((task_type, is_now, stage), (task_type, is_now)))
SELECT CASE spread.is_of_type WHEN 1 THEN 'task_type' ELSE 'stage' END AS kind,
       spread.task_type AS name, spread.stage, spread.is_now, measured.metric,
       spread.ended, spread.failed, measured.known, measured.mean_ms,
       measured.percentiles[1] AS p50_ms, measured.percentiles[2] AS p95_ms,
       measured.percentiles[3] AS p99_ms, measured.max_ms
  FROM spread
 CROSS JOIN LATERAL (VALUES
       ('working', spread.ended, spread.working_mean, spread.working, spread.working_max),
       ('total', spread.ended, spread.total_mean, spread.total, spread.total_max),
       ('queue_wait', spread.waits, spread.wait_mean, spread.wait, spread.wait_max))
       AS measured (metric, known, mean_ms, percentiles, max_ms)
 WHERE spread.is_now OR measured.metric = 'working'
 ORDER BY spread.ended DESC, spread.task_type, spread.stage, spread.is_now, measured.metric
 LIMIT :limit;

-- name: job_times
-- Of the jobs that ended in the last hours, and in as many before, by type.
WITH ended AS MATERIALIZED (
         SELECT job.job_type, job.status IN ('failed', 'completed_with_errors') AS has_failed,
                job.updated_at >= now() - make_interval(hours => :hours) AS is_now,
                CAST(1000 * extract(epoch FROM greatest(job.ended_at - job.created_at,
                         interval '0')) AS double precision) AS total_ms
           FROM {jobs} AS job
          WHERE job.updated_at >= now() - make_interval(hours => 2 * :hours)
            AND job.ended_at IS NOT NULL),
     spread AS (
         SELECT job_type, is_now, count(*) AS ended, count(*) FILTER (WHERE has_failed) AS failed,
                avg(total_ms) AS mean_ms, max(total_ms) AS max_ms,
                percentile_cont(ARRAY[0.5, 0.95, 0.99])
                    WITHIN GROUP (ORDER BY total_ms) AS percentiles
           FROM ended
          GROUP BY job_type, is_now)
SELECT 'job_type' AS kind, job_type AS name, NULL::integer AS stage, is_now, 'total' AS metric,
       ended, failed, ended AS known, mean_ms, percentiles[1] AS p50_ms,
       percentiles[2] AS p95_ms, percentiles[3] AS p99_ms, max_ms
  FROM spread
 ORDER BY ended DESC, job_type, is_now
 LIMIT :limit;

-- name: resources
-- The counters of this database; those of checkpoints, of the server.
SELECT figures.name, CAST(figures.value AS double precision) AS value, figures.unit
  FROM pg_catalog.pg_stat_database AS counted
 CROSS JOIN LATERAL (VALUES
       ('cache_hit_ratio',
        counted.blks_hit::numeric / nullif(counted.blks_hit + counted.blks_read, 0), 'ratio'),
       ('blocks_read', counted.blks_read, 'blocks'),
       ('temp_files', counted.temp_files, 'files'),
       ('temp_bytes', counted.temp_bytes, 'bytes'),
       ('deadlocks', counted.deadlocks, 'deadlocks'),
       ('rows_read', counted.tup_returned, 'rows'),
       ('rows_inserted', counted.tup_inserted, 'rows'),
       ('rows_updated', counted.tup_updated, 'rows'),
       ('rows_deleted', counted.tup_deleted, 'rows'),
       ('commits', counted.xact_commit, 'transactions'),
       ('rollbacks', counted.xact_rollback, 'transactions'),
       ('checkpoints_timed',
        (SELECT num_timed FROM pg_stat_checkpointer),                     -- when checkpointer
        (SELECT checkpoints_timed FROM pg_stat_bgwriter),             -- when not checkpointer
        'checkpoints'),
       ('checkpoints_requested',
        (SELECT num_requested FROM pg_stat_checkpointer),                 -- when checkpointer
        (SELECT checkpoints_req FROM pg_stat_bgwriter),               -- when not checkpointer
        'checkpoints')) AS figures (name, value, unit)
 WHERE counted.datname = current_database()
   AND figures.value IS NOT NULL;
