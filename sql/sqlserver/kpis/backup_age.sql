-- title: Backup age
-- unit: h
-- warning: 26
-- critical: 50
-- every: 300
-- priority: 2
-- Since the newest full or differential backup of this database ended; where there was none, since
-- the database was made. Azure SQL Database is backed up by Azure, which keeps the times to itself.
IF SERVERPROPERTY('EngineEdition') = 5
    SELECT NULL AS hours, N'Azure SQL Database is backed up by Azure' AS not_available;
ELSE IF COALESCE(HAS_PERMS_BY_NAME('msdb.dbo.backupset', 'OBJECT', 'SELECT'), 0) = 0
    SELECT NULL AS hours, N'the login may not read backupset of msdb' AS not_available;
ELSE
    EXEC sys.sp_executesql N'
    SELECT CAST(DATEDIFF(MINUTE, COALESCE(
               (SELECT MAX(backup_finish_date)
                  FROM msdb.dbo.backupset
                 WHERE database_name = DB_NAME()
                   AND type IN (''D'', ''I'')),
               (SELECT create_date FROM sys.databases WHERE database_id = DB_ID())),
               GETDATE()) / 60.0 AS decimal(18, 1)) AS hours;';
