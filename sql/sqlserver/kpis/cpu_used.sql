-- title: CPU used
-- unit: %
-- warning: 85
-- critical: 97
-- every: 60
-- priority: 3
-- By the server's process in the newest minute that it noted; on Azure SQL Database, of what the
-- database has been given, in the newest fifteen seconds. sys.dm_exec_query_stats, by
-- total_worker_time, has the statements that take most of it.
IF COALESCE(OBJECT_ID('sys.dm_db_resource_stats'), OBJECT_ID('sys.dm_os_ring_buffers')) IS NULL
    SELECT NULL AS used_percent, N'this server has no sys.dm_os_ring_buffers' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    EXEC sys.sp_executesql N'
    IF SERVERPROPERTY(''EngineEdition'') = 5
        SELECT TOP (1) avg_cpu_percent AS used_percent
          FROM sys.dm_db_resource_stats
         ORDER BY end_time DESC;
    ELSE
        SELECT TOP (1) noted.record.value(
                   ''(./Record/SchedulerMonitorEvent/SystemHealth/ProcessUtilization)[1]'', ''int'')
                   AS used_percent
          FROM (SELECT timestamp, CONVERT(xml, record) AS record
                  FROM sys.dm_os_ring_buffers
                 WHERE ring_buffer_type = N''RING_BUFFER_SCHEDULER_MONITOR''
                   AND record LIKE N''%<SystemHealth>%'') AS noted
         ORDER BY noted.timestamp DESC;';
ELSE
    SELECT NULL AS used_percent, N'the login may not VIEW SERVER STATE' AS not_available;
