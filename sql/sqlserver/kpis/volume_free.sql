-- title: Free space on the volumes
-- unit: %
-- warning: 15
-- critical: 5
-- every: 300
-- priority: 2
-- Of the volumes that hold this database's files, what the fullest still has free. At 0 % no file
-- can grow and nothing can be written. Azure SQL Database keeps its volumes to itself.
IF SERVERPROPERTY('EngineEdition') = 5
    SELECT NULL AS free_percent, N'Azure SQL Database does not show its volumes' AS not_available;
ELSE IF OBJECT_ID('sys.dm_os_volume_stats') IS NULL
    SELECT NULL AS free_percent, N'this server has no sys.dm_os_volume_stats' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'))
    EXEC sys.sp_executesql N'
    SELECT CAST(MIN(100.0 * volume.available_bytes / volume.total_bytes) AS decimal(18, 2))
               AS free_percent
      FROM sys.database_files AS files
     CROSS APPLY sys.dm_os_volume_stats(DB_ID(), files.file_id) AS volume
     WHERE volume.total_bytes > 0;';
ELSE
    SELECT NULL AS free_percent, N'the login may not VIEW SERVER STATE' AS not_available;
