-- The three functions, and one job with its tasks that is made to try them on.

-- name: routines
-- How many values each takes, and which; of several of one name all are here.
SELECT routine.proname::text AS name, routine.pronargs::integer AS arguments,
       pg_catalog.pg_get_function_identity_arguments(routine.oid) AS signature
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = routine.pronamespace
 WHERE namespace.nspname = lower('{schema}')
   AND routine.prokind = 'f'
   AND routine.proname IN (
           'complete_task_and_check_stage', 'advance_job_stage', 'check_job_completion')
 ORDER BY routine.proname, routine.pronargs, routine.oid;

-- name: columns_to_give
-- What a new row must give by itself.
SELECT tables.relname::text AS table_name, columns.attname::text AS column_name
  FROM pg_catalog.pg_class AS tables
  JOIN pg_catalog.pg_attribute AS columns ON columns.attrelid = tables.oid
 WHERE tables.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace
                               WHERE nspname = lower('{schema}'))
   AND tables.relname IN ('jobs', 'tasks')
   AND columns.attnum > 0
   AND NOT columns.attisdropped
   AND columns.attnotnull
   AND NOT columns.atthasdef
   AND columns.attidentity = ''
 ORDER BY tables.relname, columns.attnum;

-- name: use_path
-- Until the transaction ends.
SELECT pg_catalog.set_config('search_path',
                             '{schema}',                                          -- when is_own
                             'pg_catalog',                                    -- when not is_own
                             true) AS path;

-- name: add_job
INSERT INTO {schema}.jobs
       (parameters,                                                        -- when has_parameters
        stage_results,                                                  -- when has_stage_results
        job_id, job_type, status, stage, total_stages, created_at, updated_at)
VALUES ('{}',                                                              -- when has_parameters
        '{}',                                                           -- when has_stage_results
        :job_id, :job_type, 'processing', :stage, :total_stages, now(), now());

-- name: add_task
INSERT INTO {schema}.tasks
       (parameters,                                                   -- when has_task_parameters
        task_index,                                                        -- when has_task_index
        retry_count,                                                      -- when has_retry_count
        heartbeat,                                                          -- when has_heartbeat
        last_pulse,                                                        -- when has_last_pulse
        task_id, parent_job_id, task_type, status, stage, created_at, updated_at)
VALUES ('{}',                                                         -- when has_task_parameters
        :task_index,                                                       -- when has_task_index
        0,                                                                -- when has_retry_count
        now(),                                                              -- when has_heartbeat
        now(),                                                             -- when has_last_pulse
        :task_id, :job_id, :task_type, :status, :stage, now(), now());

-- name: end_task
SELECT * FROM {schema}.complete_task_and_check_stage(
           :task_id,
           :job_id, :stage,                                                       -- when job_id
           :result, :error);

-- name: advance
SELECT * FROM {schema}.advance_job_stage(:job_id, :stage, :result);

-- name: check
SELECT * FROM {schema}.check_job_completion(:job_id);

-- name: find_job
SELECT job.status, job.stage, job.total_stages, job.stage_results
  FROM {jobs} AS job
 WHERE job.job_id = :job_id;

-- name: find_task
SELECT task.status, task.result_data, task.error_details
  FROM {tasks} AS task
 WHERE task.task_id = :task_id;

-- name: remove_tasks
DELETE FROM {schema}.tasks WHERE parent_job_id = :job_id;

-- name: remove_job
DELETE FROM {schema}.jobs WHERE job_id = :job_id AND job_type = :job_type;
