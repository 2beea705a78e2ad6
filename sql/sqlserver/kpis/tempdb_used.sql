-- title: tempdb used
-- unit: %
-- warning: 80
-- critical: 95
-- every: 60
-- priority: 4
-- Of the present size of tempdb's data files. It grows while its volume has room; a query that
-- sorts or joins too much at once, or an old snapshot that holds the version store, fills it.
IF OBJECT_ID('sys.dm_db_file_space_usage') IS NULL
    SELECT NULL AS used_percent, N'this server has no sys.dm_db_file_space_usage' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT CAST(100.0 * (SUM(total_page_count) - SUM(unallocated_extent_page_count))
                / SUM(total_page_count) AS decimal(18, 2)) AS used_percent
      FROM tempdb.sys.dm_db_file_space_usage;
ELSE
    SELECT NULL AS used_percent, N'the login may not VIEW SERVER STATE' AS not_available;
