-- title: Transaction log used
-- unit: %
-- warning: 75
-- critical: 90
-- every: 60
-- priority: 2
-- How full this database's log is at its present size. It is emptied by log backups (or by
-- checkpoints in the simple recovery model), unless something holds it: log_reuse_wait_desc in
-- sys.databases says what. Full, nothing can be written.
IF OBJECT_ID('sys.dm_db_log_space_usage') IS NULL
    SELECT NULL AS used_percent, N'this server has no sys.dm_db_log_space_usage' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT CAST(used_log_space_in_percent AS decimal(18, 2)) AS used_percent
      FROM sys.dm_db_log_space_usage;
ELSE
    SELECT NULL AS used_percent, N'the login may not VIEW SERVER STATE' AS not_available;
