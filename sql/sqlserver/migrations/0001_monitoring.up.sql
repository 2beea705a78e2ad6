-- The store: workers, what they monitor, what they found, and who was seen alive.
--
-- The schema may hold tables of these names already, of another application. Such a table gets the
-- columns and indexes that it lacks and is otherwise left alone: what it holds stays as it is, and
-- so do its own keys, checks and defaults. Where that is not enough, nothing is changed at all.
-- monitoring.schema_made keeps what is made here; the way back removes that and nothing else.

-- What must be there. `filled` says who gives a new row its value: caller (always), nobody (it may
-- be NULL), identity, or a default. A size is in characters, -1 for max; of a decimal, its digits.
CREATE TABLE #wanted (
    table_name  nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    column_name nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    type_name   nvarchar(20)  COLLATE DATABASE_DEFAULT NOT NULL,
    size        int           NULL,
    scale       int           NULL,
    filled      nvarchar(100) COLLATE DATABASE_DEFAULT NOT NULL,
    declared    nvarchar(50)  COLLATE DATABASE_DEFAULT NULL
);
INSERT INTO #wanted (table_name, column_name, type_name, size, scale, filled) VALUES
    (N'WorkerInstances', N'WorkerInstanceId', N'uniqueidentifier', NULL, NULL, N'NEWID()'),
    (N'WorkerInstances', N'WorkerName', N'nvarchar', 100, NULL, N'caller'),
    (N'WorkerInstances', N'MachineName', N'nvarchar', 100, NULL, N'caller'),
    (N'WorkerInstances', N'ProcessId', N'int', NULL, NULL, N'caller'),
    (N'WorkerInstances', N'Version', N'nvarchar', 50, NULL, N'caller'),
    (N'WorkerInstances', N'Environment', N'nvarchar', 50, NULL, N'caller'),
    (N'WorkerInstances', N'Status', N'nvarchar', 20, NULL, N'N''Starting'''),
    (N'WorkerInstances', N'StartedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'WorkerInstances', N'StoppedAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'WorkerInstances', N'LastHeartbeat', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'WorkerInstances', N'Configuration', N'nvarchar', -1, NULL, N'nobody'),
    (N'WorkerInstances', N'Tags', N'nvarchar', 500, NULL, N'nobody'),

    (N'WorkerJobs', N'JobId', N'uniqueidentifier', NULL, NULL, N'NEWID()'),
    (N'WorkerJobs', N'WorkerInstanceId', N'uniqueidentifier', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'JobType', N'nvarchar', 50, NULL, N'caller'),
    (N'WorkerJobs', N'JobName', N'nvarchar', 200, NULL, N'caller'),
    (N'WorkerJobs', N'Status', N'nvarchar', 20, NULL, N'N''Queued'''),
    (N'WorkerJobs', N'Priority', N'int', NULL, NULL, N'5'),
    (N'WorkerJobs', N'ScheduledAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'WorkerJobs', N'StartedAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'CompletedAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'DurationMs', N'bigint', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'ResultStatus', N'nvarchar', 20, NULL, N'nobody'),
    (N'WorkerJobs', N'ResultMessage', N'nvarchar', 1000, NULL, N'nobody'),
    (N'WorkerJobs', N'ResultData', N'nvarchar', -1, NULL, N'nobody'),
    (N'WorkerJobs', N'ErrorMessage', N'nvarchar', -1, NULL, N'nobody'),
    (N'WorkerJobs', N'RetryCount', N'int', NULL, NULL, N'0'),
    (N'WorkerJobs', N'MaxRetries', N'int', NULL, NULL, N'0'),
    (N'WorkerJobs', N'NextRetryAt', N'datetime2', NULL, NULL, N'nobody'),

    (N'WorkerMetrics', N'MetricId', N'bigint', NULL, NULL, N'identity'),
    (N'WorkerMetrics', N'WorkerInstanceId', N'uniqueidentifier', NULL, NULL, N'caller'),
    (N'WorkerMetrics', N'MetricType', N'nvarchar', 50, NULL, N'caller'),
    (N'WorkerMetrics', N'MetricName', N'nvarchar', 100, NULL, N'caller'),
    (N'WorkerMetrics', N'MetricValue', N'float', NULL, NULL, N'caller'),
    (N'WorkerMetrics', N'Unit', N'nvarchar', 20, NULL, N'nobody'),
    (N'WorkerMetrics', N'Tags', N'nvarchar', 500, NULL, N'nobody'),
    (N'WorkerMetrics', N'RecordedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),

    (N'DatabaseConnections', N'ConnectionId', N'uniqueidentifier', NULL, NULL, N'NEWID()'),
    (N'DatabaseConnections', N'ConnectionName', N'nvarchar', 100, NULL, N'caller'),
    (N'DatabaseConnections', N'Provider', N'nvarchar', 50, NULL, N'caller'),
    (N'DatabaseConnections', N'ConnectionString', N'nvarchar', 1000, NULL, N'caller'),
    (N'DatabaseConnections', N'Environment', N'nvarchar', 50, NULL, N'caller'),
    (N'DatabaseConnections', N'Tags', N'nvarchar', 500, NULL, N'nobody'),
    (N'DatabaseConnections', N'ConnectionTimeoutSeconds', N'int', NULL, NULL, N'30'),
    (N'DatabaseConnections', N'CommandTimeoutSeconds', N'int', NULL, NULL, N'30'),
    (N'DatabaseConnections', N'IsEnabled', N'bit', NULL, NULL, N'1'),
    (N'DatabaseConnections', N'IsEncrypted', N'bit', NULL, NULL, N'0'),
    (N'DatabaseConnections', N'CreatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'DatabaseConnections', N'CreatedBy', N'nvarchar', 100, NULL, N'caller'),
    (N'DatabaseConnections', N'ModifiedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'DatabaseConnections', N'ModifiedBy', N'nvarchar', 100, NULL, N'caller'),

    (N'DatabaseQueries', N'QueryId', N'uniqueidentifier', NULL, NULL, N'NEWID()'),
    (N'DatabaseQueries', N'QueryName', N'nvarchar', 100, NULL, N'caller'),
    (N'DatabaseQueries', N'QueryType', N'nvarchar', 50, NULL, N'N''Custom'''),
    (N'DatabaseQueries', N'Description', N'nvarchar', -1, NULL, N'nobody'),
    (N'DatabaseQueries', N'SqlQuery', N'nvarchar', -1, NULL, N'caller'),
    (N'DatabaseQueries', N'ResultType', N'nvarchar', 20, NULL, N'N''Scalar'''),
    (N'DatabaseQueries', N'Unit', N'nvarchar', 20, NULL, N'nobody'),
    (N'DatabaseQueries', N'ExpectedValue', N'nvarchar', 100, NULL, N'nobody'),
    (N'DatabaseQueries', N'ComparisonOperator', N'nvarchar', 10, NULL, N'nobody'),
    (N'DatabaseQueries', N'WarningThreshold', N'decimal', 18, 4, N'nobody'),
    (N'DatabaseQueries', N'CriticalThreshold', N'decimal', 18, 4, N'nobody'),
    (N'DatabaseQueries', N'OnEmpty', N'nvarchar', 10, NULL, N'N''error'''),
    (N'DatabaseQueries', N'TimeoutSeconds', N'int', NULL, NULL, N'30'),
    (N'DatabaseQueries', N'IsEnabled', N'bit', NULL, NULL, N'1'),
    (N'DatabaseQueries', N'CreatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'DatabaseQueries', N'CreatedBy', N'nvarchar', 100, NULL, N'caller'),
    (N'DatabaseQueries', N'ModifiedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'DatabaseQueries', N'ModifiedBy', N'nvarchar', 100, NULL, N'caller'),

    (N'Indicators', N'IndicatorId', N'uniqueidentifier', NULL, NULL, N'NEWID()'),
    (N'Indicators', N'IndicatorName', N'nvarchar', 100, NULL, N'caller'),
    (N'Indicators', N'Description', N'nvarchar', -1, NULL, N'nobody'),
    (N'Indicators', N'ConnectionId', N'uniqueidentifier', NULL, NULL, N'caller'),
    (N'Indicators', N'QueryId', N'uniqueidentifier', NULL, NULL, N'caller'),
    (N'Indicators', N'Schedule', N'nvarchar', 100, NULL, N'N''60'''),
    (N'Indicators', N'Priority', N'int', NULL, NULL, N'5'),
    (N'Indicators', N'MaxRetries', N'int', NULL, NULL, N'0'),
    (N'Indicators', N'Owner', N'nvarchar', 100, NULL, N'nobody'),
    (N'Indicators', N'IsActive', N'bit', NULL, NULL, N'1'),
    (N'Indicators', N'NextDueAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'Indicators', N'LeaseId', N'uniqueidentifier', NULL, NULL, N'nobody'),
    (N'Indicators', N'LeasedUntil', N'datetime2', NULL, NULL, N'nobody'),
    (N'Indicators', N'CreatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'Indicators', N'CreatedBy', N'nvarchar', 100, NULL, N'caller'),
    (N'Indicators', N'ModifiedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'Indicators', N'ModifiedBy', N'nvarchar', 100, NULL, N'caller'),

    (N'DatabaseMonitoringResults', N'ResultId', N'bigint', NULL, NULL, N'identity'),
    (N'DatabaseMonitoringResults', N'IndicatorId', N'uniqueidentifier', NULL, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'SlotAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'DatabaseMonitoringResults', N'ExecutedAt', N'datetime2', NULL, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'Status', N'nvarchar', 20, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'ValueNumber', N'decimal', 38, 10, N'nobody'),
    (N'DatabaseMonitoringResults', N'ValueText', N'nvarchar', -1, NULL, N'nobody'),
    (N'DatabaseMonitoringResults', N'Message', N'nvarchar', -1, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'ErrorType', N'nvarchar', 50, NULL, N'nobody'),
    (N'DatabaseMonitoringResults', N'DurationMs', N'float', NULL, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'Details', N'nvarchar', -1, NULL, N'nobody'),
    (N'DatabaseMonitoringResults', N'Environment', N'nvarchar', 50, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'Provider', N'nvarchar', 50, NULL, N'caller'),
    (N'DatabaseMonitoringResults', N'WorkerInstanceId', N'uniqueidentifier', NULL, NULL, N'nobody'),

    (N'SystemStatus', N'ServiceName', N'nvarchar', 64, NULL, N'caller'),
    (N'SystemStatus', N'Status', N'nvarchar', 16, NULL, N'caller'),
    (N'SystemStatus', N'CurrentTask', N'nvarchar', -1, NULL, N'nobody'),
    (N'SystemStatus', N'LastHeartbeat', N'datetime2', NULL, NULL, N'caller'),
    (N'SystemStatus', N'DueAt', N'datetime2', NULL, NULL, N'caller'),
    (N'SystemStatus', N'IntervalSeconds', N'int', NULL, NULL, N'60'),
    (N'SystemStatus', N'GraceSeconds', N'int', NULL, NULL, N'120'),
    (N'SystemStatus', N'WorkerInstanceId', N'uniqueidentifier', NULL, NULL, N'nobody'),
    (N'SystemStatus', N'UpdatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),

    (N'SystemStatusHistory', N'Id', N'bigint', NULL, NULL, N'identity'),
    (N'SystemStatusHistory', N'ServiceName', N'nvarchar', 64, NULL, N'caller'),
    (N'SystemStatusHistory', N'Status', N'nvarchar', 16, NULL, N'caller'),
    (N'SystemStatusHistory', N'CurrentTask', N'nvarchar', -1, NULL, N'nobody'),
    (N'SystemStatusHistory', N'HeartbeatTimestamp', N'datetime2', NULL, NULL, N'caller'),
    (N'SystemStatusHistory', N'DueAt', N'datetime2', NULL, NULL, N'caller'),
    (N'SystemStatusHistory', N'CreatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),

    (N'JobMetrics', N'JobId', N'nvarchar', 200, NULL, N'caller'),
    (N'JobMetrics', N'TotalExecutions', N'bigint', NULL, NULL, N'0'),
    (N'JobMetrics', N'SuccessCount', N'bigint', NULL, NULL, N'0'),
    (N'JobMetrics', N'FailureCount', N'bigint', NULL, NULL, N'0'),
    (N'JobMetrics', N'TotalDurationMs', N'float', NULL, NULL, N'0'),
    (N'JobMetrics', N'MinDurationMs', N'float', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'MaxDurationMs', N'float', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'LastExecutionAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'LastSuccessAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'LastFailureAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'Metadata', N'nvarchar', -1, NULL, N'N''{}'''),
    (N'JobMetrics', N'CreatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'JobMetrics', N'UpdatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),

    (N'Config', N'ConfigKey', N'nvarchar', 100, NULL, N'caller'),
    (N'Config', N'ConfigValue', N'nvarchar', -1, NULL, N'caller'),
    (N'Config', N'Description', N'nvarchar', -1, NULL, N'caller'),
    (N'Config', N'ModifiedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'Config', N'ModifiedBy', N'nvarchar', 100, NULL, N'caller');
UPDATE #wanted
   SET declared = type_name
                + CASE WHEN size IS NULL THEN N''
                       WHEN size = -1 THEN N'(max)'
                       WHEN scale IS NULL THEN N'(' + CAST(size AS nvarchar(10)) + N')'
                       ELSE N'(' + CAST(size AS nvarchar(10)) + N', '
                            + CAST(scale AS nvarchar(10)) + N')' END;
GO

-- What is there. A column must be given where a new row has no other way to a value for it.
CREATE TABLE #there (
    table_name    nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    column_name   nvarchar(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name     nvarchar(128) COLLATE DATABASE_DEFAULT NULL,
    size          int           NULL,
    scale         int           NULL,
    is_identity   bit           NOT NULL,
    is_nullable   bit           NOT NULL,
    must_be_given bit           NOT NULL,
    declared      nvarchar(150) COLLATE DATABASE_DEFAULT NULL
);
INSERT INTO #there (table_name, column_name, type_name, size, scale, is_identity, is_nullable,
                    must_be_given)
SELECT named.table_name,
       live.name,
       live.type_name,
       CASE live.type_name WHEN N'nvarchar' THEN live.characters
                           WHEN N'decimal' THEN live.precision END,
       CASE live.type_name WHEN N'decimal' THEN live.scale END,
       live.is_identity,
       live.is_nullable,
       CASE WHEN live.is_nullable = 1 OR live.is_identity = 1 OR live.is_computed = 1 THEN 0
            WHEN live.type_name = N'timestamp' THEN 0
            WHEN EXISTS (SELECT 1 FROM sys.default_constraints AS given
                          WHERE given.parent_object_id = live.object_id
                            AND given.parent_column_id = live.column_id) THEN 0
            ELSE 1 END
  FROM (SELECT DISTINCT table_name FROM #wanted) AS named
  JOIN sys.tables AS owner ON owner.object_id = OBJECT_ID(N'monitoring.' + named.table_name)
  JOIN (SELECT object_id, column_id, name, precision, scale, is_identity, is_nullable, is_computed,
               CASE max_length WHEN -1 THEN -1 ELSE max_length / 2 END AS characters,
               REPLACE(TYPE_NAME(system_type_id), N'numeric', N'decimal') AS type_name
          FROM sys.columns) AS live ON live.object_id = owner.object_id;
UPDATE #there
   SET declared = type_name
                + CASE WHEN size IS NULL THEN N''
                       WHEN size = -1 THEN N'(max)'
                       WHEN scale IS NULL THEN N'(' + CAST(size AS nvarchar(10)) + N')'
                       ELSE N'(' + CAST(size AS nvarchar(10)) + N', '
                            + CAST(scale AS nvarchar(10)) + N')' END;
GO

-- Whether it can be built upon. Types fit where they are the same and at least as wide.
DECLARE @problems nvarchar(max);
SELECT @problems = STRING_AGG(CAST(found.problem AS nvarchar(max)), N'; ')
                   WITHIN GROUP (ORDER BY found.problem)
  FROM (SELECT DISTINCT N'monitoring.' + wanted.table_name + N' is there and is no table'
               AS problem
          FROM #wanted AS wanted
         WHERE OBJECT_ID(N'monitoring.' + wanted.table_name) IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM #there AS there
                            WHERE there.table_name = wanted.table_name)
        UNION ALL
        SELECT N'monitoring.' + wanted.table_name + N'.' + wanted.column_name + N' is '
               + COALESCE(there.declared, N'of a type of its own') + N', and '
               + wanted.declared + N' is needed'
          FROM #wanted AS wanted
          JOIN #there AS there
            ON there.table_name = wanted.table_name AND there.column_name = wanted.column_name
         WHERE COALESCE(there.type_name, N'') <> wanted.type_name
            OR wanted.type_name = N'nvarchar' AND there.size <> -1
               AND (wanted.size = -1 OR there.size < wanted.size)
            OR wanted.type_name = N'decimal'
               AND (there.scale < wanted.scale
                    OR there.size - there.scale < wanted.size - wanted.scale)
        UNION ALL
        SELECT N'monitoring.' + there.table_name + N'.' + there.column_name
               + N' may not be NULL, has no default, and would get no value from Watchkeeper'
          FROM #there AS there
          LEFT JOIN #wanted AS wanted
            ON wanted.table_name = there.table_name AND wanted.column_name = there.column_name
         WHERE there.must_be_given = 1
           AND COALESCE(wanted.filled, N'nobody') <> N'caller'
        UNION ALL
        SELECT N'monitoring.' + wanted.table_name + N' has an identity column other than '
               + wanted.column_name
          FROM #wanted AS wanted
          JOIN #there AS there
            ON there.table_name = wanted.table_name AND there.is_identity = 1
         WHERE wanted.filled = N'identity'
           AND there.column_name <> wanted.column_name) AS found;
SET @problems = N'nothing is changed: ' + LEFT(@problems, 2000);
IF @problems IS NOT NULL
    THROW 50000, @problems, 1;
GO

INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT DISTINCT N'0001', N'table', N'', N'monitoring.' + wanted.table_name
  FROM #wanted AS wanted
 WHERE OBJECT_ID(N'monitoring.' + wanted.table_name) IS NULL;
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0001', N'column', N'monitoring.' + wanted.table_name, wanted.column_name
  FROM #wanted AS wanted
 WHERE EXISTS (SELECT 1 FROM #there AS there WHERE there.table_name = wanted.table_name)
   AND NOT EXISTS (SELECT 1 FROM #there AS there
                    WHERE there.table_name = wanted.table_name
                      AND there.column_name = wanted.column_name);
GO

-- Tables that were there ----------------------------------------------------------------------

-- A new column is NULL in the rows that were there and has its default from now on; only what is
-- to be a key is filled.
DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'ALTER TABLE monitoring.' + wanted.table_name + N' ADD ' + wanted.column_name + N' '
        + wanted.declared
        + CASE WHEN wanted.filled IN (N'caller', N'nobody') THEN N' NULL'
               WHEN wanted.filled = N'identity' THEN N' NOT NULL IDENTITY(1, 1)'
               ELSE CASE WHEN wanted.filled = N'NEWID()' THEN N' NOT NULL' ELSE N' NULL' END
                    + N' CONSTRAINT DF_' + wanted.table_name + N'_' + wanted.column_name
                    + N' DEFAULT ' + wanted.filled END
   FROM #wanted AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0001'
    AND made.kind = N'column'
    AND made.owner = N'monitoring.' + wanted.table_name
    AND made.name = wanted.column_name;
OPEN additions;
FETCH NEXT FROM additions INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM additions INTO @statement;
END;
CLOSE additions;
DEALLOCATE additions;
GO

-- Indexes for them, without filters where that is possible: a filtered index would refuse the
-- writes of a session with other SET options, which such a table may have.
CREATE TABLE #index (
    table_name   nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    index_name   nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    first_column nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    is_key       bit           NOT NULL,
    columns      nvarchar(200) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #index (table_name, index_name, first_column, is_key, columns) VALUES
    (N'WorkerInstances', N'UX_WorkerInstances_Id', N'WorkerInstanceId', 1, N'(WorkerInstanceId)'),
    (N'WorkerInstances', N'IX_WorkerInstances_LastHeartbeat', N'LastHeartbeat', 0,
     N'(LastHeartbeat)'),
    (N'WorkerJobs', N'UX_WorkerJobs_Id', N'JobId', 1, N'(JobId)'),
    (N'WorkerJobs', N'IX_WorkerJobs_InstanceStatus', N'WorkerInstanceId', 0,
     N'(WorkerInstanceId, Status)'),
    (N'WorkerJobs', N'IX_WorkerJobs_CompletedAt', N'CompletedAt', 0, N'(CompletedAt)'),
    (N'WorkerMetrics', N'UX_WorkerMetrics_Id', N'MetricId', 1, N'(MetricId)'),
    (N'WorkerMetrics', N'IX_WorkerMetrics_InstanceName', N'WorkerInstanceId', 0,
     N'(WorkerInstanceId, MetricName, RecordedAt DESC)'),
    (N'WorkerMetrics', N'IX_WorkerMetrics_RecordedAt', N'RecordedAt', 0, N'(RecordedAt)'),
    (N'DatabaseConnections', N'UX_DatabaseConnections_Id', N'ConnectionId', 1,
     N'(ConnectionId)'),
    (N'DatabaseConnections', N'UX_DatabaseConnections_Name', N'ConnectionName', 1,
     N'(ConnectionName)'),
    (N'DatabaseQueries', N'UX_DatabaseQueries_Id', N'QueryId', 1, N'(QueryId)'),
    (N'DatabaseQueries', N'UX_DatabaseQueries_Name', N'QueryName', 1, N'(QueryName)'),
    (N'Indicators', N'UX_Indicators_Id', N'IndicatorId', 1, N'(IndicatorId)'),
    (N'Indicators', N'UX_Indicators_Name', N'IndicatorName', 1, N'(IndicatorName)'),
    (N'Indicators', N'IX_Indicators_NextDueAt', N'NextDueAt', 0, N'(NextDueAt)'),
    (N'Indicators', N'IX_Indicators_ConnectionId', N'ConnectionId', 0, N'(ConnectionId)'),
    (N'Indicators', N'IX_Indicators_QueryId', N'QueryId', 0, N'(QueryId)'),
    (N'DatabaseMonitoringResults', N'UX_DatabaseMonitoringResults_Id', N'ResultId', 1,
     N'(ResultId)'),
    (N'DatabaseMonitoringResults', N'IX_DatabaseMonitoringResults_Newest', N'IndicatorId', 0,
     N'(IndicatorId, ExecutedAt DESC, ResultId DESC)'),
    (N'DatabaseMonitoringResults', N'IX_DatabaseMonitoringResults_ExecutedAt', N'ExecutedAt', 0,
     N'(ExecutedAt)'),
    (N'SystemStatus', N'UX_SystemStatus_ServiceName', N'ServiceName', 1, N'(ServiceName)'),
    (N'SystemStatus', N'IX_SystemStatus_WorkerInstanceId', N'WorkerInstanceId', 0,
     N'(WorkerInstanceId)'),
    (N'SystemStatusHistory', N'IX_SystemStatusHistory_Service', N'ServiceName', 0,
     N'(ServiceName, HeartbeatTimestamp DESC)'),
    (N'SystemStatusHistory', N'IX_SystemStatusHistory_Heartbeat', N'HeartbeatTimestamp', 0,
     N'(HeartbeatTimestamp)'),
    (N'JobMetrics', N'UX_JobMetrics_JobId', N'JobId', 1, N'(JobId)'),
    (N'Config', N'UX_Config_ConfigKey', N'ConfigKey', 1, N'(ConfigKey)');
GO

-- A key stays without an index of its own where rows may lack it; one that repeats stops the
-- migration, which is then undone.
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0001', N'index', N'monitoring.' + wanted.table_name, wanted.index_name
  FROM #index AS wanted
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.schema_made AS made
                    WHERE made.revision = N'0001'
                      AND made.kind = N'table'
                      AND made.name = N'monitoring.' + wanted.table_name)
   AND NOT EXISTS (SELECT 1 FROM sys.indexes AS there
                    WHERE there.object_id = OBJECT_ID(N'monitoring.' + wanted.table_name)
                      AND there.name COLLATE DATABASE_DEFAULT = wanted.index_name)
   AND (wanted.is_key = 0
        OR EXISTS (SELECT 1 FROM sys.columns AS there
                    WHERE there.object_id = OBJECT_ID(N'monitoring.' + wanted.table_name)
                      AND there.name COLLATE DATABASE_DEFAULT = wanted.first_column
                      AND there.is_nullable = 0)
           AND NOT EXISTS (
                   SELECT 1
                     FROM sys.indexes AS there
                     JOIN sys.index_columns AS part
                       ON part.object_id = there.object_id AND part.index_id = there.index_id
                     JOIN sys.columns AS named
                       ON named.object_id = part.object_id AND named.column_id = part.column_id
                    WHERE there.object_id = OBJECT_ID(N'monitoring.' + wanted.table_name)
                      AND there.is_unique = 1
                      AND there.has_filter = 0
                      AND part.is_included_column = 0
                    GROUP BY there.index_id
                   HAVING COUNT(*) = 1
                      AND MAX(named.name COLLATE DATABASE_DEFAULT) = wanted.first_column));
GO

DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT CASE WHEN wanted.is_key = 1 THEN N'CREATE UNIQUE INDEX ' ELSE N'CREATE INDEX ' END
        + wanted.index_name + N' ON monitoring.' + wanted.table_name + N' ' + wanted.columns
   FROM #index AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0001'
    AND made.kind = N'index'
    AND made.owner = N'monitoring.' + wanted.table_name
    AND made.name = wanted.index_name;
OPEN additions;
FETCH NEXT FROM additions INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM additions INTO @statement;
END;
CLOSE additions;
DEALLOCATE additions;

-- At most one result for each slot: no other index than a filtered one can say so.
IF NOT EXISTS (SELECT 1 FROM monitoring.schema_made
                WHERE revision = N'0001' AND kind = N'table'
                  AND name = N'monitoring.DatabaseMonitoringResults')
BEGIN
    CREATE UNIQUE INDEX UX_DatabaseMonitoringResults_Slot
        ON monitoring.DatabaseMonitoringResults (IndicatorId, SlotAt)
        WHERE SlotAt IS NOT NULL;
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0001', N'index', N'monitoring.DatabaseMonitoringResults',
            N'UX_DatabaseMonitoringResults_Slot');
END;
GO

-- Workers -------------------------------------------------------------------------------------

IF OBJECT_ID(N'monitoring.WorkerInstances') IS NULL
BEGIN
    CREATE TABLE monitoring.WorkerInstances (
        WorkerInstanceId uniqueidentifier NOT NULL
            CONSTRAINT DF_WorkerInstances_WorkerInstanceId DEFAULT NEWID(),
        WorkerName       nvarchar(100)    NOT NULL,
        MachineName      nvarchar(100)    NOT NULL,
        ProcessId        int              NOT NULL,
        Version          nvarchar(50)     NOT NULL,
        Environment      nvarchar(50)     NOT NULL,
        Status           nvarchar(20)     NOT NULL
            CONSTRAINT DF_WorkerInstances_Status DEFAULT N'Starting',
        StartedAt        datetime2(7)     NOT NULL
            CONSTRAINT DF_WorkerInstances_StartedAt DEFAULT SYSUTCDATETIME(),
        StoppedAt        datetime2(7)     NULL,
        LastHeartbeat    datetime2(7)     NOT NULL
            CONSTRAINT DF_WorkerInstances_LastHeartbeat DEFAULT SYSUTCDATETIME(),
        Configuration    nvarchar(max)    NULL,
        Tags             nvarchar(500)    NULL,
        CONSTRAINT PK_WorkerInstances PRIMARY KEY (WorkerInstanceId),
        CONSTRAINT CK_WorkerInstances_Status
            CHECK (Status IN (N'Starting', N'Running', N'Stopping', N'Stopped', N'Error')),
        CONSTRAINT CK_WorkerInstances_Configuration CHECK (ISJSON(Configuration) = 1)
    );
    CREATE INDEX IX_WorkerInstances_LastHeartbeat ON monitoring.WorkerInstances (LastHeartbeat);
END;

IF OBJECT_ID(N'monitoring.WorkerJobs') IS NULL
BEGIN
    CREATE TABLE monitoring.WorkerJobs (
        JobId            uniqueidentifier NOT NULL
            CONSTRAINT DF_WorkerJobs_JobId DEFAULT NEWID(),
        WorkerInstanceId uniqueidentifier NULL,
        JobType          nvarchar(50)     NOT NULL,
        JobName          nvarchar(200)    NOT NULL,
        Status           nvarchar(20)     NOT NULL
            CONSTRAINT DF_WorkerJobs_Status DEFAULT N'Queued',
        Priority         int              NOT NULL
            CONSTRAINT DF_WorkerJobs_Priority DEFAULT 5,
        ScheduledAt      datetime2(7)     NOT NULL
            CONSTRAINT DF_WorkerJobs_ScheduledAt DEFAULT SYSUTCDATETIME(),
        StartedAt        datetime2(7)     NULL,
        CompletedAt      datetime2(7)     NULL,
        DurationMs       bigint           NULL,
        ResultStatus     nvarchar(20)     NULL,
        ResultMessage    nvarchar(1000)   NULL,
        ResultData       nvarchar(max)    NULL,
        ErrorMessage     nvarchar(max)    NULL,
        RetryCount       int              NOT NULL
            CONSTRAINT DF_WorkerJobs_RetryCount DEFAULT 0,
        MaxRetries       int              NOT NULL
            CONSTRAINT DF_WorkerJobs_MaxRetries DEFAULT 0,
        NextRetryAt      datetime2(7)     NULL,
        CONSTRAINT PK_WorkerJobs PRIMARY KEY (JobId),
        CONSTRAINT FK_WorkerJobs_WorkerInstances FOREIGN KEY (WorkerInstanceId)
            REFERENCES monitoring.WorkerInstances (WorkerInstanceId) ON DELETE SET NULL,
        CONSTRAINT CK_WorkerJobs_Status
            CHECK (Status IN (N'Queued', N'Running', N'Completed', N'Failed', N'Cancelled')),
        CONSTRAINT CK_WorkerJobs_ResultStatus
            CHECK (ResultStatus IN (N'Healthy', N'Warning', N'Critical', N'Error')),
        CONSTRAINT CK_WorkerJobs_ResultData CHECK (ISJSON(N'[' + ResultData + N']') = 1),
        CONSTRAINT CK_WorkerJobs_Priority CHECK (Priority BETWEEN 1 AND 10),
        CONSTRAINT CK_WorkerJobs_Retries CHECK (RetryCount >= 0 AND MaxRetries >= 0)
    );
    CREATE INDEX IX_WorkerJobs_InstanceStatus
        ON monitoring.WorkerJobs (WorkerInstanceId, Status);
    CREATE INDEX IX_WorkerJobs_Queue ON monitoring.WorkerJobs (Priority, ScheduledAt)
        WHERE Status = N'Queued';
    CREATE INDEX IX_WorkerJobs_CompletedAt ON monitoring.WorkerJobs (CompletedAt)
        WHERE CompletedAt IS NOT NULL;
END;

IF OBJECT_ID(N'monitoring.WorkerMetrics') IS NULL
BEGIN
    CREATE TABLE monitoring.WorkerMetrics (
        MetricId         bigint           NOT NULL IDENTITY(1, 1),
        WorkerInstanceId uniqueidentifier NOT NULL,
        MetricType       nvarchar(50)     NOT NULL,
        MetricName       nvarchar(100)    NOT NULL,
        MetricValue      float            NOT NULL,
        Unit             nvarchar(20)     NULL,
        Tags             nvarchar(500)    NULL,
        RecordedAt       datetime2(7)     NOT NULL
            CONSTRAINT DF_WorkerMetrics_RecordedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_WorkerMetrics PRIMARY KEY (MetricId),
        CONSTRAINT FK_WorkerMetrics_WorkerInstances FOREIGN KEY (WorkerInstanceId)
            REFERENCES monitoring.WorkerInstances (WorkerInstanceId) ON DELETE CASCADE,
        CONSTRAINT CK_WorkerMetrics_Type
            CHECK (MetricType IN (N'Heartbeat', N'JobExecution', N'Performance', N'Error'))
    );
    CREATE INDEX IX_WorkerMetrics_InstanceName
        ON monitoring.WorkerMetrics (WorkerInstanceId, MetricName, RecordedAt DESC);
    CREATE INDEX IX_WorkerMetrics_RecordedAt ON monitoring.WorkerMetrics (RecordedAt);
END;

-- What is monitored ---------------------------------------------------------------------------

-- A connection string is a database URL, or setting:NAME for the one in that app setting.
IF OBJECT_ID(N'monitoring.DatabaseConnections') IS NULL
    CREATE TABLE monitoring.DatabaseConnections (
        ConnectionId             uniqueidentifier NOT NULL
            CONSTRAINT DF_DatabaseConnections_ConnectionId DEFAULT NEWID(),
        ConnectionName           nvarchar(100)    NOT NULL,
        Provider                 nvarchar(50)     NOT NULL,
        ConnectionString         nvarchar(1000)   NOT NULL,
        Environment              nvarchar(50)     NOT NULL,
        Tags                     nvarchar(500)    NULL,
        ConnectionTimeoutSeconds int              NOT NULL
            CONSTRAINT DF_DatabaseConnections_ConnectionTimeoutSeconds DEFAULT 30,
        CommandTimeoutSeconds    int              NOT NULL
            CONSTRAINT DF_DatabaseConnections_CommandTimeoutSeconds DEFAULT 30,
        IsEnabled                bit              NOT NULL
            CONSTRAINT DF_DatabaseConnections_IsEnabled DEFAULT 1,
        IsEncrypted              bit              NOT NULL
            CONSTRAINT DF_DatabaseConnections_IsEncrypted DEFAULT 0,
        CreatedAt                datetime2(7)     NOT NULL
            CONSTRAINT DF_DatabaseConnections_CreatedAt DEFAULT SYSUTCDATETIME(),
        CreatedBy                nvarchar(100)    NOT NULL,
        ModifiedAt               datetime2(7)     NOT NULL
            CONSTRAINT DF_DatabaseConnections_ModifiedAt DEFAULT SYSUTCDATETIME(),
        ModifiedBy               nvarchar(100)    NOT NULL,
        CONSTRAINT PK_DatabaseConnections PRIMARY KEY (ConnectionId),
        CONSTRAINT UQ_DatabaseConnections_Name UNIQUE (ConnectionName),
        CONSTRAINT CK_DatabaseConnections_Provider
            CHECK (Provider IN (N'SqlServer', N'MySQL', N'PostgreSQL', N'Oracle')),
        CONSTRAINT CK_DatabaseConnections_Timeouts
            CHECK (ConnectionTimeoutSeconds > 0 AND CommandTimeoutSeconds > 0)
    );

IF OBJECT_ID(N'monitoring.DatabaseQueries') IS NULL
    CREATE TABLE monitoring.DatabaseQueries (
        QueryId            uniqueidentifier NOT NULL
            CONSTRAINT DF_DatabaseQueries_QueryId DEFAULT NEWID(),
        QueryName          nvarchar(100)    NOT NULL,
        QueryType          nvarchar(50)     NOT NULL
            CONSTRAINT DF_DatabaseQueries_QueryType DEFAULT N'Custom',
        Description        nvarchar(max)    NULL,
        SqlQuery           nvarchar(max)    NOT NULL,
        ResultType         nvarchar(20)     NOT NULL
            CONSTRAINT DF_DatabaseQueries_ResultType DEFAULT N'Scalar',
        Unit               nvarchar(20)     NULL,
        ExpectedValue      nvarchar(100)    NULL,
        ComparisonOperator nvarchar(10)     NULL,
        WarningThreshold   decimal(18, 4)   NULL,
        CriticalThreshold  decimal(18, 4)   NULL,
        OnEmpty            nvarchar(10)     NOT NULL
            CONSTRAINT DF_DatabaseQueries_OnEmpty DEFAULT N'error',
        TimeoutSeconds     int              NOT NULL
            CONSTRAINT DF_DatabaseQueries_TimeoutSeconds DEFAULT 30,
        IsEnabled          bit              NOT NULL
            CONSTRAINT DF_DatabaseQueries_IsEnabled DEFAULT 1,
        CreatedAt          datetime2(7)     NOT NULL
            CONSTRAINT DF_DatabaseQueries_CreatedAt DEFAULT SYSUTCDATETIME(),
        CreatedBy          nvarchar(100)    NOT NULL,
        ModifiedAt         datetime2(7)     NOT NULL
            CONSTRAINT DF_DatabaseQueries_ModifiedAt DEFAULT SYSUTCDATETIME(),
        ModifiedBy         nvarchar(100)    NOT NULL,
        CONSTRAINT PK_DatabaseQueries PRIMARY KEY (QueryId),
        CONSTRAINT UQ_DatabaseQueries_Name UNIQUE (QueryName),
        CONSTRAINT CK_DatabaseQueries_Type
            CHECK (QueryType IN (N'HealthCheck', N'Performance', N'Custom')),
        CONSTRAINT CK_DatabaseQueries_ResultType
            CHECK (ResultType IN (N'Scalar', N'NonQuery', N'DataSet')),
        CONSTRAINT CK_DatabaseQueries_Operator CHECK (
            ComparisonOperator IN (N'eq', N'ne', N'gt', N'lt', N'gte', N'lte', N'contains')),
        CONSTRAINT CK_DatabaseQueries_OnEmpty
            CHECK (OnEmpty IN (N'error', N'healthy', N'warning', N'critical')),
        CONSTRAINT CK_DatabaseQueries_Timeout CHECK (TimeoutSeconds > 0)
    );

-- A schedule is the seconds between two slots, or an NCRONTAB expression in UTC.
IF OBJECT_ID(N'monitoring.Indicators') IS NULL
BEGIN
    CREATE TABLE monitoring.Indicators (
        IndicatorId   uniqueidentifier NOT NULL
            CONSTRAINT DF_Indicators_IndicatorId DEFAULT NEWID(),
        IndicatorName nvarchar(100)    NOT NULL,
        Description   nvarchar(max)    NULL,
        ConnectionId  uniqueidentifier NOT NULL,
        QueryId       uniqueidentifier NOT NULL,
        Schedule      nvarchar(100)    NOT NULL
            CONSTRAINT DF_Indicators_Schedule DEFAULT N'60',
        Priority      int              NOT NULL
            CONSTRAINT DF_Indicators_Priority DEFAULT 5,
        MaxRetries    int              NOT NULL
            CONSTRAINT DF_Indicators_MaxRetries DEFAULT 0,
        Owner         nvarchar(100)    NULL,
        IsActive      bit              NOT NULL
            CONSTRAINT DF_Indicators_IsActive DEFAULT 1,
        NextDueAt     datetime2(7)     NOT NULL
            CONSTRAINT DF_Indicators_NextDueAt DEFAULT SYSUTCDATETIME(),
        LeaseId       uniqueidentifier NULL,
        LeasedUntil   datetime2(7)     NULL,
        CreatedAt     datetime2(7)     NOT NULL
            CONSTRAINT DF_Indicators_CreatedAt DEFAULT SYSUTCDATETIME(),
        CreatedBy     nvarchar(100)    NOT NULL,
        ModifiedAt    datetime2(7)     NOT NULL
            CONSTRAINT DF_Indicators_ModifiedAt DEFAULT SYSUTCDATETIME(),
        ModifiedBy    nvarchar(100)    NOT NULL,
        CONSTRAINT PK_Indicators PRIMARY KEY (IndicatorId),
        CONSTRAINT UQ_Indicators_Name UNIQUE (IndicatorName),
        CONSTRAINT FK_Indicators_DatabaseConnections FOREIGN KEY (ConnectionId)
            REFERENCES monitoring.DatabaseConnections (ConnectionId),
        CONSTRAINT FK_Indicators_DatabaseQueries FOREIGN KEY (QueryId)
            REFERENCES monitoring.DatabaseQueries (QueryId),
        CONSTRAINT CK_Indicators_Priority CHECK (Priority BETWEEN 1 AND 10),
        CONSTRAINT CK_Indicators_MaxRetries CHECK (MaxRetries >= 0)
    );
    CREATE INDEX IX_Indicators_NextDueAt ON monitoring.Indicators (NextDueAt);
    CREATE INDEX IX_Indicators_ConnectionId ON monitoring.Indicators (ConnectionId);
    CREATE INDEX IX_Indicators_QueryId ON monitoring.Indicators (QueryId);
END;

-- What was found ------------------------------------------------------------------------------

-- A slot is the scheduled time that a result answers; NULL for a run by hand.
IF OBJECT_ID(N'monitoring.DatabaseMonitoringResults') IS NULL
BEGIN
    CREATE TABLE monitoring.DatabaseMonitoringResults (
        ResultId         bigint           NOT NULL IDENTITY(1, 1),
        IndicatorId      uniqueidentifier NOT NULL,
        SlotAt           datetime2(7)     NULL,
        ExecutedAt       datetime2(7)     NOT NULL,
        Status           nvarchar(20)     NOT NULL,
        ValueNumber      decimal(38, 10)  NULL,
        ValueText        nvarchar(max)    NULL,
        Message          nvarchar(max)    NOT NULL,
        ErrorType        nvarchar(50)     NULL,
        DurationMs       float            NOT NULL,
        Details          nvarchar(max)    NULL,
        Environment      nvarchar(50)     NOT NULL,
        Provider         nvarchar(50)     NOT NULL,
        WorkerInstanceId uniqueidentifier NULL,
        CONSTRAINT PK_DatabaseMonitoringResults PRIMARY KEY (ResultId),
        CONSTRAINT FK_DatabaseMonitoringResults_Indicators FOREIGN KEY (IndicatorId)
            REFERENCES monitoring.Indicators (IndicatorId) ON DELETE CASCADE,
        CONSTRAINT CK_DatabaseMonitoringResults_Status
            CHECK (Status IN (N'Healthy', N'Warning', N'Critical', N'Error')),
        CONSTRAINT CK_DatabaseMonitoringResults_Value
            CHECK (ValueNumber IS NULL OR ValueText IS NULL),
        CONSTRAINT CK_DatabaseMonitoringResults_Details CHECK (ISJSON(Details) = 1)
    );
    CREATE UNIQUE INDEX UX_DatabaseMonitoringResults_Slot
        ON monitoring.DatabaseMonitoringResults (IndicatorId, SlotAt)
        WHERE SlotAt IS NOT NULL;
    CREATE INDEX IX_DatabaseMonitoringResults_Newest
        ON monitoring.DatabaseMonitoringResults (IndicatorId, ExecutedAt DESC, ResultId DESC);
    CREATE INDEX IX_DatabaseMonitoringResults_ExecutedAt
        ON monitoring.DatabaseMonitoringResults (ExecutedAt);
END;

-- Who was seen alive --------------------------------------------------------------------------

-- DueAt is the end of what the newest heartbeat covers: LastHeartbeat + interval + grace.
IF OBJECT_ID(N'monitoring.SystemStatus') IS NULL
BEGIN
    CREATE TABLE monitoring.SystemStatus (
        ServiceName      nvarchar(64)     NOT NULL,
        Status           nvarchar(16)     NOT NULL,
        CurrentTask      nvarchar(max)    NULL,
        LastHeartbeat    datetime2(7)     NOT NULL,
        DueAt            datetime2(7)     NOT NULL,
        IntervalSeconds  int              NOT NULL
            CONSTRAINT DF_SystemStatus_IntervalSeconds DEFAULT 60,
        GraceSeconds     int              NOT NULL
            CONSTRAINT DF_SystemStatus_GraceSeconds DEFAULT 120,
        WorkerInstanceId uniqueidentifier NULL,
        UpdatedAt        datetime2(7)     NOT NULL
            CONSTRAINT DF_SystemStatus_UpdatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_SystemStatus PRIMARY KEY (ServiceName),
        CONSTRAINT FK_SystemStatus_WorkerInstances FOREIGN KEY (WorkerInstanceId)
            REFERENCES monitoring.WorkerInstances (WorkerInstanceId) ON DELETE SET NULL,
        CONSTRAINT CK_SystemStatus_Interval CHECK (IntervalSeconds > 0 AND GraceSeconds >= 0)
    );
    CREATE INDEX IX_SystemStatus_WorkerInstanceId ON monitoring.SystemStatus (WorkerInstanceId);
END;

IF OBJECT_ID(N'monitoring.SystemStatusHistory') IS NULL
BEGIN
    CREATE TABLE monitoring.SystemStatusHistory (
        Id                 bigint        NOT NULL IDENTITY(1, 1),
        ServiceName        nvarchar(64)  NOT NULL,
        Status             nvarchar(16)  NOT NULL,
        CurrentTask        nvarchar(max) NULL,
        HeartbeatTimestamp datetime2(7)  NOT NULL,
        DueAt              datetime2(7)  NOT NULL,
        CreatedAt          datetime2(7)  NOT NULL
            CONSTRAINT DF_SystemStatusHistory_CreatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_SystemStatusHistory PRIMARY KEY (Id)
    );
    CREATE INDEX IX_SystemStatusHistory_Service
        ON monitoring.SystemStatusHistory (ServiceName, HeartbeatTimestamp DESC);
    CREATE INDEX IX_SystemStatusHistory_Heartbeat
        ON monitoring.SystemStatusHistory (HeartbeatTimestamp);
END;

-- How often, how long, and settings that need no deployment -----------------------------------

IF OBJECT_ID(N'monitoring.JobMetrics') IS NULL
BEGIN
    CREATE TABLE monitoring.JobMetrics (
        JobId           nvarchar(200) NOT NULL,
        TotalExecutions bigint        NOT NULL
            CONSTRAINT DF_JobMetrics_TotalExecutions DEFAULT 0,
        SuccessCount    bigint        NOT NULL
            CONSTRAINT DF_JobMetrics_SuccessCount DEFAULT 0,
        FailureCount    bigint        NOT NULL
            CONSTRAINT DF_JobMetrics_FailureCount DEFAULT 0,
        TotalDurationMs float         NOT NULL
            CONSTRAINT DF_JobMetrics_TotalDurationMs DEFAULT 0,
        MinDurationMs   float         NULL,
        MaxDurationMs   float         NULL,
        LastExecutionAt datetime2(7)  NULL,
        LastSuccessAt   datetime2(7)  NULL,
        LastFailureAt   datetime2(7)  NULL,
        Metadata        nvarchar(max) NOT NULL
            CONSTRAINT DF_JobMetrics_Metadata DEFAULT N'{}',
        CreatedAt       datetime2(7)  NOT NULL
            CONSTRAINT DF_JobMetrics_CreatedAt DEFAULT SYSUTCDATETIME(),
        UpdatedAt       datetime2(7)  NOT NULL
            CONSTRAINT DF_JobMetrics_UpdatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_JobMetrics PRIMARY KEY (JobId),
        CONSTRAINT CK_JobMetrics_Metadata CHECK (ISJSON(Metadata) = 1)
    );
    CREATE INDEX IX_JobMetrics_LastExecutionAt ON monitoring.JobMetrics (LastExecutionAt);
END;

IF OBJECT_ID(N'monitoring.Config') IS NULL
    CREATE TABLE monitoring.Config (
        ConfigKey   nvarchar(100) NOT NULL,
        ConfigValue nvarchar(max) NULL,
        Description nvarchar(max) NOT NULL,
        ModifiedAt  datetime2(7)  NOT NULL
            CONSTRAINT DF_Config_ModifiedAt DEFAULT SYSUTCDATETIME(),
        ModifiedBy  nvarchar(100) NOT NULL,
        CONSTRAINT PK_Config PRIMARY KEY (ConfigKey)
    );
GO

-- Tables that were there, once more ----------------------------------------------------------

-- Foreign keys of columns that are new there.
CREATE TABLE #link (
    table_name  nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    column_name nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    other_table nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    on_delete   nvarchar(20) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #link (table_name, column_name, other_table, on_delete) VALUES
    (N'WorkerJobs', N'WorkerInstanceId', N'WorkerInstances', N'SET NULL'),
    (N'WorkerMetrics', N'WorkerInstanceId', N'WorkerInstances', N'CASCADE'),
    (N'Indicators', N'ConnectionId', N'DatabaseConnections', N'NO ACTION'),
    (N'Indicators', N'QueryId', N'DatabaseQueries', N'NO ACTION'),
    (N'DatabaseMonitoringResults', N'IndicatorId', N'Indicators', N'CASCADE'),
    (N'SystemStatus', N'WorkerInstanceId', N'WorkerInstances', N'SET NULL');
DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'ALTER TABLE monitoring.' + wanted.table_name + N' ADD CONSTRAINT FK_'
        + wanted.table_name + N'_' + wanted.other_table + N' FOREIGN KEY ('
        + wanted.column_name + N') REFERENCES monitoring.' + wanted.other_table + N' ('
        + wanted.column_name + N') ON DELETE ' + wanted.on_delete
   FROM #link AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0001'
    AND made.kind = N'column'
    AND made.owner = N'monitoring.' + wanted.table_name
    AND made.name = wanted.column_name;
OPEN additions;
FETCH NEXT FROM additions INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM additions INTO @statement;
END;
CLOSE additions;
DEALLOCATE additions;

-- Settings that need no deployment ------------------------------------------------------------

-- No value (empty, where it may not be NULL): the app setting of the same meaning holds.
CREATE TABLE #setting (
    config_key  nvarchar(100) COLLATE DATABASE_DEFAULT NOT NULL,
    description nvarchar(200) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #setting (config_key, description) VALUES
    (N'MonitoringWorker.RetentionDays',
     N'Days that results, worker jobs and worker metrics are kept'),
    (N'MonitoringWorker.MaxConcurrentJobs', N'KPIs that one process runs at once');
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0001', N'row', N'monitoring.Config', setting.config_key
  FROM #setting AS setting
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.Config AS there
                    WHERE there.ConfigKey = setting.config_key);
INSERT INTO monitoring.Config (ConfigKey, ConfigValue, Description, ModifiedBy)
SELECT setting.config_key,
       (SELECT N'' FROM #there AS there
         WHERE there.table_name = N'Config'
           AND there.column_name = N'ConfigValue'
           AND there.is_nullable = 0),
       setting.description,
       N'migration'
  FROM #setting AS setting
  JOIN monitoring.schema_made AS made
    ON made.revision = N'0001'
   AND made.kind = N'row'
   AND made.name = setting.config_key;

DROP TABLE #setting;
DROP TABLE #link;
DROP TABLE #index;
DROP TABLE #there;
DROP TABLE #wanted;
GO

-- Overviews -----------------------------------------------------------------------------------

-- unless it is there
CREATE VIEW monitoring.vw_WorkerStatusOverview AS
SELECT worker.WorkerInstanceId,
       worker.WorkerName,
       worker.MachineName,
       worker.ProcessId,
       worker.Version,
       worker.Environment,
       worker.Status,
       worker.StartedAt,
       worker.LastHeartbeat,
       CAST(DATEDIFF_BIG(MILLISECOND, worker.LastHeartbeat, SYSUTCDATETIME()) / 1000.0 AS float)
           AS SecondsSinceHeartbeat,
       CASE WHEN worker.Status IN (N'Stopped', N'Error') THEN N'down'
            WHEN worker.LastHeartbeat > DATEADD(SECOND, -60, SYSUTCDATETIME()) THEN N'healthy'
            WHEN worker.LastHeartbeat > DATEADD(SECOND, -180, SYSUTCDATETIME()) THEN N'stale'
            ELSE N'down' END AS HealthStatus,
       COALESCE(jobs.running, 0) AS RunningJobs,
       COALESCE(jobs.queued, 0) AS QueuedJobs
  FROM monitoring.WorkerInstances AS worker
 OUTER APPLY (
           SELECT SUM(CASE WHEN job.Status = N'Running' THEN 1 ELSE 0 END) AS running,
                  SUM(CASE WHEN job.Status = N'Queued' THEN 1 ELSE 0 END) AS queued
             FROM monitoring.WorkerJobs AS job
            WHERE job.WorkerInstanceId = worker.WorkerInstanceId
              AND job.Status IN (N'Running', N'Queued')) AS jobs;
GO

-- unless it is there
CREATE VIEW monitoring.vw_DatabaseMonitoringSummary AS
SELECT connection.ConnectionId,
       connection.ConnectionName,
       connection.Provider,
       connection.Environment,
       connection.IsEnabled,
       newest.ExecutedAt AS LastCheckAt,
       newest.Status AS LastStatus,
       COALESCE(week.checks, 0) AS Checks7d,
       COALESCE(week.healthy, 0) AS Healthy7d,
       COALESCE(week.warning, 0) AS Warning7d,
       COALESCE(week.critical, 0) AS Critical7d,
       COALESCE(week.error, 0) AS Error7d,
       CAST(100.0 * week.healthy / NULLIF(week.checks, 0) AS decimal(5, 2)) AS SuccessRate7d,
       week.mean_duration_ms AS MeanDurationMs7d
  FROM monitoring.DatabaseConnections AS connection
 OUTER APPLY (
           SELECT TOP (1) result.ExecutedAt, result.Status
             FROM monitoring.Indicators AS indicator
            CROSS APPLY (
                      SELECT TOP (1) one.ExecutedAt, one.Status
                        FROM monitoring.DatabaseMonitoringResults AS one
                       WHERE one.IndicatorId = indicator.IndicatorId
                       ORDER BY one.ExecutedAt DESC, one.ResultId DESC) AS result
            WHERE indicator.ConnectionId = connection.ConnectionId
            ORDER BY result.ExecutedAt DESC) AS newest
 OUTER APPLY (
           SELECT COUNT(*) AS checks,
                  SUM(CASE WHEN result.Status = N'Healthy' THEN 1 ELSE 0 END) AS healthy,
                  SUM(CASE WHEN result.Status = N'Warning' THEN 1 ELSE 0 END) AS warning,
                  SUM(CASE WHEN result.Status = N'Critical' THEN 1 ELSE 0 END) AS critical,
                  SUM(CASE WHEN result.Status = N'Error' THEN 1 ELSE 0 END) AS error,
                  AVG(result.DurationMs) AS mean_duration_ms
             FROM monitoring.Indicators AS indicator
             JOIN monitoring.DatabaseMonitoringResults AS result
               ON result.IndicatorId = indicator.IndicatorId
            WHERE indicator.ConnectionId = connection.ConnectionId
              AND result.ExecutedAt > DATEADD(DAY, -7, SYSUTCDATETIME())) AS week;
GO

-- Procedures ----------------------------------------------------------------------------------

-- unless it is there
-- A process, once; again is the same as once. It is given an id where the caller brings none.
CREATE PROCEDURE monitoring.sp_RegisterWorkerInstance
    @WorkerName       nvarchar(100),
    @MachineName      nvarchar(100),
    @ProcessId        int,
    @Version          nvarchar(50),
    @Environment      nvarchar(50),
    @Configuration    nvarchar(max) = NULL,
    @Tags             nvarchar(500) = NULL,
    @WorkerInstanceId uniqueidentifier = NULL OUTPUT
AS
BEGIN
    SET NOCOUNT ON;
    IF @WorkerInstanceId IS NULL
        SET @WorkerInstanceId = NEWID();
    INSERT INTO monitoring.WorkerInstances
           (WorkerInstanceId, WorkerName, MachineName, ProcessId, Version, Environment, Status,
            Configuration, Tags)
    SELECT @WorkerInstanceId, @WorkerName, @MachineName, @ProcessId, @Version, @Environment,
           N'Running', @Configuration, @Tags
     WHERE NOT EXISTS (SELECT 1
                         FROM monitoring.WorkerInstances AS worker WITH (UPDLOCK, HOLDLOCK)
                        WHERE worker.WorkerInstanceId = @WorkerInstanceId);
END;
GO

-- unless it is there
-- A process is alive, or has stopped. One that is not registered is left unknown.
CREATE PROCEDURE monitoring.sp_UpdateWorkerHeartbeat
    @WorkerInstanceId uniqueidentifier,
    @Status           nvarchar(20) = N'Running'
AS
BEGIN
    SET NOCOUNT ON;
    UPDATE monitoring.WorkerInstances
       SET LastHeartbeat = SYSUTCDATETIME(),
           Status = @Status,
           StoppedAt = CASE WHEN @Status = N'Stopped' THEN SYSUTCDATETIME() END
     WHERE WorkerInstanceId = @WorkerInstanceId;
END;
GO

-- unless it is there
-- Remove what is older than so many days, a batch at a time, and say how many rows went. A batch
-- stays below the 5,000 locks from which a whole table is locked.
CREATE PROCEDURE monitoring.sp_CleanupMonitoringData
    @RetentionDays int = 30,
    @BatchSize     int = 1000
AS
BEGIN
    SET NOCOUNT ON;
    IF @RetentionDays IS NULL OR @RetentionDays < 1
        THROW 50001, N'@RetentionDays is at least 1', 1;
    IF @BatchSize IS NULL OR @BatchSize NOT BETWEEN 1 AND 4000
        THROW 50002, N'@BatchSize is between 1 and 4000', 1;

    DECLARE @before datetime2(7) = DATEADD(DAY, -@RetentionDays, SYSUTCDATETIME());
    DECLARE @removed int;
    DECLARE @results bigint = 0;
    DECLARE @jobs bigint = 0;
    DECLARE @metrics bigint = 0;
    DECLARE @history bigint = 0;
    DECLARE @workers bigint = 0;

    SET @removed = @BatchSize;
    WHILE @removed = @BatchSize
    BEGIN
        DELETE TOP (@BatchSize) FROM monitoring.DatabaseMonitoringResults
         WHERE ExecutedAt < @before;
        SET @removed = @@ROWCOUNT;
        SET @results = @results + @removed;
    END;

    SET @removed = @BatchSize;
    WHILE @removed = @BatchSize
    BEGIN
        DELETE TOP (@BatchSize) FROM monitoring.WorkerJobs WHERE CompletedAt < @before;
        SET @removed = @@ROWCOUNT;
        SET @jobs = @jobs + @removed;
    END;

    SET @removed = @BatchSize;
    WHILE @removed = @BatchSize
    BEGIN
        DELETE TOP (@BatchSize) FROM monitoring.WorkerMetrics WHERE RecordedAt < @before;
        SET @removed = @@ROWCOUNT;
        SET @metrics = @metrics + @removed;
    END;

    SET @removed = @BatchSize;
    WHILE @removed = @BatchSize
    BEGIN
        DELETE TOP (@BatchSize) FROM monitoring.SystemStatusHistory
         WHERE HeartbeatTimestamp < @before;
        SET @removed = @@ROWCOUNT;
        SET @history = @history + @removed;
    END;

    -- Only processes that ended, and whose figures are gone: those would go with them, uncounted.
    SET @removed = @BatchSize;
    WHILE @removed = @BatchSize
    BEGIN
        DELETE TOP (@BatchSize) FROM monitoring.WorkerInstances
         WHERE LastHeartbeat < @before
           AND Status IN (N'Stopped', N'Error')
           AND NOT EXISTS (
                   SELECT 1 FROM monitoring.WorkerMetrics AS metric
                    WHERE metric.WorkerInstanceId
                          = monitoring.WorkerInstances.WorkerInstanceId);
        SET @removed = @@ROWCOUNT;
        SET @workers = @workers + @removed;
    END;

    SELECT @results AS DatabaseMonitoringResults, @jobs AS WorkerJobs, @metrics AS WorkerMetrics,
           @history AS SystemStatusHistory, @workers AS WorkerInstances;
END;
