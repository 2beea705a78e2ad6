-- The jobs database, which is only ever read. {jobs} and {tasks} are in relations.sql.
--
-- Where a page by time begins is looked up again by its id: a time that has been outside the
-- database has lost its last digit. What has been changed since is not where it was, and the time is
-- taken as it is. A datetimeoffset of another application's becomes UTC: assigned as it is, it would
-- lose its offset.

-- name: now
SELECT SYSUTCDATETIME() AS now;

-- name: find
-- A job, with its tasks counted by status.
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages,
       page.parameters, page.stage_results, page.result_data, page.error_details,
       page.created_at, page.updated_at,
       DATEDIFF_BIG(millisecond, page.created_at, COALESCE(page.ended_at, SYSUTCDATETIME()))
           AS duration_ms,
       N'{' + COALESCE(counted.by_status + N', ', N'') + N'"total": '
       + CAST(COALESCE(counted.total, 0) AS nvarchar(20)) + N'}' AS task_counts
  FROM {jobs} AS page
 OUTER APPLY (
           SELECT STRING_AGG(N'"' + STRING_ESCAPE(by_status.status, 'json') + N'": '
                             + CAST(by_status.tasks AS nvarchar(20)), N', ') AS by_status,
                  SUM(by_status.tasks) AS total
             FROM (SELECT task.status, COUNT(*) AS tasks
                     FROM {tasks} AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted
 WHERE page.job_id = :job_id;

-- name: newest
-- The newest jobs first, or the oldest, each with its tasks counted by status.
DECLARE @place datetime2(7) = :before_at;                                         -- when before_at
DECLARE @place datetime2(7) = :since_at;                                           -- when since_at
DECLARE @by_update bit = 0;
SET @by_update = 1;                                                               -- when by_update
SELECT @place = SWITCHOFFSET(last.place, '+00:00')                                  -- when last_id
  FROM (SELECT CASE @by_update WHEN 1 THEN job.updated_at ELSE job.created_at END   -- when last_id
               AS place                                                             -- when last_id
          FROM {jobs} AS job WHERE job.job_id = :last_id) AS last                   -- when last_id
 WHERE last.place >= @place                                                         -- when last_id
   AND DATEADD(microsecond, -1, last.place) < @place;                               -- when last_id
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages,
       page.parameters, page.stage_results, page.result_data, page.error_details,
       page.created_at, page.updated_at,
       DATEDIFF_BIG(millisecond, page.created_at, COALESCE(page.ended_at, SYSUTCDATETIME()))
           AS duration_ms,
       N'{' + COALESCE(counted.by_status + N', ', N'') + N'"total": '
       + CAST(COALESCE(counted.total, 0) AS nvarchar(20)) + N'}' AS task_counts
  FROM (
        SELECT TOP (:limit) job.*
          FROM (SELECT
                       job.created_at AS place,                               -- when not by_update
                       job.updated_at AS place,                                   -- when by_update
                       job.*
                  FROM {jobs} AS job) AS job
         WHERE 1 = 1
           AND job.status = :status                                                  -- when status
           AND job.status IN (SELECT chosen.value FROM OPENJSON(:statuses)         -- when statuses
                              WITH (value nvarchar(50) '$') AS chosen)             -- when statuses
           AND job.status IN (SELECT chosen.value FROM OPENJSON(:each_status)   -- when each_status
                              WITH (value nvarchar(50) '$') AS chosen)          -- when each_status
           AND job.job_type = :job_type                                            -- when job_type
           AND job.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())             -- when hours
           AND NOT EXISTS (                                                       -- when documents
               SELECT 1                                                           -- when documents
                 FROM OPENJSON(:pairs)                                            -- when documents
                      WITH (members nvarchar(1100) '$.members',                   -- when documents
                            value nvarchar(400) '$.value') AS wanted              -- when documents
                WHERE COALESCE(JSON_VALUE(                                        -- when documents
                          CASE WHEN ISJSON(job.parameters) = 1                    -- when documents
                               THEN job.parameters END,                           -- when documents
                          N'$."' + REPLACE(wanted.members, N'.', N'"."')          -- when documents
                          + N'"'), N'')                                           -- when documents
                      COLLATE Latin1_General_BIN2 + N'.' <> wanted.value + N'.')  -- when documents
           AND job.place <= @place                                                -- when before_at
           AND (job.place < @place OR job.job_id > :last_id)                      -- when before_at
           AND job.place >= @place                                                 -- when since_at
           AND (job.place > @place OR job.job_id < :last_id)                       -- when since_at
         ORDER BY job.place
               DESC                                                         -- when not oldest_first
                , job.job_id
               DESC                                                             -- when oldest_first
       ) AS page
 OUTER APPLY (
           SELECT STRING_AGG(N'"' + STRING_ESCAPE(by_status.status, 'json') + N'": '
                             + CAST(by_status.tasks AS nvarchar(20)), N', ') AS by_status,
                  SUM(by_status.tasks) AS total
             FROM (SELECT task.status, COUNT(*) AS tasks
                     FROM {tasks} AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted
 ORDER BY page.place
       DESC                                                                 -- when not oldest_first
        , page.job_id
       DESC                                                                     -- when oldest_first

-- name: longest
-- Jobs by how long they had taken at an instant, the longest first, or the shortest: there is no
-- index for it here, they are sorted.
DECLARE @as_of datetime2(7) = :as_of;
SELECT page.job_id, page.job_type, page.status, page.stage, page.total_stages,
       page.parameters, page.stage_results, page.result_data, page.error_details,
       page.created_at, page.updated_at,
       page.lasted_us / 1000 AS duration_ms,
       N'{' + COALESCE(counted.by_status + N', ', N'') + N'"total": '
       + CAST(COALESCE(counted.total, 0) AS nvarchar(20)) + N'}' AS task_counts,
       page.lasted_us
  FROM (
        SELECT TOP (:limit) job.*
          FROM (SELECT job.*,
                       DATEDIFF_BIG(microsecond, job.created_at,
                                    CASE WHEN job.ended_at <= @as_of THEN job.ended_at
                                         ELSE @as_of END) AS lasted_us
                  FROM {jobs} AS job) AS job
         WHERE job.created_at <= @as_of
           AND job.status IN (SELECT chosen.value FROM OPENJSON(:statuses)         -- when statuses
                              WITH (value nvarchar(50) '$') AS chosen)             -- when statuses
           AND job.job_type = :job_type                                            -- when job_type
           AND job.created_at >= DATEADD(hour, -:hours, @as_of)                       -- when hours
           AND NOT EXISTS (                                                       -- when documents
               SELECT 1                                                           -- when documents
                 FROM OPENJSON(:pairs)                                            -- when documents
                      WITH (members nvarchar(1100) '$.members',                   -- when documents
                            value nvarchar(400) '$.value') AS wanted              -- when documents
                WHERE COALESCE(JSON_VALUE(                                        -- when documents
                          CASE WHEN ISJSON(job.parameters) = 1                    -- when documents
                               THEN job.parameters END,                           -- when documents
                          N'$."' + REPLACE(wanted.members, N'.', N'"."')          -- when documents
                          + N'"'), N'')                                           -- when documents
                      COLLATE Latin1_General_BIN2 + N'.' <> wanted.value + N'.')  -- when documents
           AND job.lasted_us <= :at_most_us                                      -- when at_most_us
           AND (job.lasted_us < :at_most_us OR job.job_id > :last_id)            -- when at_most_us
           AND job.lasted_us >= :at_least_us                                    -- when at_least_us
           AND (job.lasted_us > :at_least_us OR job.job_id < :last_id)          -- when at_least_us
         ORDER BY job.lasted_us
               DESC                                                       -- when not shortest_first
                , job.job_id
               DESC                                                           -- when shortest_first
       ) AS page
 OUTER APPLY (
           SELECT STRING_AGG(N'"' + STRING_ESCAPE(by_status.status, 'json') + N'": '
                             + CAST(by_status.tasks AS nvarchar(20)), N', ') AS by_status,
                  SUM(by_status.tasks) AS total
             FROM (SELECT task.status, COUNT(*) AS tasks
                     FROM {tasks} AS task
                    WHERE task.parent_job_id = page.job_id
                    GROUP BY task.status) AS by_status) AS counted
 ORDER BY page.lasted_us
       DESC                                                               -- when not shortest_first
        , page.job_id
       DESC                                                                   -- when shortest_first

-- name: newest_tasks
-- The newest tasks first, or the oldest, of any job.
DECLARE @place datetime2(7) = :before_at;                                         -- when before_at
DECLARE @place datetime2(7) = :since_at;                                           -- when since_at
DECLARE @by_update bit = 0;
SET @by_update = 1;                                                               -- when by_update
SELECT @place = SWITCHOFFSET(last.place, '+00:00')                                  -- when last_id
  FROM (SELECT CASE @by_update WHEN 1 THEN task.updated_at ELSE task.created_at END -- when last_id
               AS place                                                             -- when last_id
          FROM {tasks} AS task WHERE task.task_id = :last_id) AS last               -- when last_id
 WHERE last.place >= @place                                                         -- when last_id
   AND DATEADD(microsecond, -1, last.place) < @place;                               -- when last_id
SELECT task.task_id, task.parent_job_id, task.task_type, task.status, task.stage,
       task.task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.started_at, task.created_at, task.updated_at,
       DATEDIFF_BIG(millisecond, task.created_at, COALESCE(task.ended_at, SYSUTCDATETIME()))
           AS duration_ms
  FROM (
        SELECT TOP (:limit) task.*
          FROM (SELECT
                       task.created_at AS place,                              -- when not by_update
                       task.updated_at AS place,                                  -- when by_update
                       task.*
                  FROM {tasks} AS task) AS task
         WHERE 1 = 1
           AND task.status = :status                                                 -- when status
           AND task.status IN (SELECT chosen.value FROM OPENJSON(:statuses)        -- when statuses
                              WITH (value nvarchar(50) '$') AS chosen)             -- when statuses
           AND task.status IN (SELECT chosen.value FROM OPENJSON(:each_status)  -- when each_status
                              WITH (value nvarchar(50) '$') AS chosen)          -- when each_status
           AND task.stage = :stage                                                    -- when stage
           AND task.task_type = :task_type                                        -- when task_type
           AND task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())            -- when hours
           AND task.place <= @place                                               -- when before_at
           AND (task.place < @place OR task.task_id > :last_id)                   -- when before_at
           AND task.place >= @place                                                -- when since_at
           AND (task.place > @place OR task.task_id < :last_id)                    -- when since_at
         ORDER BY task.place
               DESC                                                         -- when not oldest_first
                , task.task_id
               DESC                                                             -- when oldest_first
       ) AS task
 ORDER BY task.place
       DESC                                                                 -- when not oldest_first
        , task.task_id
       DESC                                                                     -- when oldest_first

-- name: tasks_of
-- One job's tasks, in the order in which they are meant to run.
SELECT TOP (:limit) task.task_id, task.parent_job_id, task.task_type, task.status, task.stage,
       task.task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.started_at, task.created_at, task.updated_at,
       DATEDIFF_BIG(millisecond, task.created_at, COALESCE(task.ended_at, SYSUTCDATETIME()))
           AS duration_ms
  FROM {tasks} AS task
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
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
 GROUP BY task.stage
 ORDER BY task.stage;

-- name: job_counts
SELECT job.status, COUNT(*) AS jobs
  FROM {jobs} AS job
 WHERE job.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())
 GROUP BY job.status;

-- name: task_counts
SELECT task.status, COUNT(*) AS tasks
  FROM {tasks} AS task
 WHERE task.created_at >= DATEADD(hour, -:hours, SYSUTCDATETIME())
 GROUP BY task.status;

-- name: functions
-- Which of the three functions the schema has: here they are procedures.
SELECT routine.name
  FROM sys.objects AS routine
 WHERE routine.schema_id = SCHEMA_ID(N'{schema}')
   AND routine.type = 'P'
   AND routine.name IN (
           N'complete_task_and_check_stage', N'advance_job_stage', N'check_job_completion')
 ORDER BY routine.name;
