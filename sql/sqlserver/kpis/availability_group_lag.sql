-- title: Availability group lag
-- unit: s
-- warning: 30
-- critical: 300
-- every: 30
-- priority: 3
-- How far the slowest replica of this database is behind the primary; on Azure SQL Database, the
-- slowest geo-replica. Without replicas it is 0. A replica that is not joined or is suspended says
-- nothing here: look at synchronization_health_desc.
IF SERVERPROPERTY('EngineEdition') <> 5
   AND COALESCE(SERVERPROPERTY('IsHadrEnabled'), 0) = 0
    SELECT NULL AS seconds, N'availability groups are switched off on this server' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    EXEC sys.sp_executesql N'
    IF SERVERPROPERTY(''EngineEdition'') = 5
        SELECT COALESCE(MAX(replication_lag_sec), 0) AS seconds
          FROM sys.dm_geo_replication_link_status;
    ELSE
        SELECT COALESCE(MAX(secondary_lag_seconds), 0) AS seconds
          FROM sys.dm_hadr_database_replica_states
         WHERE database_id = DB_ID();';
ELSE
    SELECT NULL AS seconds, N'the login may not VIEW SERVER STATE' AS not_available;
