-- The tables of the jobs database under the names and types that the other statements know:
-- {jobs} and {tasks} there are these. {schema} is the one they stand in. A column that is missing
-- is read as if it were empty; `-- when` names the columns that are there. What has ended did so
-- when it was last changed.

-- name: columns
-- What the tables have, whether or not this login may read it.
SELECT tables.relname::text AS table_name, columns.attname::text AS column_name
  FROM pg_catalog.pg_class AS tables
  JOIN pg_catalog.pg_attribute AS columns ON columns.attrelid = tables.oid
 WHERE tables.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace
                               WHERE nspname = lower('{schema}'))
   AND tables.relname IN ('jobs', 'tasks')
   AND columns.attnum > 0
   AND NOT columns.attisdropped
 ORDER BY tables.relname, columns.attnum;

-- name: jobs
SELECT job_id, job_type, status::text AS status,
       stage,                                                   -- when stage
       1 AS stage,                                              -- when not stage
       total_stages,                                            -- when total_stages
       NULL::integer AS total_stages,                           -- when not total_stages
       parameters::jsonb AS parameters,                         -- when parameters
       NULL::jsonb AS parameters,                               -- when not parameters
       stage_results::jsonb AS stage_results,                   -- when stage_results
       NULL::jsonb AS stage_results,                            -- when not stage_results
       result_data::jsonb AS result_data,                       -- when result_data
       NULL::jsonb AS result_data,                              -- when not result_data
       error_details,                                           -- when error_details
       NULL::text AS error_details,                             -- when not error_details
       CASE WHEN status::text IN ('completed', 'failed', 'completed_with_errors', 'cancelled',
                                  'skipped') THEN updated_at END AS ended_at,
       created_at, updated_at
  FROM {schema}.jobs

-- name: tasks
SELECT task_id, parent_job_id, task_type, status::text AS status,
       stage,                                                   -- when stage
       1 AS stage,                                              -- when not stage
       task_index::text AS task_index,                          -- when task_index
       NULL::text AS task_index,                                -- when not task_index
       parameters::jsonb AS parameters,                         -- when parameters
       NULL::jsonb AS parameters,                               -- when not parameters
       result_data::jsonb AS result_data,                       -- when result_data
       NULL::jsonb AS result_data,                              -- when not result_data
       error_details,                                           -- when error_details
       NULL::text AS error_details,                             -- when not error_details
       retry_count,                                             -- when retry_count
       0 AS retry_count,                                        -- when not retry_count
       started_at,                                              -- when started_at
       NULL::timestamptz AS started_at,                         -- when not started_at
       heartbeat,                                               -- when heartbeat
       last_pulse AS heartbeat,                                 -- when last_pulse
       NULL::timestamptz AS heartbeat,                          -- when no_heartbeat
       CASE WHEN status::text IN ('completed', 'failed', 'completed_with_errors', 'cancelled',
                                  'skipped') THEN updated_at END AS ended_at,
       created_at, updated_at
  FROM {schema}.tasks
