-- title: Deadlocks
-- unit: per hour
-- warning: 1
-- critical: 10
-- every: 60
-- priority: 4
-- On average since the server started. Each one cost somebody a transaction: two code paths take
-- the same locks in different order; the session system_health has the graph of each.
IF OBJECT_ID('sys.dm_os_performance_counters') IS NULL
    SELECT NULL AS per_hour, N'this server has no sys.dm_os_performance_counters' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT CAST(MAX(counter.cntr_value)
                / CASE WHEN MAX(up.hours) > 1 THEN MAX(up.hours) ELSE 1.0 END
                AS decimal(18, 2)) AS per_hour
      FROM sys.dm_os_performance_counters AS counter
     CROSS JOIN (SELECT DATEDIFF(SECOND, sqlserver_start_time, GETDATE()) / 3600.0 AS hours
                   FROM sys.dm_os_sys_info) AS up
     WHERE counter.counter_name = N'Number of Deadlocks/sec'
       AND counter.instance_name = N'_Total';
ELSE
    SELECT NULL AS per_hour, N'the login may not VIEW SERVER STATE' AS not_available;
