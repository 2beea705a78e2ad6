-- title: Blocked sessions
-- unit: sessions
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 1
-- Sessions that have waited more than five seconds for a lock that another one holds.
-- blocking_session_id in sys.dm_exec_requests names the one to look at; follow it to the head.
IF OBJECT_ID('sys.dm_exec_requests') IS NULL
    SELECT NULL AS sessions, N'this server has no sys.dm_exec_requests' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT COUNT(*) AS sessions
      FROM sys.dm_exec_requests
     WHERE blocking_session_id <> 0
       AND blocking_session_id <> session_id
       AND wait_type LIKE N'LCK%'
       AND wait_time > 5000;
ELSE
    SELECT NULL AS sessions, N'the login may not VIEW SERVER STATE' AS not_available;
