-- The jobs database, which is only ever read. {jobs} is its schema. Where a page begins is looked
-- up again by its id: a time that has been outside the database has lost its last digit.

-- name: newest
-- The newest jobs first, each with its tasks counted by status.
DECLARE @before_at datetime2(7) = :before_at;                                   -- when before_at
SELECT @before_at = created_at FROM [{jobs}].jobs WHERE job_id = :before_id;    -- when before_at
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages, page.parameters,
       page.stage_results, page.result_data, page.error_details, page.created_at, page.updated_at,
       page.duration_ms,
       N'{' + COALESCE(counted.by_status + N', ', N'') + N'"total": '
       + CAST(COALESCE(counted.total, 0) AS nvarchar(20)) + N'}' AS task_counts
  FROM (SELECT TOP (:limit) job.job_id, job.job_type, job.status, job.stage, job.total_stages,
               job.parameters, job.stage_results, job.result_data, job.error_details,
               job.created_at, job.updated_at,
               DATEDIFF_BIG(millisecond, job.created_at,
                   CASE WHEN job.status IN (N'completed', N'failed', N'completed_with_errors',
                                            N'cancelled', N'skipped')
                        THEN job.updated_at ELSE SYSUTCDATETIME() END) AS duration_ms
          FROM [{jobs}].jobs AS job
         WHERE 1 = 1
           AND job.job_id = :job_id                                            -- when job_id
           AND job.status IN (SELECT chosen.value FROM OPENJSON(:statuses)    -- when statuses
                              WITH (value nvarchar(50) '$') AS chosen)        -- when statuses
           AND job.job_type = :job_type                                      -- when job_type
           AND job.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())       -- when hours
           AND job.created_at <= @before_at                                    -- when before_at
           AND (job.created_at < @before_at OR job.job_id > :before_id)        -- when before_at
         ORDER BY job.created_at DESC, job.job_id) AS page
 OUTER APPLY (
           SELECT STRING_AGG(N'"' + STRING_ESCAPE(by_status.status, 'json') + N'": '
                             + CAST(by_status.tasks AS nvarchar(20)), N', ') AS by_status,
                  SUM(by_status.tasks) AS total
             FROM (SELECT task.status, COUNT(*) AS tasks
                     FROM [{jobs}].tasks AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted
 ORDER BY page.created_at DESC, page.job_id;

-- name: newest_tasks
-- The newest tasks first, of any job.
DECLARE @before_at datetime2(7) = :before_at;                                   -- when before_at
SELECT @before_at = created_at FROM [{jobs}].tasks WHERE task_id = :before_id;  -- when before_at
SELECT TOP (:limit) task.task_id, task.parent_job_id, task.task_type, task.status, task.stage,
       CAST(task.task_index AS nvarchar(50)) AS task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.created_at, task.updated_at,
       DATEDIFF_BIG(millisecond, task.created_at,
           CASE WHEN task.status IN (N'completed', N'failed', N'completed_with_errors',
                                     N'cancelled', N'skipped')
                THEN task.updated_at ELSE SYSUTCDATETIME() END) AS duration_ms
  FROM [{jobs}].tasks AS task
 WHERE 1 = 1
   AND task.status IN (SELECT chosen.value FROM OPENJSON(:statuses)           -- when statuses
                       WITH (value nvarchar(50) '$') AS chosen)               -- when statuses
   AND task.stage = :stage                                                      -- when stage
   AND task.task_type = :task_type                                          -- when task_type
   AND task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())              -- when hours
   AND task.created_at <= @before_at                                           -- when before_at
   AND (task.created_at < @before_at OR task.task_id > :before_id)             -- when before_at
 ORDER BY task.created_at DESC, task.task_id;

-- name: tasks_of
-- One job's tasks, in the order in which they are meant to run.
SELECT TOP (:limit) task.task_id, task.parent_job_id, task.task_type, task.status, task.stage,
       CAST(task.task_index AS nvarchar(50)) AS task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.created_at, task.updated_at,
       DATEDIFF_BIG(millisecond, task.created_at,
           CASE WHEN task.status IN (N'completed', N'failed', N'completed_with_errors',
                                     N'cancelled', N'skipped')
                THEN task.updated_at ELSE SYSUTCDATETIME() END) AS duration_ms
  FROM [{jobs}].tasks AS task
 WHERE task.parent_job_id = :job_id
   AND task.status IN (SELECT chosen.value FROM OPENJSON(:statuses)           -- when statuses
                       WITH (value nvarchar(50) '$') AS chosen)               -- when statuses
   AND task.stage >= :after_stage                                         -- when after_stage
   AND (task.stage > :after_stage OR task.task_id > :after_id)            -- when after_stage
 ORDER BY task.stage, task.task_id;

-- name: stages
-- The progress of each stage of one job.
SELECT task.stage, COUNT(*) AS total,
       SUM(CASE WHEN task.status = N'completed' THEN 1 ELSE 0 END) AS completed,
       SUM(CASE WHEN task.status = N'failed' THEN 1 ELSE 0 END) AS failed,
       SUM(CASE WHEN task.status = N'processing' THEN 1 ELSE 0 END) AS processing,
       SUM(CASE WHEN task.status NOT IN (N'completed', N'failed', N'processing')
                THEN 1 ELSE 0 END) AS waiting,
       MIN(task.created_at) AS created_at, MAX(task.updated_at) AS updated_at
  FROM [{jobs}].tasks AS task
 WHERE task.parent_job_id = :job_id
 GROUP BY task.stage
 ORDER BY task.stage;

-- name: job_counts
SELECT job.status, COUNT(*) AS jobs
  FROM [{jobs}].jobs AS job
 WHERE job.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())
 GROUP BY job.status;

-- name: task_counts
SELECT task.status, COUNT(*) AS tasks
  FROM [{jobs}].tasks AS task
 WHERE task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())
 GROUP BY task.status;

-- name: functions
-- Which of the three functions the schema has: here they are procedures.
SELECT routine.name
  FROM sys.objects AS routine
 WHERE routine.schema_id = SCHEMA_ID(N'{jobs}')
   AND routine.type = 'P'
   AND routine.name IN (
           N'complete_task_and_check_stage', N'advance_job_stage', N'check_job_completion')
 ORDER BY routine.name;
