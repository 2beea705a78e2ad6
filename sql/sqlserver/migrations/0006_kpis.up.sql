-- Managing KPIs over HTTP, their executions one by one, and what their verdicts are compared with.
--
-- As in 0001, tables of these names that were there before get the columns and indexes that they
-- lack, and no checks; where that is not enough nothing is changed at all. monitoring.schema_made
-- keeps what is made here.

-- What must be there besides what 0001 and 0005 made sure of. `filled` says who gives a new row its
-- value: caller (always), nobody (it may be NULL), or a default, which the rows that are there get
-- as well.
CREATE TABLE #added (
    table_name  nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    column_name nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name   nvarchar(20) COLLATE DATABASE_DEFAULT NOT NULL,
    size        int          NULL,
    scale       int          NULL,
    filled      nvarchar(50) COLLATE DATABASE_DEFAULT NOT NULL,
    declared    nvarchar(50) COLLATE DATABASE_DEFAULT NULL
);
INSERT INTO #added (table_name, column_name, type_name, size, scale, filled) VALUES
    -- How many statements one process runs there at once.
    (N'DatabaseConnections', N'MaxParallel', N'int', NULL, NULL, N'5'),
    (N'DatabaseConnections', N'Description', N'nvarchar', -1, NULL, N'nobody'),
    -- Each change raises the version.
    (N'DatabaseConnections', N'Version', N'int', NULL, NULL, N'1'),

    (N'DatabaseQueries', N'Tags', N'nvarchar', 500, NULL, N'nobody'),
    (N'DatabaseQueries', N'Version', N'int', NULL, NULL, N'1'),

    (N'Indicators', N'Tags', N'nvarchar', 500, NULL, N'nobody'),
    (N'Indicators', N'Version', N'int', NULL, NULL, N'1'),
    -- Its slots are up to so many seconds after its schedule's, by its name: always the same.
    (N'Indicators', N'JitterSeconds', N'int', NULL, NULL, N'0'),
    -- The verdict turns bad with so many bad ones in a row, and good with RecoverAfter good ones.
    (N'Indicators', N'MaxConsecutive', N'int', NULL, NULL, N'1'),
    (N'Indicators', N'RecoverAfter', N'int', NULL, NULL, N'1'),
    -- The value is a counter, and what is judged is by how much it grows in a second.
    (N'Indicators', N'PerSecond', N'bit', NULL, NULL, N'0'),
    (N'Indicators', N'CompareTo', N'nvarchar', 20, NULL, N'nobody'),
    (N'Indicators', N'DeviationUnit', N'nvarchar', 10, NULL, N'N''percent'''),
    (N'Indicators', N'DeviationSide', N'nvarchar', 10, NULL, N'N''both'''),
    (N'Indicators', N'WarningDeviation', N'decimal', 18, 4, N'nobody'),
    (N'Indicators', N'CriticalDeviation', N'decimal', 18, 4, N'nobody'),
    (N'Indicators', N'ForecastHours', N'int', NULL, NULL, N'nobody'),

    (N'WorkerJobs', N'IndicatorId', N'uniqueidentifier', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'SlotAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'DeadLetterId', N'uniqueidentifier', NULL, NULL, N'nobody'),
    (N'WorkerJobs', N'LeaseId', N'uniqueidentifier', NULL, NULL, N'nobody'),
    -- Of an unfinished job: from when on anybody may take it. While it runs that is the end of its
    -- lease, while it waits for another try NextRetryAt.
    (N'WorkerJobs', N'AvailableAt', N'datetime2', NULL, NULL, N'nobody'),
    -- How often it was begun, by processes that were killed too.
    (N'WorkerJobs', N'Attempts', N'int', NULL, NULL, N'0'),
    (N'WorkerJobs', N'ErrorType', N'nvarchar', 50, NULL, N'nobody'),

    -- The verdict of this execution alone, where it is not Status: see Indicators.MaxConsecutive.
    (N'DatabaseMonitoringResults', N'RawStatus', N'nvarchar', 20, NULL, N'nobody'),
    -- The counter itself, where ValueNumber is by how much it grows in a second.
    (N'DatabaseMonitoringResults', N'RawNumber', N'decimal', 38, 10, N'nobody'),

    (N'DeadLetterQueue', N'Fingerprint', N'nvarchar', 64, NULL, N'nobody'),
    (N'DeadLetterQueue', N'ErrorType', N'nvarchar', 50, NULL, N'nobody'),
    (N'DeadLetterQueue', N'Occurrences', N'int', NULL, NULL, N'1'),
    -- When it failed the last time, by itself or when it was tried again.
    (N'DeadLetterQueue', N'LastOccurredAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),

    -- Of a timer: when it began the last time. Later than LastExecutionAt, it runs or was killed.
    (N'JobMetrics', N'LastStartedAt', N'datetime2', NULL, NULL, N'nobody'),

    -- Executions that were far from normal, one in five minutes; and of the newest of them how long
    -- it took, and what was normal then.
    (N'JobMetrics', N'SlowerCount', N'bigint', NULL, NULL, N'0'),
    (N'JobMetrics', N'FasterCount', N'bigint', NULL, NULL, N'0'),
    (N'JobMetrics', N'RegressedAt', N'datetime2', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'Regression', N'nvarchar', 10, NULL, N'nobody'),
    (N'JobMetrics', N'RegressionMs', N'float', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'RegressionAvgMs', N'float', NULL, NULL, N'nobody'),
    (N'JobMetrics', N'RegressionP95Ms', N'float', NULL, NULL, N'nobody'),

    (N'PerformanceBaselines', N'JobId', N'nvarchar', 200, NULL, N'caller'),
    (N'PerformanceBaselines', N'BaselineAvgMs', N'float', NULL, NULL, N'caller'),
    (N'PerformanceBaselines', N'BaselineP95Ms', N'float', NULL, NULL, N'caller'),
    (N'PerformanceBaselines', N'SampleSize', N'int', NULL, NULL, N'caller'),
    (N'PerformanceBaselines', N'CreatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()'),
    (N'PerformanceBaselines', N'UpdatedAt', N'datetime2', NULL, NULL, N'SYSUTCDATETIME()');
UPDATE #added
   SET declared = type_name
                + CASE WHEN size IS NULL THEN N''
                       WHEN size = -1 THEN N'(max)'
                       WHEN scale IS NULL THEN N'(' + CAST(size AS nvarchar(10)) + N')'
                       ELSE N'(' + CAST(size AS nvarchar(10)) + N', '
                            + CAST(scale AS nvarchar(10)) + N')' END;
GO

-- What is there. A column must be given where a new row has no other way to a value for it.
CREATE TABLE #held (
    table_name    nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    column_name   nvarchar(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name     nvarchar(128) COLLATE DATABASE_DEFAULT NULL,
    size          int           NULL,
    scale         int           NULL,
    must_be_given bit           NOT NULL,
    declared      nvarchar(150) COLLATE DATABASE_DEFAULT NULL
);
INSERT INTO #held (table_name, column_name, type_name, size, scale, must_be_given)
SELECT named.table_name,
       live.name,
       live.type_name,
       CASE live.type_name WHEN N'nvarchar' THEN live.characters
                           WHEN N'decimal' THEN live.digits END,
       CASE live.type_name WHEN N'decimal' THEN live.scale END,
       CASE WHEN live.is_nullable = 1 OR live.is_identity = 1 OR live.is_computed = 1 THEN 0
            WHEN live.type_name = N'timestamp' THEN 0
            WHEN EXISTS (SELECT 1 FROM sys.default_constraints AS given
                          WHERE given.parent_object_id = live.object_id
                            AND given.parent_column_id = live.column_id) THEN 0
            ELSE 1 END
  FROM (SELECT DISTINCT table_name FROM #added) AS named
  JOIN sys.tables AS owner ON owner.object_id = OBJECT_ID(N'monitoring.' + named.table_name)
  JOIN (SELECT object_id, column_id, name, [precision] AS digits, scale, is_identity,
               is_nullable, is_computed,
               CASE max_length WHEN -1 THEN -1 ELSE max_length / 2 END AS characters,
               REPLACE(TYPE_NAME(system_type_id), N'numeric', N'decimal') AS type_name
          FROM sys.columns) AS live ON live.object_id = owner.object_id;
UPDATE #held
   SET declared = type_name
                + CASE WHEN size IS NULL THEN N''
                       WHEN size = -1 THEN N'(max)'
                       WHEN scale IS NULL THEN N'(' + CAST(size AS nvarchar(10)) + N')'
                       ELSE N'(' + CAST(size AS nvarchar(10)) + N', '
                            + CAST(scale AS nvarchar(10)) + N')' END;
GO

-- Whether it can be built upon. Which columns must be given is asked of the table alone that no
-- migration has looked at before.
DECLARE @problems nvarchar(max);
SELECT @problems = STRING_AGG(CAST(found.problem AS nvarchar(max)), N'; ')
                   WITHIN GROUP (ORDER BY found.problem)
  FROM (SELECT DISTINCT N'monitoring.' + wanted.table_name + N' is there and is no table'
               AS problem
          FROM #added AS wanted
         WHERE OBJECT_ID(N'monitoring.' + wanted.table_name) IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM #held AS there
                            WHERE there.table_name = wanted.table_name)
        UNION ALL
        SELECT N'monitoring.' + wanted.table_name + N'.' + wanted.column_name + N' is '
               + COALESCE(there.declared, N'of a type of its own') + N', and '
               + wanted.declared + N' is needed'
          FROM #added AS wanted
          JOIN #held AS there
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
          FROM #held AS there
          LEFT JOIN #added AS wanted
            ON wanted.table_name = there.table_name AND wanted.column_name = there.column_name
         WHERE there.table_name = N'PerformanceBaselines'
           AND there.must_be_given = 1
           AND COALESCE(wanted.filled, N'nobody') <> N'caller') AS found;
SET @problems = N'nothing is changed: ' + LEFT(@problems, 2000);
IF @problems IS NOT NULL
    THROW 50000, @problems, 1;

INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT DISTINCT N'0006', N'table', N'', N'monitoring.' + wanted.table_name
  FROM #added AS wanted
 WHERE OBJECT_ID(N'monitoring.' + wanted.table_name) IS NULL;
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0006', N'column', N'monitoring.' + wanted.table_name, wanted.column_name
  FROM #added AS wanted
 WHERE EXISTS (SELECT 1 FROM #held AS there WHERE there.table_name = wanted.table_name)
   AND NOT EXISTS (SELECT 1 FROM #held AS there
                    WHERE there.table_name = wanted.table_name
                      AND there.column_name = wanted.column_name);
GO

IF OBJECT_ID(N'monitoring.PerformanceBaselines') IS NULL
    CREATE TABLE monitoring.PerformanceBaselines (
        JobId         nvarchar(200) NOT NULL,
        BaselineAvgMs float         NOT NULL,
        BaselineP95Ms float         NOT NULL,
        SampleSize    int           NOT NULL,
        CreatedAt     datetime2(7)  NOT NULL
            CONSTRAINT DF_PerformanceBaselines_CreatedAt DEFAULT SYSUTCDATETIME(),
        UpdatedAt     datetime2(7)  NOT NULL
            CONSTRAINT DF_PerformanceBaselines_UpdatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_PerformanceBaselines PRIMARY KEY (JobId),
        CONSTRAINT CK_PerformanceBaselines_SampleSize CHECK (SampleSize > 0)
    );
GO

DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'ALTER TABLE monitoring.' + wanted.table_name + N' ADD ' + wanted.column_name + N' '
        + wanted.declared
        + CASE WHEN wanted.filled IN (N'caller', N'nobody') THEN N' NULL'
               ELSE N' NOT NULL CONSTRAINT DF_' + wanted.table_name + N'_' + wanted.column_name
                    + N' DEFAULT ' + wanted.filled END
   FROM #added AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0006'
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
DROP TABLE #held;
DROP TABLE #added;
GO

IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0006' AND kind = N'column'
              AND owner = N'monitoring.DeadLetterQueue' AND name = N'LastOccurredAt')
    UPDATE monitoring.DeadLetterQueue
       SET LastOccurredAt = CreatedAt
     WHERE CreatedAt IS NOT NULL;
GO

-- Checks, on tables of ours.
CREATE TABLE #rule (
    table_name nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    rule_name  nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    condition  nvarchar(200) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #rule (table_name, rule_name, condition) VALUES
    (N'DatabaseConnections', N'MaxParallel', N'MaxParallel BETWEEN 1 AND 100'),
    (N'Indicators', N'Jitter', N'JitterSeconds BETWEEN 0 AND 86400'),
    (N'Indicators', N'Consecutive',
     N'MaxConsecutive BETWEEN 1 AND 100 AND RecoverAfter BETWEEN 1 AND 100'),
    (N'Indicators', N'CompareTo',
     N'CompareTo IN (N''previous'', N''same_time_yesterday'', N''same_time_last_week'','
     + N' N''baseline'')'),
    (N'Indicators', N'DeviationUnit', N'DeviationUnit IN (N''percent'', N''deviations'')'),
    (N'Indicators', N'DeviationSide', N'DeviationSide IN (N''both'', N''above'', N''below'')'),
    (N'Indicators', N'Deviations', N'WarningDeviation > 0 AND CriticalDeviation > 0'),
    (N'Indicators', N'ForecastHours', N'ForecastHours BETWEEN 1 AND 8760'),
    (N'WorkerJobs', N'Attempts', N'Attempts >= 0'),
    (N'JobMetrics', N'Regression', N'Regression IN (N''slower'', N''faster'')'),
    (N'DatabaseMonitoringResults', N'RawStatus',
     N'RawStatus IN (N''Healthy'', N''Warning'', N''Critical'', N''Error'')');
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0006', N'check', N'monitoring.' + wanted.table_name,
       N'CK_' + wanted.table_name + N'_' + wanted.rule_name
  FROM #rule AS wanted
  JOIN monitoring.schema_made AS owner
    ON owner.kind = N'table' AND owner.name = N'monitoring.' + wanted.table_name;
DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'ALTER TABLE ' + made.owner + N' ADD CONSTRAINT ' + made.name
        + N' CHECK (' + wanted.condition + N')'
   FROM #rule AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0006'
    AND made.kind = N'check'
    AND made.name = N'CK_' + wanted.table_name + N'_' + wanted.rule_name;
OPEN additions;
FETCH NEXT FROM additions INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM additions INTO @statement;
END;
CLOSE additions;
DEALLOCATE additions;
DROP TABLE #rule;
GO

-- Indexes without filters, as these tables may be written by sessions with other SET options. That
-- a failure of a job waits once as a dead letter is therefore up to whoever writes it.
CREATE TABLE #sought (
    table_name nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    index_name nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    columns    nvarchar(200) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #sought (table_name, index_name, columns) VALUES
    -- Due ones of each priority, the oldest first.
    (N'Indicators', N'IX_Indicators_Due', N'(Priority, NextDueAt)'),
    (N'WorkerJobs', N'IX_WorkerJobs_Available', N'(Status, AvailableAt)'),
    (N'WorkerJobs', N'IX_WorkerJobs_Unfinished', N'(IndicatorId, Status)'),
    (N'WorkerJobs', N'IX_WorkerJobs_OfInstance', N'(WorkerInstanceId, ScheduledAt DESC, JobId)'),
    (N'WorkerJobs', N'IX_WorkerJobs_OfInstanceByStatus',
     N'(WorkerInstanceId, Status, ScheduledAt DESC, JobId)'),
    (N'DeadLetterQueue', N'IX_DeadLetterQueue_Pending', N'(JobId, Fingerprint, Status)'),
    (N'DeadLetterQueue', N'IX_DeadLetterQueue_Fingerprint',
     N'(Fingerprint, Status, LastOccurredAt DESC, DeadLetterId)'),
    (N'DeadLetterQueue', N'IX_DeadLetterQueue_StatusNewest',
     N'(Status, LastOccurredAt DESC, DeadLetterId)'),
    (N'DeadLetterQueue', N'IX_DeadLetterQueue_Newest', N'(LastOccurredAt DESC, DeadLetterId)'),
    (N'PerformanceBaselines', N'IX_PerformanceBaselines_UpdatedAt', N'(UpdatedAt)'),
    (N'WorkerMetrics', N'IX_WorkerMetrics_TypeName', N'(MetricType, MetricName, RecordedAt DESC)');
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0006', N'index', N'monitoring.' + wanted.table_name, wanted.index_name
  FROM #sought AS wanted
 WHERE NOT EXISTS (SELECT 1 FROM sys.indexes AS there
                    WHERE there.object_id = OBJECT_ID(N'monitoring.' + wanted.table_name)
                      AND there.name COLLATE DATABASE_DEFAULT = wanted.index_name);
DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'CREATE INDEX ' + wanted.index_name + N' ON ' + made.owner + N' ' + wanted.columns
   FROM #sought AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0006'
    AND made.kind = N'index'
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
DROP TABLE #sought;
GO

-- One with a filter, on a table of ours.
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001' AND kind = N'table'
              AND name = N'monitoring.DatabaseMonitoringResults')
BEGIN
    CREATE INDEX IX_DatabaseMonitoringResults_Bad
        ON monitoring.DatabaseMonitoringResults (IndicatorId, Status, ExecutedAt DESC, ResultId DESC)
        WHERE Status <> N'Healthy';
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0006', N'index', N'monitoring.DatabaseMonitoringResults',
            N'IX_DatabaseMonitoringResults_Bad');
END;
GO

-- What is of no use any more, where an earlier migration made it: nobody asks for KPIs by time
-- alone, who runs one is in its worker job, and other indexes of WorkerJobs and DeadLetterQueue
-- begin in the same way.
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.Indicators'
                   OR kind = N'index' AND name = N'IX_Indicators_NextDueAt'))
    DROP INDEX IF EXISTS IX_Indicators_NextDueAt ON monitoring.Indicators;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001' AND kind = N'table' AND name = N'monitoring.WorkerJobs')
    DROP INDEX IF EXISTS IX_WorkerJobs_Queue ON monitoring.WorkerJobs;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.WorkerJobs'
                   OR kind = N'index' AND name = N'IX_WorkerJobs_InstanceStatus'))
    DROP INDEX IF EXISTS IX_WorkerJobs_InstanceStatus ON monitoring.WorkerJobs;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0005' AND kind = N'index' AND name = N'IX_DeadLetterQueue_Status')
    DROP INDEX IF EXISTS IX_DeadLetterQueue_Status ON monitoring.DeadLetterQueue;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.Indicators'
                   OR kind = N'column' AND owner = N'monitoring.Indicators' AND name = N'LeaseId'))
    ALTER TABLE monitoring.Indicators DROP COLUMN IF EXISTS LeaseId;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.Indicators'
                   OR kind = N'column' AND owner = N'monitoring.Indicators'
                      AND name = N'LeasedUntil'))
    ALTER TABLE monitoring.Indicators DROP COLUMN IF EXISTS LeasedUntil;
