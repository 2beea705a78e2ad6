-- title: Page life expectancy
-- unit: s
-- warning: 300
-- critical: 60
-- every: 60
-- priority: 5
-- How long a page stays in memory before another takes its place. Low: memory is short for what is
-- read, or a query reads whole tables. It grows from nothing after a start, so the first half hour
-- says nothing yet.
IF OBJECT_ID('sys.dm_os_performance_counters') IS NULL
    SELECT NULL AS seconds, N'this server has no sys.dm_os_performance_counters' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT CASE WHEN up.seconds >= 1800 THEN life.seconds END AS seconds,
           CASE WHEN up.seconds < 1800 THEN N'the server started less than half an hour ago' END
               AS not_available
      FROM (SELECT MIN(cntr_value) AS seconds
              FROM sys.dm_os_performance_counters
             WHERE counter_name = N'Page life expectancy'
               AND object_name LIKE N'%Buffer Manager%') AS life
     CROSS JOIN (SELECT DATEDIFF(SECOND, sqlserver_start_time, GETDATE()) AS seconds
                   FROM sys.dm_os_sys_info) AS up;
ELSE
    SELECT NULL AS seconds, N'the login may not VIEW SERVER STATE' AS not_available;
