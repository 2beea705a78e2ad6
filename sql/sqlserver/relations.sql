-- The tables of the jobs database under the names and types that the other statements know:
-- {jobs} and {tasks} there are these. {schema} is the one they stand in. A column that is missing
-- is read as if it were empty; `-- when` names the columns that are there. What has ended did so
-- when it was last changed.

-- name: columns
-- What the tables have, as far as this login may look.
SELECT OBJECT_NAME(col.object_id) AS table_name, col.name AS column_name
  FROM sys.columns AS col
 WHERE col.object_id IN (OBJECT_ID(N'[{schema}].jobs'), OBJECT_ID(N'[{schema}].tasks'))
 ORDER BY table_name, col.column_id;

-- name: jobs
SELECT job_id, job_type, status,
       stage,                                                   -- when stage
       1 AS stage,                                              -- when not stage
       total_stages,                                            -- when total_stages
       CAST(NULL AS int) AS total_stages,                       -- when not total_stages
       parameters,                                              -- when parameters
       CAST(NULL AS nvarchar(max)) AS parameters,               -- when not parameters
       stage_results,                                           -- when stage_results
       CAST(NULL AS nvarchar(max)) AS stage_results,            -- when not stage_results
       result_data,                                             -- when result_data
       CAST(NULL AS nvarchar(max)) AS result_data,              -- when not result_data
       error_details,                                           -- when error_details
       CAST(NULL AS nvarchar(max)) AS error_details,            -- when not error_details
       CASE WHEN status IN (N'completed', N'failed', N'completed_with_errors', N'cancelled',
                            N'skipped') THEN updated_at END AS ended_at,
       created_at, updated_at
  FROM [{schema}].jobs

-- name: tasks
SELECT task_id, parent_job_id, task_type, status,
       stage,                                                   -- when stage
       1 AS stage,                                              -- when not stage
       CAST(task_index AS nvarchar(50)) AS task_index,          -- when task_index
       CAST(NULL AS nvarchar(50)) AS task_index,                -- when not task_index
       parameters,                                              -- when parameters
       CAST(NULL AS nvarchar(max)) AS parameters,               -- when not parameters
       result_data,                                             -- when result_data
       CAST(NULL AS nvarchar(max)) AS result_data,              -- when not result_data
       error_details,                                           -- when error_details
       CAST(NULL AS nvarchar(max)) AS error_details,            -- when not error_details
       retry_count,                                             -- when retry_count
       0 AS retry_count,                                        -- when not retry_count
       started_at,                                              -- when started_at
       CAST(NULL AS datetime2(7)) AS started_at,                -- when not started_at
       heartbeat,                                               -- when heartbeat
       last_pulse AS heartbeat,                                 -- when last_pulse
       CAST(NULL AS datetime2(7)) AS heartbeat,                 -- when no_heartbeat
       CASE WHEN status IN (N'completed', N'failed', N'completed_with_errors', N'cancelled',
                            N'skipped') THEN updated_at END AS ended_at,
       created_at, updated_at
  FROM [{schema}].tasks
