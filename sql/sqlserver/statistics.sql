-- What the server knows of the jobs database: from the catalogue and the counters. A view that this
-- server does not have, or this login may not read, is a reason in `not_available`, no error.

-- name: server
DECLARE @uptime bigint;
IF OBJECT_ID('sys.dm_os_sys_info') IS NOT NULL
   AND 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
             HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'))
    SELECT @uptime = DATEDIFF_BIG(second, sqlserver_start_time, GETDATE()) FROM sys.dm_os_sys_info;
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version,
       DB_NAME() AS database_name,
       (SELECT SUM(CAST(files.size AS bigint)) * 8192 FROM sys.database_files AS files)
           AS size_bytes,
       CAST(@@MAX_CONNECTIONS AS int) AS max_connections,
       DATEADD(second, -@uptime, SYSUTCDATETIME()) AS started_at,
       @uptime AS uptime_seconds,
       DATEADD(second, -@uptime, SYSUTCDATETIME()) AS statistics_since;

-- name: tables
-- The biggest. Scans are counted since the server started, and left out where this login may not
-- see them; statistics are what SQL Server renews where PostgreSQL vacuums.
DECLARE @used TABLE (object_id int, seq_scans bigint, index_scans bigint);
IF OBJECT_ID('sys.dm_db_index_usage_stats') IS NOT NULL
   AND 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
             HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
             CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                  THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    INSERT INTO @used
    SELECT object_id,
           SUM(CASE WHEN index_id < 2 THEN user_scans ELSE 0 END),
           SUM(user_seeks + user_lookups + CASE WHEN index_id < 2 THEN 0 ELSE user_scans END)
      FROM sys.dm_db_index_usage_stats
     WHERE database_id = DB_ID()
     GROUP BY object_id;
IF OBJECT_ID('sys.dm_db_partition_stats') IS NULL
    SELECT N'this server has no sys.dm_db_partition_stats' AS not_available;
ELSE
    SELECT TOP (:limit) SCHEMA_NAME(tables.schema_id) AS [schema], tables.name,
           SUM(pages.reserved_page_count) * 8192 AS total_bytes,
           SUM(CASE WHEN pages.index_id < 2 THEN pages.in_row_reserved_page_count ELSE 0 END) * 8192
               AS table_bytes,
           SUM(CASE WHEN pages.index_id < 2 THEN 0 ELSE pages.reserved_page_count END) * 8192
               AS index_bytes,
           SUM(CASE WHEN pages.index_id < 2
                    THEN pages.lob_reserved_page_count + pages.row_overflow_reserved_page_count
                    ELSE 0 END) * 8192 AS toast_bytes,
           SUM(CASE WHEN pages.index_id < 2 THEN pages.row_count ELSE 0 END) AS [rows],
           CAST(NULL AS bigint) AS dead_rows,
           MAX(used.seq_scans) AS seq_scans,
           MAX(used.index_scans) AS index_scans,
           CAST(NULL AS datetime2(3)) AS last_vacuum,
           MAX(renewed.last_analyze) AS last_analyze
      FROM sys.tables AS tables
      JOIN sys.dm_db_partition_stats AS pages ON pages.object_id = tables.object_id
      LEFT JOIN @used AS used ON used.object_id = tables.object_id
     OUTER APPLY (SELECT DATEADD(minute, DATEDIFF(minute, GETDATE(), GETUTCDATE()),
                                 MAX(STATS_DATE(kept.object_id, kept.stats_id))) AS last_analyze
                    FROM sys.stats AS kept
                   WHERE kept.object_id = tables.object_id) AS renewed
     GROUP BY tables.schema_id, tables.name
     ORDER BY total_bytes DESC, [schema], tables.name;

-- name: indexes
-- The biggest; or of those that were never used the ones that are there for speed alone.
DECLARE @used TABLE (object_id int, index_id int, scans bigint);
DECLARE @known bit = 0;
IF OBJECT_ID('sys.dm_db_index_usage_stats') IS NOT NULL
   AND 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
             HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
             CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                  THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
BEGIN
    SET @known = 1;
    INSERT INTO @used
    SELECT object_id, index_id, SUM(user_seeks + user_scans + user_lookups)
      FROM sys.dm_db_index_usage_stats
     WHERE database_id = DB_ID()
     GROUP BY object_id, index_id;
END;
IF OBJECT_ID('sys.dm_db_partition_stats') IS NULL
    SELECT N'this server has no sys.dm_db_partition_stats' AS not_available;
ELSE IF @known = 0                                                              -- when unused
    SELECT N'sys.dm_db_index_usage_stats needs VIEW SERVER STATE' AS not_available;  -- when unused
ELSE
    SELECT TOP (:limit) SCHEMA_NAME(tables.schema_id) AS [schema], tables.name AS [table],
           listed.name, sized.bytes,
           CASE WHEN @known = 1 THEN COALESCE(used.scans, 0) END AS scans,
           listed.is_unique, listed.is_primary_key AS is_primary,
           CAST(1 - listed.is_disabled AS bit) AS is_valid,
           N'CREATE ' + CASE WHEN listed.is_unique = 1 THEN N'UNIQUE ' ELSE N'' END
           + listed.type_desc + N' INDEX ' + QUOTENAME(listed.name) + N' ON '
           + QUOTENAME(SCHEMA_NAME(tables.schema_id)) + N'.' + QUOTENAME(tables.name)
           + COALESCE(N' (' + keys.names + N')', N'')
           + COALESCE(N' INCLUDE (' + carried.names + N')', N'')
           + COALESCE(N' WHERE ' + listed.filter_definition, N'') AS definition
      FROM sys.indexes AS listed
      JOIN sys.tables AS tables ON tables.object_id = listed.object_id
      LEFT JOIN @used AS used
        ON used.object_id = listed.object_id AND used.index_id = listed.index_id
     OUTER APPLY (SELECT SUM(pages.reserved_page_count) * 8192 AS bytes
                    FROM sys.dm_db_partition_stats AS pages
                   WHERE pages.object_id = listed.object_id
                     AND pages.index_id = listed.index_id) AS sized
     OUTER APPLY (SELECT STRING_AGG(CAST(QUOTENAME(col.name) AS nvarchar(max))
                             + CASE WHEN part.is_descending_key = 1 THEN N' DESC' ELSE N'' END,
                             N', ') WITHIN GROUP (ORDER BY part.key_ordinal) AS names
                    FROM sys.index_columns AS part
                    JOIN sys.columns AS col
                      ON col.object_id = part.object_id AND col.column_id = part.column_id
                   WHERE part.object_id = listed.object_id
                     AND part.index_id = listed.index_id
                     AND part.key_ordinal > 0) AS keys
     OUTER APPLY (SELECT STRING_AGG(CAST(QUOTENAME(col.name) AS nvarchar(max)), N', ')
                             WITHIN GROUP (ORDER BY part.index_column_id) AS names
                    FROM sys.index_columns AS part
                    JOIN sys.columns AS col
                      ON col.object_id = part.object_id AND col.column_id = part.column_id
                   WHERE part.object_id = listed.object_id
                     AND part.index_id = listed.index_id
                     AND part.is_included_column = 1) AS carried
     WHERE listed.index_id > 0
       AND listed.is_hypothetical = 0
       AND listed.is_unique = 0                                                 -- when unused
       AND listed.index_id > 1                                                  -- when unused
       AND COALESCE(used.scans, 0) = 0                                          -- when unused
     ORDER BY sized.bytes DESC, [schema], listed.name;

-- name: missing_indexes
-- What the statements on {schema}.jobs and {schema}.tasks want and no index begins with. Left out
-- where a column is not there. `first_keys` are the keys that matter; the rest keeps an order that
-- few rows are left for.
SELECT wanted.[table], wanted.keys AS columns, wanted.serves,
       N'CREATE INDEX ' + QUOTENAME(wanted.name + CASE WHEN named.name IS NULL THEN N''
                                                       ELSE N'_new' END)
       + N' ON ' + QUOTENAME(N'{schema}') + N'.' + QUOTENAME(wanted.[table])
       + N' (' + wanted.keys + N')'
       + CASE wanted.name WHEN N'ix_tasks_of_job' THEN N' INCLUDE (status)' ELSE N'' END AS ddl
  FROM (VALUES
        (N'jobs', N'ix_jobs_created_at', N'created_at DESC, job_id', N'created_at,',
         N'created_at', N'the newest jobs'),
        (N'jobs', N'ix_jobs_status', N'status, created_at DESC, job_id', N'status,created_at,',
         N'status,created_at', N'jobs of a status'),
        (N'jobs', N'ix_jobs_job_type', N'job_type, created_at DESC, job_id',
         N'job_type,created_at,', N'job_type,created_at', N'jobs of a type'),
        (N'jobs', N'ix_jobs_updated_at', N'updated_at DESC, job_id', N'updated_at,',
         N'updated_at', N'jobs by their last change, what ended in an hour'),
        (N'jobs', N'ix_jobs_failed', N'status, updated_at DESC, job_id', N'status,updated_at,',
         N'status,updated_at', N'failed jobs'),
        (N'tasks', N'ix_tasks_of_job', N'parent_job_id, stage, task_id', N'parent_job_id,',
         N'parent_job_id,stage', N'the tasks of a job'),
        (N'tasks', N'ix_tasks_created_at', N'created_at DESC, task_id', N'created_at,',
         N'created_at', N'the newest tasks'),
        (N'tasks', N'ix_tasks_status', N'status, created_at DESC, task_id', N'status,created_at,',
         N'status,created_at', N'tasks of a status'),
        (N'tasks', N'ix_tasks_task_type', N'task_type, created_at DESC, task_id',
         N'task_type,created_at,', N'task_type,created_at', N'tasks of a type'),
        (N'tasks', N'ix_tasks_stage', N'stage, created_at DESC, task_id', N'stage,created_at,',
         N'stage,created_at', N'tasks of a stage'),
        (N'tasks', N'ix_tasks_updated_at', N'updated_at DESC, task_id', N'updated_at,',
         N'updated_at', N'what ended in an hour, and how long it took'),
        (N'tasks', N'ix_tasks_failed', N'status, updated_at DESC, task_id', N'status,updated_at,',
         N'status,updated_at', N'failed tasks'))
       AS wanted ([table], name, keys, first_keys, needs, serves)
  LEFT JOIN sys.indexes AS named
    ON named.object_id = OBJECT_ID(N'[{schema}].' + wanted.[table]) AND named.name = wanted.name
 WHERE OBJECT_ID(N'[{schema}].' + wanted.[table]) IS NOT NULL
   AND NOT EXISTS (
           SELECT 1
             FROM STRING_SPLIT(wanted.needs, N',') AS needed
            WHERE COL_LENGTH(N'[{schema}].' + wanted.[table], needed.value) IS NULL)
   AND NOT EXISTS (
           SELECT 1
             FROM (SELECT STRING_AGG(CAST(col.name AS nvarchar(max)), N',')
                              WITHIN GROUP (ORDER BY part.key_ordinal) + N',' AS names
                     FROM sys.indexes AS listed
                     JOIN sys.index_columns AS part
                       ON part.object_id = listed.object_id AND part.index_id = listed.index_id
                     JOIN sys.columns AS col
                       ON col.object_id = part.object_id AND col.column_id = part.column_id
                    WHERE listed.object_id = OBJECT_ID(N'[{schema}].' + wanted.[table])
                      AND listed.is_disabled = 0
                      AND listed.has_filter = 0
                      AND part.key_ordinal > 0
                    GROUP BY listed.index_id) AS present
            WHERE LEFT(present.names, LEN(wanted.first_keys)) = wanted.first_keys)
 ORDER BY wanted.[table], wanted.name;

-- name: suggested_indexes
-- Those that the optimizer would have used for statements on this database, the most useful first.
IF OBJECT_ID('sys.dm_db_missing_index_details') IS NULL
    SELECT N'this server has no sys.dm_db_missing_index_details' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT TOP (:limit) OBJECT_NAME(missing.object_id) AS [table],
           COALESCE(missing.equality_columns, N'')
           + CASE WHEN missing.equality_columns IS NULL OR missing.inequality_columns IS NULL
                  THEN N'' ELSE N', ' END
           + COALESCE(missing.inequality_columns, N'') AS columns,
           missing.included_columns AS included,
           found.user_seeks + found.user_scans AS uses,
           found.avg_user_impact AS impact_percent,
           N'CREATE INDEX ' + QUOTENAME(CONCAT(N'ix_', OBJECT_NAME(missing.object_id), N'_',
                                               missing.index_handle))
           + N' ON ' + missing.statement + N' ('
           + COALESCE(missing.equality_columns, N'')
           + CASE WHEN missing.equality_columns IS NULL OR missing.inequality_columns IS NULL
                  THEN N'' ELSE N', ' END
           + COALESCE(missing.inequality_columns, N'') + N')'
           + COALESCE(N' INCLUDE (' + missing.included_columns + N')', N'') AS ddl
      FROM sys.dm_db_missing_index_details AS missing
      JOIN sys.dm_db_missing_index_groups AS groups
        ON groups.index_handle = missing.index_handle
      JOIN sys.dm_db_missing_index_group_stats AS found
        ON found.group_handle = groups.index_group_handle
     WHERE missing.database_id = DB_ID()
     ORDER BY (found.user_seeks + found.user_scans) * found.avg_total_user_cost
              * found.avg_user_impact DESC;
ELSE
    SELECT N'sys.dm_db_missing_index_details needs VIEW SERVER STATE' AS not_available;

-- name: scanned_tables
-- Tables of some size that are often read from end to end, those first that cost most.
IF OBJECT_ID('sys.dm_db_index_usage_stats') IS NULL
    SELECT N'this server has no sys.dm_db_index_usage_stats' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT TOP (:limit) SCHEMA_NAME(tables.schema_id) AS [schema], tables.name,
           used.user_scans AS seq_scans, CAST(NULL AS bigint) AS rows_read,
           counted.row_count AS [rows]
      FROM sys.dm_db_index_usage_stats AS used
      JOIN sys.tables AS tables ON tables.object_id = used.object_id
     CROSS APPLY (SELECT SUM(parts.rows) AS row_count
                    FROM sys.partitions AS parts
                   WHERE parts.object_id = used.object_id
                     AND parts.index_id = used.index_id) AS counted
     WHERE used.database_id = DB_ID()
       AND used.index_id < 2
       AND used.user_scans >= 10
       AND counted.row_count >= 10000
     ORDER BY used.user_scans * counted.row_count DESC, tables.object_id;
ELSE
    SELECT N'sys.dm_db_index_usage_stats needs VIEW SERVER STATE' AS not_available;

-- name: activity_by_hour
-- Each hour by the clock: what was created in it, and what ended in it.
DECLARE @hours int = :hours;
DECLARE @zero datetime2(0) = '2000-01-01';
DECLARE @this_hour datetime2(0) = DATEADD(hour, DATEDIFF(hour, @zero, SYSUTCDATETIME()), @zero);
DECLARE @since datetime2(0) = DATEADD(hour, 1 - @hours, @this_hour);
SELECT hours.hour,
       COALESCE(jobs_created.jobs, 0) AS jobs_created,
       COALESCE(jobs_ended.completed, 0) AS jobs_completed,
       COALESCE(jobs_ended.with_errors, 0) AS jobs_completed_with_errors,
       COALESCE(jobs_ended.failed, 0) AS jobs_failed,
       COALESCE(tasks_created.tasks, 0) AS tasks_created,
       COALESCE(tasks_ended.completed, 0) AS tasks_completed,
       COALESCE(tasks_ended.failed, 0) AS tasks_failed
  FROM (SELECT DATEADD(hour, -(10 * tens.n + ones.n), @this_hour) AS hour
          FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS ones (n)
         CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12),
                            (13), (14), (15), (16)) AS tens (n)
         WHERE 10 * tens.n + ones.n < @hours) AS hours
  LEFT JOIN (SELECT DATEADD(hour, DATEDIFF(hour, @zero, job.created_at), @zero) AS hour,
                    COUNT(*) AS jobs
               FROM {jobs} AS job
              WHERE job.created_at >= @since
              GROUP BY DATEADD(hour, DATEDIFF(hour, @zero, job.created_at), @zero)) AS jobs_created
    ON jobs_created.hour = hours.hour
  LEFT JOIN (SELECT DATEADD(hour, DATEDIFF(hour, @zero, job.updated_at), @zero) AS hour,
                    SUM(CASE WHEN job.status = N'completed' THEN 1 ELSE 0 END) AS completed,
                    SUM(CASE WHEN job.status = N'completed_with_errors' THEN 1 ELSE 0 END)
                        AS with_errors,
                    SUM(CASE WHEN job.status = N'failed' THEN 1 ELSE 0 END) AS failed
               FROM {jobs} AS job
              WHERE job.updated_at >= @since
                AND job.status IN (N'completed', N'completed_with_errors', N'failed')
              GROUP BY DATEADD(hour, DATEDIFF(hour, @zero, job.updated_at), @zero)) AS jobs_ended
    ON jobs_ended.hour = hours.hour
  LEFT JOIN (SELECT DATEADD(hour, DATEDIFF(hour, @zero, task.created_at), @zero) AS hour,
                    COUNT(*) AS tasks
               FROM {tasks} AS task
              WHERE task.created_at >= @since
              GROUP BY DATEADD(hour, DATEDIFF(hour, @zero, task.created_at), @zero))
       AS tasks_created
    ON tasks_created.hour = hours.hour
  LEFT JOIN (SELECT DATEADD(hour, DATEDIFF(hour, @zero, task.updated_at), @zero) AS hour,
                    SUM(CASE WHEN task.status = N'completed' THEN 1 ELSE 0 END) AS completed,
                    SUM(CASE WHEN task.status = N'failed' THEN 1 ELSE 0 END) AS failed
               FROM {tasks} AS task
              WHERE task.updated_at >= @since
                AND task.status IN (N'completed', N'failed')
              GROUP BY DATEADD(hour, DATEDIFF(hour, @zero, task.updated_at), @zero)) AS tasks_ended
    ON tasks_ended.hour = hours.hour
 ORDER BY hours.hour;

-- name: cache_use
-- The share of page requests that found the page in memory; the counter has no numbers beside it.
IF OBJECT_ID('sys.dm_os_performance_counters') IS NULL
    SELECT N'this server has no sys.dm_os_performance_counters' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT CAST(MAX(CASE WHEN counter_name = N'Buffer cache hit ratio' THEN cntr_value END)
                AS float)
           / NULLIF(MAX(CASE WHEN counter_name = N'Buffer cache hit ratio base'
                             THEN cntr_value END), 0) AS ratio,
           CAST(NULL AS bigint) AS hits, CAST(NULL AS bigint) AS [reads]
      FROM sys.dm_os_performance_counters
     WHERE object_name LIKE N'%Buffer Manager%'
       AND counter_name IN (N'Buffer cache hit ratio', N'Buffer cache hit ratio base');
ELSE
    SELECT N'sys.dm_os_performance_counters needs VIEW SERVER STATE' AS not_available;

-- name: waits
-- What took longest since the server started, without the waits of those who have nothing to do.
IF SERVERPROPERTY('EngineEdition') = 5 AND OBJECT_ID('sys.dm_db_wait_stats') IS NOT NULL
    SELECT TOP (:limit) CAST(NULL AS nvarchar(60)) AS kind, wait_type AS name,
           CAST(NULL AS bigint) AS waiting_sessions, waiting_tasks_count AS waits,
           wait_time_ms AS waited_ms
      FROM sys.dm_db_wait_stats
     WHERE waiting_tasks_count > 0
     ORDER BY wait_time_ms DESC, wait_type;
ELSE IF OBJECT_ID('sys.dm_os_wait_stats') IS NULL
    SELECT N'this server has no sys.dm_os_wait_stats' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'))
    SELECT TOP (:limit) CAST(NULL AS nvarchar(60)) AS kind, wait_type AS name,
           CAST(NULL AS bigint) AS waiting_sessions, waiting_tasks_count AS waits,
           wait_time_ms AS waited_ms
      FROM sys.dm_os_wait_stats
     WHERE waiting_tasks_count > 0
       AND wait_type NOT LIKE N'SLEEP[_]%'
       AND wait_type NOT LIKE N'BROKER[_]%'
       AND wait_type NOT LIKE N'XE[_]%'
       AND wait_type NOT LIKE N'HADR[_]%'
       AND wait_type NOT LIKE N'QDS[_]%'
       AND wait_type NOT LIKE N'PREEMPTIVE[_]%'
       AND wait_type NOT LIKE N'SQLTRACE[_]%'
       AND wait_type NOT LIKE N'PVS[_]%'
       AND wait_type NOT LIKE N'DBMIRROR%'
       AND wait_type NOT LIKE N'FT[_]IFTS%'
       AND wait_type NOT LIKE N'PARALLEL[_]REDO%'
       AND wait_type NOT IN (
               N'CHECKPOINT_QUEUE', N'CHKPT', N'CLR_AUTO_EVENT', N'CLR_MANUAL_EVENT',
               N'CLR_SEMAPHORE', N'CXCONSUMER', N'DIRTY_PAGE_POLL', N'DISPATCHER_QUEUE_SEMAPHORE',
               N'EXECSYNC', N'FSAGENT', N'KSOURCE_WAKEUP', N'LAZYWRITER_SLEEP', N'LOGMGR_QUEUE',
               N'MEMORY_ALLOCATION_EXT', N'ONDEMAND_TASK_QUEUE', N'REDO_THREAD_PENDING_WORK',
               N'REQUEST_FOR_DEADLOCK_SEARCH', N'RESOURCE_QUEUE', N'SERVER_IDLE_CHECK',
               N'SNI_HTTP_ACCEPT', N'SOS_WORK_DISPATCHER', N'SP_SERVER_DIAGNOSTICS_SLEEP',
               N'STARTUP_DEPENDENCY_MANAGER', N'UCS_SESSION_REGISTRATION',
               N'VDI_CLIENT_OTHER', N'WAITFOR', N'WAITFOR_TASKSHUTDOWN', N'WAIT_XTP_HOST_WAIT',
               N'WAIT_XTP_OFFLINE_CKPT_NEW_LOG', N'WAIT_XTP_CKPT_CLOSE', N'XTP_PREEMPTIVE_TASK')
     ORDER BY wait_time_ms DESC, wait_type;
ELSE
    SELECT N'sys.dm_os_wait_stats needs VIEW SERVER STATE' AS not_available;
