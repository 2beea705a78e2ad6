-- title: Damaged pages
-- unit: pages
-- critical: 1
-- every: 300
-- priority: 1
-- Pages of this database that could not be read or had a wrong checksum, and were not restored or
-- repaired since. Run DBCC CHECKDB and look at the storage, before the backups are as old as this.
IF SERVERPROPERTY('EngineEdition') = 5
    SELECT NULL AS pages, N'Azure looks after the pages of Azure SQL Database' AS not_available;
ELSE IF COALESCE(HAS_PERMS_BY_NAME('msdb.dbo.suspect_pages', 'OBJECT', 'SELECT'), 0) = 0
    SELECT NULL AS pages, N'the login may not read suspect_pages of msdb' AS not_available;
ELSE
    EXEC sys.sp_executesql N'
    SELECT COUNT(*) AS pages
      FROM msdb.dbo.suspect_pages
     WHERE database_id = DB_ID()
       AND event_type IN (1, 2, 3);';
