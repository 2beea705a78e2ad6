-- How long statements, jobs and tasks take, and what the server uses for them.

-- name: statement_source
-- The Query Store where it is on; else what the plans in the cache have counted.
DECLARE @query_store bit = 0;
DECLARE @allowed bit = CASE WHEN 1 IN (
    HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
    HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE')) THEN 1 ELSE 0 END;
IF OBJECT_ID('sys.database_query_store_options') IS NOT NULL AND @allowed = 1
    SELECT @query_store = CASE WHEN actual_state IN (1, 2) THEN 1 ELSE 0 END
      FROM sys.database_query_store_options;
SELECT CASE WHEN @query_store = 1 THEN N'query_store' ELSE N'query_stats' END AS source,
       CASE WHEN @query_store = 1 THEN DATEADD(hour, -24, SYSUTCDATETIME()) END AS since,
       CASE WHEN @query_store = 1 THEN NULL
            WHEN OBJECT_ID('sys.dm_exec_query_stats') IS NULL
                THEN N'this server has neither a Query Store nor sys.dm_exec_query_stats'
            WHEN @allowed = 0
                THEN N'the login may see no statements: GRANT VIEW DATABASE STATE for the Query'
                     + N' Store, or VIEW SERVER STATE'
       END AS not_available,
       CAST(0 AS bit) AS has_checkpointer;

-- name: slow_statements
-- Those first that took most of the server's time in all.
DECLARE @query_store bit = 0;
IF OBJECT_ID('sys.database_query_store_options') IS NOT NULL
    SELECT @query_store = CASE WHEN actual_state IN (1, 2) THEN 1 ELSE 0 END
      FROM sys.database_query_store_options;
IF @query_store = 1
    SELECT TOP (:limit) LEFT(MAX(said.query_sql_text), 2000) AS query,
           SUM(counted.count_executions) AS calls,
           SUM(counted.avg_duration * counted.count_executions) / 1000E0 AS total_ms,
           SUM(counted.avg_duration * counted.count_executions)
               / SUM(counted.count_executions) / 1000E0 AS mean_ms,
           MAX(counted.max_duration) / 1000E0 AS max_ms,
           CAST(SUM(counted.avg_rowcount * counted.count_executions) AS bigint) AS [rows],
           1 - SUM(counted.avg_physical_io_reads * counted.count_executions)
               / NULLIF(SUM(counted.avg_logical_io_reads * counted.count_executions), 0)
               AS hit_ratio
      FROM sys.query_store_runtime_stats AS counted
      JOIN sys.query_store_runtime_stats_interval AS span
        ON span.runtime_stats_interval_id = counted.runtime_stats_interval_id
      JOIN sys.query_store_plan AS ran ON ran.plan_id = counted.plan_id
      JOIN sys.query_store_query AS asked ON asked.query_id = ran.query_id
      JOIN sys.query_store_query_text AS said ON said.query_text_id = asked.query_text_id
     WHERE span.end_time >= DATEADD(hour, -24, SYSUTCDATETIME())
     GROUP BY said.query_text_id
     ORDER BY total_ms DESC;
ELSE
    SELECT TOP (:limit) LEFT(SUBSTRING(said.text, counted.statement_start_offset / 2 + 1,
                          CASE WHEN counted.statement_end_offset > counted.statement_start_offset
                               THEN (counted.statement_end_offset
                                     - counted.statement_start_offset) / 2 + 1
                               ELSE 2000 END), 2000) AS query,
           counted.execution_count AS calls, counted.total_elapsed_time / 1000E0 AS total_ms,
           counted.total_elapsed_time / 1000E0 / counted.execution_count AS mean_ms,
           counted.max_elapsed_time / 1000E0 AS max_ms, counted.total_rows AS [rows],
           1 - CAST(counted.total_physical_reads AS float)
               / NULLIF(counted.total_logical_reads, 0) AS hit_ratio
      FROM sys.dm_exec_query_stats AS counted
     OUTER APPLY sys.dm_exec_sql_text(counted.sql_handle) AS said
     ORDER BY total_ms DESC;

-- name: task_times
-- Of the tasks that ended in the last hours, and in as many before: by stage and type, and by type.
-- A percentile lies between the two times whose places are nearest, and has of each what it is near
-- to it; PERCENTILE_CONT would have every row carry it.
DECLARE @hours int = :hours;
DECLARE @now datetime2(7) = SYSUTCDATETIME();
SELECT TOP (:limit) CASE WHEN ranked.stage IS NULL THEN N'task_type' ELSE N'stage' END AS kind,
       ranked.task_type AS name, ranked.stage, CAST(ranked.is_now AS bit) AS is_now,
       ranked.metric, COUNT(*) AS ended, SUM(ranked.has_failed) AS failed,
       MAX(ranked.known) AS known, AVG(ranked.ms) AS mean_ms,
       SUM(CASE WHEN ABS(1 + 0.5E0 * (ranked.known - 1) - ranked.place) < 1
                THEN ranked.ms
                     * (1 - ABS(1 + 0.5E0 * (ranked.known - 1) - ranked.place)) END)
           AS p50_ms,
       SUM(CASE WHEN ABS(1 + 0.95E0 * (ranked.known - 1) - ranked.place) < 1
                THEN ranked.ms
                     * (1 - ABS(1 + 0.95E0 * (ranked.known - 1) - ranked.place)) END)
           AS p95_ms,
       SUM(CASE WHEN ABS(1 + 0.99E0 * (ranked.known - 1) - ranked.place) < 1
                THEN ranked.ms
                     * (1 - ABS(1 + 0.99E0 * (ranked.known - 1) - ranked.place)) END)
           AS p99_ms,
       MAX(ranked.ms) AS max_ms
  FROM (SELECT measured.task_type, measured.stage, measured.is_now, measured.metric,
               measured.has_failed, measured.ms,
               COUNT(measured.ms) OVER (PARTITION BY measured.task_type, measured.stage,
                                                     measured.is_now, measured.metric) AS known,
               CASE WHEN measured.ms IS NOT NULL
                    THEN ROW_NUMBER() OVER (
                             PARTITION BY measured.task_type, measured.stage, measured.is_now,
                                          measured.metric,
                                          CASE WHEN measured.ms IS NULL THEN 1 ELSE 0 END
                             ORDER BY measured.ms) END AS place
          FROM (SELECT ended.task_type, grouped.stage, ended.is_now, ended.has_failed,
                       taken.metric,
                       CAST(CASE WHEN taken.microseconds < 0 THEN 0 ELSE taken.microseconds END
                            AS float) / 1000 AS ms
                  FROM (SELECT task.task_type COLLATE Latin1_General_BIN2 AS task_type, task.stage,
                               CASE WHEN task.status = N'failed' THEN 1 ELSE 0 END AS has_failed,
                               CASE WHEN task.updated_at >= DATEADD(hour, -@hours, @now)
                                    THEN 1 ELSE 0 END AS is_now,
                               task.created_at, task.started_at, task.ended_at
                          FROM {tasks} AS task
                         WHERE task.updated_at >= DATEADD(hour, -2 * @hours, @now)
                           AND task.ended_at IS NOT NULL) AS ended
                 CROSS APPLY (VALUES (ended.stage), (NULL)) AS grouped (stage)
                 CROSS APPLY (VALUES
                       (N'working', DATEDIFF_BIG(microsecond,
                                        COALESCE(ended.started_at, ended.created_at),
                                        ended.ended_at)),
                       (N'total', DATEDIFF_BIG(microsecond, ended.created_at, ended.ended_at)),
                       (N'queue_wait', DATEDIFF_BIG(microsecond, ended.created_at,
                                                    ended.started_at)))
                       AS taken (metric, microseconds)
                 WHERE ended.is_now = 1 OR taken.metric = N'working') AS measured) AS ranked
 GROUP BY ranked.task_type, ranked.stage, ranked.is_now, ranked.metric
 ORDER BY ended DESC, name, ranked.stage, is_now, ranked.metric;

-- name: job_times
-- Of the jobs that ended in the last hours, and in as many before, by type.
DECLARE @hours int = :hours;
DECLARE @now datetime2(7) = SYSUTCDATETIME();
SELECT TOP (:limit) N'job_type' AS kind, ranked.job_type AS name, CAST(NULL AS int) AS stage,
       CAST(ranked.is_now AS bit) AS is_now, N'total' AS metric, COUNT(*) AS ended,
       SUM(ranked.has_failed) AS failed, COUNT(*) AS known, AVG(ranked.ms) AS mean_ms,
       SUM(CASE WHEN ABS(1 + 0.5E0 * (ranked.known - 1) - ranked.place) < 1
                THEN ranked.ms
                     * (1 - ABS(1 + 0.5E0 * (ranked.known - 1) - ranked.place)) END)
           AS p50_ms,
       SUM(CASE WHEN ABS(1 + 0.95E0 * (ranked.known - 1) - ranked.place) < 1
                THEN ranked.ms
                     * (1 - ABS(1 + 0.95E0 * (ranked.known - 1) - ranked.place)) END)
           AS p95_ms,
       SUM(CASE WHEN ABS(1 + 0.99E0 * (ranked.known - 1) - ranked.place) < 1
                THEN ranked.ms
                     * (1 - ABS(1 + 0.99E0 * (ranked.known - 1) - ranked.place)) END)
           AS p99_ms,
       MAX(ranked.ms) AS max_ms
  FROM (SELECT measured.job_type, measured.is_now, measured.has_failed, measured.ms,
               COUNT(*) OVER (PARTITION BY measured.job_type, measured.is_now) AS known,
               ROW_NUMBER() OVER (PARTITION BY measured.job_type, measured.is_now
                                  ORDER BY measured.ms) AS place
          FROM (SELECT job.job_type,
                       CASE WHEN job.status IN (N'failed', N'completed_with_errors')
                            THEN 1 ELSE 0 END AS has_failed,
                       CASE WHEN job.updated_at >= DATEADD(hour, -@hours, @now)
                            THEN 1 ELSE 0 END AS is_now,
                       CAST(CASE WHEN job.ended_at < job.created_at THEN 0
                                 ELSE DATEDIFF_BIG(microsecond, job.created_at, job.ended_at)
                                 END AS float) / 1000 AS ms
                  FROM {jobs} AS job
                 WHERE job.updated_at >= DATEADD(hour, -2 * @hours, @now)
                   AND job.ended_at IS NOT NULL) AS measured) AS ranked
 GROUP BY ranked.job_type, ranked.is_now
 ORDER BY ended DESC, name, is_now;

-- name: resources
-- The server's counters since it started, and what it has now.
IF OBJECT_ID('sys.dm_os_performance_counters') IS NULL
    SELECT N'this server has no sys.dm_os_performance_counters' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT N'cpu_time_ms' AS name,
           CAST(process_kernel_time_ms + process_user_time_ms AS float) AS value, N'ms' AS unit
      FROM sys.dm_os_sys_info
     UNION ALL
    SELECT N'cpus', CAST(cpu_count AS float), N'cpus'
      FROM sys.dm_os_sys_info
     UNION ALL
    SELECT named.name, CAST(counted.cntr_value AS float) * named.factor, named.unit
      FROM sys.dm_os_performance_counters AS counted
      JOIN (VALUES
            (N'Total Server Memory (KB)', N'', N'memory_used_bytes', 1024, N'bytes'),
            (N'Target Server Memory (KB)', N'', N'memory_wanted_bytes', 1024, N'bytes'),
            (N'Page life expectancy', N'', N'page_life_expectancy_seconds', 1, N'seconds'),
            (N'Memory Grants Pending', N'', N'memory_grants_pending', 1, N'sessions'),
            (N'Batch Requests/sec', N'', N'batches', 1, N'batches'),
            (N'Checkpoint pages/sec', N'', N'checkpoint_pages', 1, N'pages'),
            (N'Page reads/sec', N'', N'pages_read', 1, N'pages'),
            (N'Page writes/sec', N'', N'pages_written', 1, N'pages'),
            (N'Number of Deadlocks/sec', N'_Total', N'deadlocks', 1, N'deadlocks'))
           AS named (counter_name, instance_name, name, factor, unit)
        ON named.counter_name = RTRIM(counted.counter_name)
       AND named.instance_name = RTRIM(counted.instance_name)
     WHERE counted.object_name NOT LIKE N'%Buffer Node%'
       AND 1 = 1                                                        -- when checkpointer
       AND 0 = 0;                                                   -- when not checkpointer
ELSE
    SELECT N'sys.dm_os_performance_counters needs VIEW SERVER STATE' AS not_available;
