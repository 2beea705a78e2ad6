-- The three functions, which are procedures here, and one job with its tasks that is made to try
-- them on.

-- name: routines
-- How many values each takes, and which.
SELECT routine.name,
       (SELECT COUNT(*) FROM sys.all_parameters AS one
         WHERE one.object_id = routine.object_id AND one.parameter_id > 0) AS arguments,
       COALESCE((SELECT STRING_AGG(CAST(one.name AS nvarchar(max)) + N' '
                                   + TYPE_NAME(one.user_type_id), N', ')
                        WITHIN GROUP (ORDER BY one.parameter_id)
                   FROM sys.all_parameters AS one
                  WHERE one.object_id = routine.object_id AND one.parameter_id > 0), N'')
           AS signature
  FROM sys.objects AS routine
 WHERE routine.schema_id = SCHEMA_ID(N'{schema}')
   AND routine.type = 'P'
   AND routine.name IN (
           N'complete_task_and_check_stage', N'advance_job_stage', N'check_job_completion')
 ORDER BY routine.name;

-- name: columns_to_give
-- What a new row must give by itself.
SELECT OBJECT_NAME(col.object_id) AS table_name, col.name AS column_name
  FROM sys.columns AS col
 WHERE col.object_id IN (OBJECT_ID(N'[{schema}].jobs'), OBJECT_ID(N'[{schema}].tasks'))
   AND col.is_nullable = 0
   AND col.is_identity = 0
   AND col.is_computed = 0
   AND NOT EXISTS (SELECT 1 FROM sys.default_constraints AS given
                    WHERE given.parent_object_id = col.object_id
                      AND given.parent_column_id = col.column_id)
 ORDER BY table_name, col.column_id;

-- name: use_path
-- A procedure finds the tables of its own schema: there is nothing to set.
SELECT N'{schema}' AS path;                                                    -- when is_own
SELECT N'' AS path;                                                        -- when not is_own

-- name: add_job
INSERT INTO [{schema}].jobs
       (parameters,                                                        -- when has_parameters
        stage_results,                                                  -- when has_stage_results
        job_id, job_type, status, stage, total_stages, created_at, updated_at)
VALUES (N'{}',                                                             -- when has_parameters
        N'{}',                                                          -- when has_stage_results
        :job_id, :job_type, N'processing', :stage, :total_stages, SYSUTCDATETIME(),
        SYSUTCDATETIME());
SELECT @@ROWCOUNT AS changed;

-- name: add_task
INSERT INTO [{schema}].tasks
       (parameters,                                                   -- when has_task_parameters
        task_index,                                                        -- when has_task_index
        retry_count,                                                      -- when has_retry_count
        heartbeat,                                                          -- when has_heartbeat
        last_pulse,                                                        -- when has_last_pulse
        task_id, parent_job_id, task_type, status, stage, created_at, updated_at)
VALUES (N'{}',                                                        -- when has_task_parameters
        :task_index,                                                       -- when has_task_index
        0,                                                                -- when has_retry_count
        SYSUTCDATETIME(),                                                   -- when has_heartbeat
        SYSUTCDATETIME(),                                                  -- when has_last_pulse
        :task_id, :job_id, :task_type, :status, :stage, SYSUTCDATETIME(), SYSUTCDATETIME());
SELECT @@ROWCOUNT AS changed;

-- name: end_task
EXEC [{schema}].complete_task_and_check_stage
     :task_id,
     :job_id, :stage,                                                             -- when job_id
     :result, :error;

-- name: advance
EXEC [{schema}].advance_job_stage :job_id, :stage, :result;

-- name: check
EXEC [{schema}].check_job_completion :job_id;

-- name: find_job
SELECT job.status, job.stage, job.total_stages, job.stage_results
  FROM {jobs} AS job
 WHERE job.job_id = :job_id;

-- name: find_task
SELECT task.status, task.result_data, task.error_details
  FROM {tasks} AS task
 WHERE task.task_id = :task_id;

-- name: remove_tasks
DELETE FROM [{schema}].tasks WHERE parent_job_id = :job_id;
SELECT @@ROWCOUNT AS changed;

-- name: remove_job
DELETE FROM [{schema}].jobs WHERE job_id = :job_id AND job_type = :job_type;
SELECT @@ROWCOUNT AS changed;
