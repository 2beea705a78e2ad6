-- What the server knows of the jobs database: from the catalogue and the counters. A table's size
-- and its indexes' text cannot be had while somebody holds it for himself alone: they are left out
-- then, so that nobody has to wait who wants to know what everybody waits for.

-- name: server
SELECT current_setting('server_version') AS version,
       current_database()::text AS database_name,
       pg_database_size(current_database()) AS size_bytes,
       CAST(current_setting('max_connections') AS integer) AS max_connections,
       pg_postmaster_start_time() AS started_at,
       CAST(extract(epoch FROM now() - pg_postmaster_start_time()) AS bigint) AS uptime_seconds,
       (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
           AS statistics_since;

-- name: tables
-- The biggest by their pages, which the catalogue has; then what they take now.
SELECT tables.schema, tables.name,
       CASE WHEN tables.may_be_read THEN pg_total_relation_size(tables.oid) END AS total_bytes,
       CASE WHEN tables.may_be_read
            THEN pg_table_size(tables.oid)
                 - coalesce(pg_total_relation_size(tables.toast), 0) END AS table_bytes,
       CASE WHEN tables.may_be_read THEN pg_indexes_size(tables.oid) END AS index_bytes,
       CASE WHEN tables.may_be_read
            THEN coalesce(pg_total_relation_size(tables.toast), 0) END AS toast_bytes,
       CASE WHEN tables.reltuples < 0 THEN counted.n_live_tup
            ELSE tables.reltuples::bigint END AS rows,
       counted.n_dead_tup AS dead_rows,
       counted.seq_scan AS seq_scans,
       counted.idx_scan AS index_scans,
       greatest(counted.last_vacuum, counted.last_autovacuum) AS last_vacuum,
       greatest(counted.last_analyze, counted.last_autoanalyze) AS last_analyze
  FROM (SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name,
               class.reltuples, nullif(class.reltoastrelid, 0::oid) AS toast,
               NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS held
                            WHERE held.relation = class.oid
                              AND held.mode = 'AccessExclusiveLock') AS may_be_read
          FROM pg_catalog.pg_class AS class
          JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
         WHERE class.relkind IN ('r', 'm')
           AND class.relpersistence <> 't'
           AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
         ORDER BY class.relpages
                  + coalesce((SELECT toast.relpages FROM pg_catalog.pg_class AS toast
                               WHERE toast.oid = class.reltoastrelid), 0)
                  + coalesce((SELECT sum(indexes.relpages)
                                FROM pg_catalog.pg_index AS listed
                                JOIN pg_catalog.pg_class AS indexes
                                  ON indexes.oid = listed.indexrelid
                               WHERE listed.indrelid = class.oid), 0) DESC,
                  namespace.nspname, class.relname
         LIMIT :limit) AS tables
  LEFT JOIN pg_catalog.pg_stat_all_tables AS counted ON counted.relid = tables.oid
 ORDER BY total_bytes DESC NULLS FIRST, tables.schema, tables.name;

-- name: indexes
-- The biggest; or of those that were never used the ones that are there for speed alone.
SELECT indexes.schema, indexes."table", indexes.name,
       CASE WHEN indexes.may_be_read THEN pg_relation_size(indexes.oid) END AS bytes,
       indexes.scans, indexes.is_unique, indexes.is_primary, indexes.is_valid,
       CASE WHEN indexes.may_be_read THEN pg_get_indexdef(indexes.oid) END AS definition
  FROM (SELECT class.oid, namespace.nspname::text AS schema, tables.relname::text AS "table",
               class.relname::text AS name, counted.idx_scan AS scans,
               listed.indisunique AS is_unique, listed.indisprimary AS is_primary,
               listed.indisvalid AND listed.indisready AS is_valid,
               NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS held
                            WHERE held.relation IN (class.oid, tables.oid)
                              AND held.mode = 'AccessExclusiveLock') AS may_be_read
          FROM pg_catalog.pg_index AS listed
          JOIN pg_catalog.pg_class AS class ON class.oid = listed.indexrelid
          JOIN pg_catalog.pg_class AS tables ON tables.oid = listed.indrelid
          JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
          LEFT JOIN pg_catalog.pg_stat_all_indexes AS counted ON counted.indexrelid = class.oid
         WHERE class.relkind = 'i'
           AND class.relpersistence <> 't'
           AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
           AND NOT listed.indisunique                                           -- when unused
           AND NOT listed.indisexclusion                                        -- when unused
           AND coalesce(counted.idx_scan, 0) = 0                                -- when unused
         ORDER BY class.relpages DESC, namespace.nspname, class.relname
         LIMIT :limit) AS indexes
 ORDER BY bytes DESC NULLS FIRST, indexes.schema, indexes.name;

-- name: missing_indexes
-- What the statements on {schema}.jobs and {schema}.tasks want and no valid index begins with.
-- Left out where a column is not there, or is read as another type than it has, for then no index
-- helps. `first_keys` are the keys that matter; the rest keeps an order that few rows are left for.
SELECT wanted."table", wanted.keys AS columns, wanted.serves,
       format('CREATE INDEX CONCURRENTLY %I ON %I.%I %s(%s)%s%s',
              wanted.name || CASE WHEN named.oid IS NULL THEN '' ELSE '_new' END,
              namespace.nspname, wanted."table",
              CASE wanted.method WHEN 'gin' THEN 'USING gin ' ELSE '' END,
              wanted.keys || CASE wanted.method WHEN 'gin' THEN ' jsonb_path_ops' ELSE '' END,
              CASE wanted.name WHEN 'ix_tasks_of_job' THEN ' INCLUDE (status)' END,
              ' WHERE ' || wanted.condition) AS ddl
  FROM (VALUES
        ('jobs', 'ix_jobs_created_at', 'created_at DESC, job_id', 'created_at', 'btree',
         NULL, NULL, 'created_at', NULL, 'the newest jobs'),
        ('jobs', 'ix_jobs_status', 'status, created_at DESC, job_id', 'status,created_at',
         'btree', NULL, NULL, 'status,created_at', NULL, 'jobs of a status'),
        ('jobs', 'ix_jobs_job_type', 'job_type, created_at DESC, job_id', 'job_type,created_at',
         'btree', NULL, NULL, 'job_type,created_at', NULL, 'jobs of a type'),
        ('jobs', 'ix_jobs_updated_at', 'updated_at DESC, job_id', 'updated_at', 'btree', NULL,
         NULL, 'updated_at', NULL, 'jobs by their last change, what ended in an hour'),
        ('jobs', 'ix_jobs_failed', 'updated_at DESC, job_id', 'updated_at', 'btree',
         'status = ''failed''', '%= ''failed''%', 'status,updated_at', NULL, 'failed jobs'),
        ('jobs', 'ix_jobs_duration', '(updated_at - created_at) DESC, job_id',
         'updated_at - created_at', 'btree',
         'status IN (''completed'', ''failed'', ''completed_with_errors'', ''cancelled'','
         ' ''skipped'')', '%= ANY%', 'status,updated_at,created_at', NULL, 'jobs by duration'),
        ('jobs', 'ix_jobs_running', 'created_at, job_id', 'created_at', 'btree',
         'status NOT IN (''completed'', ''failed'', ''completed_with_errors'', ''cancelled'','
         ' ''skipped'')', '%<> ALL%', 'status,created_at', NULL, 'jobs that have not ended'),
        ('jobs', 'ix_jobs_parameters', 'parameters', 'parameters', 'gin', NULL, NULL,
         'parameters', NULL, 'jobs by what they were asked to do'),
        ('tasks', 'ix_tasks_of_job', 'parent_job_id, stage, task_id', 'parent_job_id', 'btree',
         NULL, NULL, 'parent_job_id,stage', NULL, 'the tasks of a job'),
        ('tasks', 'ix_tasks_created_at', 'created_at DESC, task_id', 'created_at', 'btree', NULL,
         NULL, 'created_at', NULL, 'the newest tasks'),
        ('tasks', 'ix_tasks_status', 'status, created_at DESC, task_id', 'status,created_at',
         'btree', NULL, NULL, 'status,created_at', NULL, 'tasks of a status'),
        ('tasks', 'ix_tasks_task_type', 'task_type, created_at DESC, task_id',
         'task_type,created_at', 'btree', NULL, NULL, 'task_type,created_at', NULL,
         'tasks of a type'),
        ('tasks', 'ix_tasks_stage', 'stage, created_at DESC, task_id', 'stage,created_at',
         'btree', NULL, NULL, 'stage,created_at', NULL, 'tasks of a stage'),
        ('tasks', 'ix_tasks_updated_at', 'updated_at DESC, task_id', 'updated_at', 'btree', NULL,
         NULL, 'updated_at', NULL, 'what ended in an hour, and how long it took'),
        ('tasks', 'ix_tasks_failed', 'updated_at DESC, task_id', 'updated_at', 'btree',
         'status = ''failed''', '%= ''failed''%', 'status,updated_at', NULL, 'failed tasks'),
        ('tasks', 'ix_tasks_processing', 'heartbeat, task_id', 'heartbeat', 'btree',
         'status = ''processing''', '%= ''processing''%', 'status,heartbeat', NULL,
         'tasks that somebody works on'),
        ('tasks', 'ix_tasks_processing', 'last_pulse, task_id', 'last_pulse', 'btree',
         'status = ''processing''', '%= ''processing''%', 'status,last_pulse', 'heartbeat',
         'tasks that somebody works on'))
       AS wanted ("table", name, keys, first_keys, method, condition, condition_like, needs,
                  without, serves)
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = lower('{schema}')
  JOIN pg_catalog.pg_class AS class
    ON class.relnamespace = namespace.oid
   AND class.relname = wanted."table"
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS held
                    WHERE held.relation = class.oid
                      AND held.mode = 'AccessExclusiveLock')
  LEFT JOIN pg_catalog.pg_class AS named
    ON named.relnamespace = namespace.oid AND named.relname = wanted.name
  JOIN LATERAL (
       SELECT array_agg(attribute.attname::text) AS names,
              count(DISTINCT attribute.atttypid)
                  FILTER (WHERE attribute.attname IN ('created_at', 'updated_at')) AS time_types,
              array_agg(attribute.attname::text) FILTER (
                  WHERE kind.typtype <> 'e'
                    AND (attribute.attname <> 'parameters' OR kind.typname = 'jsonb')) AS usable
         FROM pg_catalog.pg_attribute AS attribute
         JOIN pg_catalog.pg_type AS kind ON kind.oid = attribute.atttypid
        WHERE attribute.attrelid = class.oid
          AND attribute.attnum > 0
          AND NOT attribute.attisdropped) AS columns ON true
 WHERE string_to_array(wanted.needs, ',') <@ columns.usable
   AND NOT coalesce(wanted.without = ANY (columns.names), false)
   AND (wanted.name <> 'ix_jobs_duration' OR columns.time_types = 1)
   AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_index AS listed
             JOIN pg_catalog.pg_class AS index_class ON index_class.oid = listed.indexrelid
             JOIN pg_catalog.pg_am AS method ON method.oid = index_class.relam
            WHERE listed.indrelid = class.oid
              AND listed.indisvalid
              AND method.amname = wanted.method
              AND string_to_array(wanted.first_keys, ',') = ARRAY(
                      SELECT btrim(pg_get_indexdef(listed.indexrelid, place, false), '()')
                        FROM generate_series(
                                 1, cardinality(string_to_array(wanted.first_keys, ',')))
                             AS place)
              AND CASE WHEN wanted.condition IS NULL THEN listed.indpred IS NULL
                       ELSE replace(split_part(pg_get_indexdef(listed.indexrelid), ' WHERE ', 2),
                                    '(status)::text', 'status') LIKE wanted.condition_like END)
 ORDER BY wanted."table", wanted.name;

-- name: suggested_indexes
-- PostgreSQL suggests none.
SELECT ''::text AS "table", ''::text AS columns, NULL::text AS included, 0::bigint AS uses,
       0::double precision AS impact_percent, ''::text AS ddl
 WHERE false
 LIMIT :limit;

-- name: scanned_tables
-- Tables of some size that are often read from end to end, those first that cost most.
SELECT counted.schemaname::text AS schema, counted.relname::text AS name,
       counted.seq_scan AS seq_scans, counted.seq_tup_read AS rows_read,
       counted.n_live_tup AS rows
  FROM pg_catalog.pg_stat_user_tables AS counted
 WHERE counted.seq_scan >= 10
   AND counted.seq_tup_read / counted.seq_scan >= 10000
 ORDER BY counted.seq_tup_read DESC, counted.relid
 LIMIT :limit;

-- name: activity_by_hour
-- Each hour by the clock: what was created in it, and what ended in it.
WITH jobs_created AS (
         SELECT date_trunc('hour', job.created_at)::timestamptz AS hour, count(*) AS jobs
           FROM {jobs} AS job
          WHERE job.created_at >= date_trunc('hour', now()) - make_interval(hours => :hours - 1)
          GROUP BY 1),
     jobs_ended AS (
         SELECT date_trunc('hour', job.updated_at)::timestamptz AS hour,
                count(*) FILTER (WHERE job.status = 'completed') AS completed,
                count(*) FILTER (WHERE job.status = 'completed_with_errors') AS with_errors,
                count(*) FILTER (WHERE job.status = 'failed') AS failed
           FROM {jobs} AS job
          WHERE job.updated_at >= date_trunc('hour', now()) - make_interval(hours => :hours - 1)
            AND job.status IN ('completed', 'completed_with_errors', 'failed')
          GROUP BY 1),
     tasks_created AS (
         SELECT date_trunc('hour', task.created_at)::timestamptz AS hour, count(*) AS tasks
           FROM {tasks} AS task
          WHERE task.created_at >= date_trunc('hour', now()) - make_interval(hours => :hours - 1)
          GROUP BY 1),
     tasks_ended AS (
         SELECT date_trunc('hour', task.updated_at)::timestamptz AS hour,
                count(*) FILTER (WHERE task.status = 'completed') AS completed,
                count(*) FILTER (WHERE task.status = 'failed') AS failed
           FROM {tasks} AS task
          WHERE task.updated_at >= date_trunc('hour', now()) - make_interval(hours => :hours - 1)
            AND task.status IN ('completed', 'failed')
          GROUP BY 1)
SELECT hours.hour,
       coalesce(jobs_created.jobs, 0) AS jobs_created,
       coalesce(jobs_ended.completed, 0) AS jobs_completed,
       coalesce(jobs_ended.with_errors, 0) AS jobs_completed_with_errors,
       coalesce(jobs_ended.failed, 0) AS jobs_failed,
       coalesce(tasks_created.tasks, 0) AS tasks_created,
       coalesce(tasks_ended.completed, 0) AS tasks_completed,
       coalesce(tasks_ended.failed, 0) AS tasks_failed
  FROM (SELECT date_trunc('hour', now()) - make_interval(hours => ago) AS hour
          FROM generate_series(0, :hours - 1) AS ago) AS hours
  LEFT JOIN jobs_created ON jobs_created.hour = hours.hour
  LEFT JOIN jobs_ended ON jobs_ended.hour = hours.hour
  LEFT JOIN tasks_created ON tasks_created.hour = hours.hour
  LEFT JOIN tasks_ended ON tasks_ended.hour = hours.hour
 ORDER BY hours.hour;

-- name: cache_use
SELECT CAST(blks_hit AS double precision) / nullif(blks_hit + blks_read, 0) AS ratio,
       blks_hit AS hits, blks_read AS reads
  FROM pg_catalog.pg_stat_database
 WHERE datname = current_database();

-- name: waits
-- What sessions wait for at this moment, but for work and for their clients.
SELECT wait_event_type AS kind, wait_event AS name, count(*) AS waiting_sessions,
       NULL::bigint AS waits, NULL::bigint AS waited_ms
  FROM pg_catalog.pg_stat_activity
 WHERE wait_event_type NOT IN ('Activity', 'Client')
   AND pid <> pg_backend_pid()
 GROUP BY wait_event_type, wait_event
 ORDER BY waiting_sessions DESC, wait_event_type, wait_event
 LIMIT :limit;
