-- title: Queries that wait for memory
-- unit: queries
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 4
-- Queries that cannot start because their sorts and joins have asked for more memory than is free.
-- Mostly a few that ask for far too much: sys.dm_exec_query_memory_grants has who holds what.
IF OBJECT_ID('sys.dm_exec_query_memory_grants') IS NULL
    SELECT NULL AS queries, N'this server has no sys.dm_exec_query_memory_grants' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT COUNT(*) AS queries
      FROM sys.dm_exec_query_memory_grants
     WHERE grant_time IS NULL;
ELSE
    SELECT NULL AS queries, N'the login may not VIEW SERVER STATE' AS not_available;
