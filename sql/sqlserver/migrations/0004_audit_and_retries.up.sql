-- Who changed what, and the failures of tasks that were put back as queued.
--
-- As in 0001, a table of this name that is there already gets the columns that it lacks, and where
-- that is not enough nothing is changed at all.

CREATE TABLE #kept (
    table_name  nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    column_name nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name   nvarchar(20) COLLATE DATABASE_DEFAULT NOT NULL,
    size        int          NULL,
    filled      nvarchar(50) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #kept (table_name, column_name, type_name, size, filled) VALUES
    (N'AuditLog', N'AuditId', N'bigint', NULL, N'identity'),
    (N'AuditLog', N'HappenedAt', N'datetime2', NULL, N'SYSUTCDATETIME()'),
    (N'AuditLog', N'Actor', N'nvarchar', 100, N'caller'),
    (N'AuditLog', N'Action', N'nvarchar', 50, N'caller'),
    (N'AuditLog', N'EntityType', N'nvarchar', 50, N'caller'),
    (N'AuditLog', N'EntityId', N'nvarchar', 200, N'caller'),
    (N'AuditLog', N'OldValues', N'nvarchar', -1, N'nobody'),
    (N'AuditLog', N'NewValues', N'nvarchar', -1, N'nobody'),
    (N'AuditLog', N'Reason', N'nvarchar', 500, N'nobody'),
    (N'AuditLog', N'CorrelationId', N'nvarchar', 128, N'nobody'),

    (N'TaskRetries', N'RetryId', N'uniqueidentifier', NULL, N'caller'),
    (N'TaskRetries', N'JobId', N'nvarchar', 100, N'caller'),
    (N'TaskRetries', N'TaskId', N'nvarchar', 100, N'caller'),
    (N'TaskRetries', N'TaskType', N'nvarchar', 100, N'caller'),
    (N'TaskRetries', N'Stage', N'int', NULL, N'caller'),
    (N'TaskRetries', N'Fingerprint', N'nvarchar', 64, N'nobody'),
    (N'TaskRetries', N'ErrorDetails', N'nvarchar', -1, N'nobody'),
    (N'TaskRetries', N'RetryCount', N'int', NULL, N'caller'),
    (N'TaskRetries', N'FailedAt', N'datetime2', NULL, N'caller'),
    (N'TaskRetries', N'RetriedAt', N'datetime2', NULL, N'SYSUTCDATETIME()'),
    (N'TaskRetries', N'Actor', N'nvarchar', 100, N'caller'),
    (N'TaskRetries', N'Reason', N'nvarchar', 500, N'caller'),
    (N'TaskRetries', N'CorrelationId', N'nvarchar', 128, N'nobody'),
    (N'TaskRetries', N'State', N'nvarchar', 10, N'N''planned'''),
    (N'TaskRetries', N'SettledAt', N'datetime2', NULL, N'nobody');
GO

-- Whether it can be built upon.
CREATE TABLE #found (
    table_name    nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    column_name   nvarchar(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name     nvarchar(128) COLLATE DATABASE_DEFAULT NULL,
    size          int           NULL,
    is_identity   bit           NOT NULL,
    must_be_given bit           NOT NULL
);
INSERT INTO #found (table_name, column_name, type_name, size, is_identity, must_be_given)
SELECT named.table_name, live.name, TYPE_NAME(live.system_type_id),
       CASE WHEN live.max_length = -1 THEN -1 ELSE live.max_length / 2 END,
       live.is_identity,
       CASE WHEN live.is_nullable = 1 OR live.is_identity = 1 OR live.is_computed = 1 THEN 0
            WHEN TYPE_NAME(live.system_type_id) = N'timestamp' THEN 0
            WHEN EXISTS (SELECT 1 FROM sys.default_constraints AS given
                          WHERE given.parent_object_id = live.object_id
                            AND given.parent_column_id = live.column_id) THEN 0
            ELSE 1 END
  FROM (SELECT DISTINCT table_name FROM #kept) AS named
  JOIN sys.columns AS live ON live.object_id = OBJECT_ID(N'monitoring.' + named.table_name);

DECLARE @problems nvarchar(max);
SELECT @problems = STRING_AGG(CAST(sorted.problem AS nvarchar(max)), N'; ')
                   WITHIN GROUP (ORDER BY sorted.problem)
  FROM (SELECT N'monitoring.' + kept.table_name + N'.' + kept.column_name + N' is '
               + COALESCE(found.type_name, N'of a type of its own')
               + CASE WHEN found.type_name = N'nvarchar'
                      THEN N'(' + CAST(found.size AS nvarchar(10)) + N')' ELSE N'' END
               + N', and ' + kept.type_name
               + CASE WHEN kept.size IS NULL THEN N''
                      WHEN kept.size = -1 THEN N'(max)'
                      ELSE N'(' + CAST(kept.size AS nvarchar(10)) + N')' END
               + N' is needed' AS problem
          FROM #kept AS kept
          JOIN #found AS found
            ON found.table_name = kept.table_name AND found.column_name = kept.column_name
         WHERE COALESCE(found.type_name, N'') <> kept.type_name
            OR kept.type_name = N'nvarchar' AND found.size <> -1
               AND (kept.size = -1 OR found.size < kept.size)
        UNION ALL
        SELECT N'monitoring.' + found.table_name + N'.' + found.column_name
               + N' may not be NULL, has no default, and would get no value from Watchkeeper'
          FROM #found AS found
          LEFT JOIN #kept AS kept
            ON kept.table_name = found.table_name AND kept.column_name = found.column_name
         WHERE found.must_be_given = 1
           AND COALESCE(kept.filled, N'nobody') <> N'caller'
        UNION ALL
        SELECT N'monitoring.' + found.table_name + N' has an identity column other than AuditId'
          FROM #found AS found
         WHERE found.table_name = N'AuditLog'
           AND found.is_identity = 1
           AND found.column_name <> N'AuditId') AS sorted;
SET @problems = N'nothing is changed: ' + LEFT(@problems, 2000);
IF @problems IS NOT NULL
    THROW 50000, @problems, 1;

INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT DISTINCT N'0004', N'table', N'', N'monitoring.' + kept.table_name
  FROM #kept AS kept
 WHERE OBJECT_ID(N'monitoring.' + kept.table_name) IS NULL;
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0004', N'column', N'monitoring.' + kept.table_name, kept.column_name
  FROM #kept AS kept
 WHERE EXISTS (SELECT 1 FROM #found AS found WHERE found.table_name = kept.table_name)
   AND NOT EXISTS (SELECT 1 FROM #found AS found
                    WHERE found.table_name = kept.table_name
                      AND found.column_name = kept.column_name);
GO

-- Tables that were there: a new column is NULL in their rows and has its default from now on.
DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'ALTER TABLE monitoring.' + kept.table_name + N' ADD ' + kept.column_name + N' '
        + kept.type_name
        + CASE WHEN kept.type_name = N'datetime2' THEN N'(7)'
               WHEN kept.size IS NULL THEN N''
               WHEN kept.size = -1 THEN N'(max)'
               ELSE N'(' + CAST(kept.size AS nvarchar(10)) + N')' END
        + CASE WHEN kept.filled IN (N'caller', N'nobody') THEN N' NULL'
               WHEN kept.filled = N'identity' THEN N' NOT NULL IDENTITY(1, 1)'
               ELSE N' NULL CONSTRAINT DF_' + kept.table_name + N'_' + kept.column_name
                    + N' DEFAULT ' + kept.filled END
   FROM #kept AS kept
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0004'
    AND made.kind = N'column'
    AND made.owner = N'monitoring.' + kept.table_name
    AND made.name = kept.column_name;
OPEN additions;
FETCH NEXT FROM additions INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM additions INTO @statement;
END;
CLOSE additions;
DEALLOCATE additions;
DROP TABLE #found;
DROP TABLE #kept;
GO

IF OBJECT_ID(N'monitoring.AuditLog') IS NULL
    CREATE TABLE monitoring.AuditLog (
        AuditId       bigint        NOT NULL IDENTITY(1, 1),
        HappenedAt    datetime2(7)  NOT NULL
            CONSTRAINT DF_AuditLog_HappenedAt DEFAULT SYSUTCDATETIME(),
        Actor         nvarchar(100) NOT NULL,
        Action        nvarchar(50)  NOT NULL,
        EntityType    nvarchar(50)  NOT NULL,
        EntityId      nvarchar(200) NOT NULL,
        OldValues     nvarchar(max) NULL,
        NewValues     nvarchar(max) NULL,
        Reason        nvarchar(500) NULL,
        CorrelationId nvarchar(128) NULL,
        CONSTRAINT PK_AuditLog PRIMARY KEY (AuditId),
        CONSTRAINT CK_AuditLog_OldValues CHECK (ISJSON(OldValues) = 1),
        CONSTRAINT CK_AuditLog_NewValues CHECK (ISJSON(NewValues) = 1)
    );
GO

-- A failure is written down before its task is moved (planned), in another database than the
-- task's where need be, and afterwards what became of that: done, or dropped where it did not move.
IF OBJECT_ID(N'monitoring.TaskRetries') IS NULL
    CREATE TABLE monitoring.TaskRetries (
        RetryId       uniqueidentifier NOT NULL,
        JobId         nvarchar(100)    NOT NULL,
        TaskId        nvarchar(100)    NOT NULL,
        TaskType      nvarchar(100)    NOT NULL,
        Stage         int              NOT NULL,
        Fingerprint   nvarchar(64)     NULL,
        ErrorDetails  nvarchar(max)    NULL,
        RetryCount    int              NOT NULL,
        FailedAt      datetime2(7)     NOT NULL,
        RetriedAt     datetime2(7)     NOT NULL
            CONSTRAINT DF_TaskRetries_RetriedAt DEFAULT SYSUTCDATETIME(),
        Actor         nvarchar(100)    NOT NULL,
        Reason        nvarchar(500)    NOT NULL,
        CorrelationId nvarchar(128)    NULL,
        State         nvarchar(10)     NOT NULL
            CONSTRAINT DF_TaskRetries_State DEFAULT N'planned',
        SettledAt     datetime2(7)     NULL,
        CONSTRAINT PK_TaskRetries PRIMARY KEY (RetryId),
        CONSTRAINT CK_TaskRetries_State CHECK (State IN (N'planned', N'done', N'dropped')),
        CONSTRAINT CK_TaskRetries_Settled CHECK (
            State = N'planned' AND SettledAt IS NULL
            OR State <> N'planned' AND SettledAt IS NOT NULL)
    );
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.AuditLog')
                  AND name = N'IX_AuditLog_HappenedAt')
BEGIN
    CREATE INDEX IX_AuditLog_HappenedAt ON monitoring.AuditLog (HappenedAt);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0004', N'index', N'monitoring.AuditLog', N'IX_AuditLog_HappenedAt');
END;
IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.AuditLog')
                  AND name = N'IX_AuditLog_Entity')
BEGIN
    CREATE INDEX IX_AuditLog_Entity ON monitoring.AuditLog (EntityType, EntityId, AuditId);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0004', N'index', N'monitoring.AuditLog', N'IX_AuditLog_Entity');
END;
IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.TaskRetries')
                  AND name = N'IX_TaskRetries_JobId')
BEGIN
    CREATE INDEX IX_TaskRetries_JobId ON monitoring.TaskRetries (JobId, RetriedAt);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0004', N'index', N'monitoring.TaskRetries', N'IX_TaskRetries_JobId');
END;
IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.TaskRetries')
                  AND name = N'IX_TaskRetries_State')
BEGIN
    CREATE INDEX IX_TaskRetries_State ON monitoring.TaskRetries (State, RetriedAt);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0004', N'index', N'monitoring.TaskRetries', N'IX_TaskRetries_State');
END;
