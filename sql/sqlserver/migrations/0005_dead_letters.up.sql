-- What failed for good, with its input, for another try.
--
-- As in 0001, a table of this name that is there already gets the columns that it lacks, and
-- where that is not enough nothing is changed at all.

CREATE TABLE #queue (
    table_name  nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    column_name nvarchar(60) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name   nvarchar(20) COLLATE DATABASE_DEFAULT NOT NULL,
    size        int          NULL,
    filled      nvarchar(50) COLLATE DATABASE_DEFAULT NOT NULL
);
INSERT INTO #queue (table_name, column_name, type_name, size, filled) VALUES
    (N'DeadLetterQueue', N'DeadLetterId', N'uniqueidentifier', NULL, N'NEWID()'),
    (N'DeadLetterQueue', N'JobId', N'nvarchar', 200, N'caller'),
    (N'DeadLetterQueue', N'EventData', N'nvarchar', -1, N'caller'),
    (N'DeadLetterQueue', N'Error', N'nvarchar', -1, N'caller'),
    (N'DeadLetterQueue', N'Metadata', N'nvarchar', -1, N'N''{}'''),
    (N'DeadLetterQueue', N'Status', N'nvarchar', 20, N'N''PENDING'''),
    (N'DeadLetterQueue', N'Attempts', N'int', NULL, N'0'),
    (N'DeadLetterQueue', N'LastAttemptAt', N'datetime2', NULL, N'nobody'),
    (N'DeadLetterQueue', N'ProcessedAt', N'datetime2', NULL, N'nobody'),
    (N'DeadLetterQueue', N'CreatedAt', N'datetime2', NULL, N'SYSUTCDATETIME()'),
    (N'DeadLetterQueue', N'UpdatedAt', N'datetime2', NULL, N'SYSUTCDATETIME()');
GO

-- Whether it can be built upon.
CREATE TABLE #queue_there (
    table_name    nvarchar(60)  COLLATE DATABASE_DEFAULT NOT NULL,
    column_name   nvarchar(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type_name     nvarchar(128) COLLATE DATABASE_DEFAULT NULL,
    size          int           NULL,
    is_identity   bit           NOT NULL,
    must_be_given bit           NOT NULL
);
INSERT INTO #queue_there (table_name, column_name, type_name, size, is_identity, must_be_given)
SELECT named.table_name, live.name, TYPE_NAME(live.system_type_id),
       CASE WHEN live.max_length = -1 THEN -1 ELSE live.max_length / 2 END,
       live.is_identity,
       CASE WHEN live.is_nullable = 1 OR live.is_identity = 1 OR live.is_computed = 1 THEN 0
            WHEN TYPE_NAME(live.system_type_id) = N'timestamp' THEN 0
            WHEN EXISTS (SELECT 1 FROM sys.default_constraints AS given
                          WHERE given.parent_object_id = live.object_id
                            AND given.parent_column_id = live.column_id) THEN 0
            ELSE 1 END
  FROM (SELECT DISTINCT table_name FROM #queue) AS named
  JOIN sys.columns AS live ON live.object_id = OBJECT_ID(N'monitoring.' + named.table_name);

DECLARE @problems nvarchar(max);
SELECT @problems = STRING_AGG(CAST(sorted.problem AS nvarchar(max)), N'; ')
                   WITHIN GROUP (ORDER BY sorted.problem)
  FROM (SELECT N'monitoring.' + wanted.table_name + N'.' + wanted.column_name + N' is '
               + COALESCE(found.type_name, N'of a type of its own')
               + CASE WHEN found.type_name = N'nvarchar'
                      THEN N'(' + CAST(found.size AS nvarchar(10)) + N')' ELSE N'' END
               + N', and ' + wanted.type_name
               + CASE WHEN wanted.size IS NULL THEN N''
                      WHEN wanted.size = -1 THEN N'(max)'
                      ELSE N'(' + CAST(wanted.size AS nvarchar(10)) + N')' END
               + N' is needed' AS problem
          FROM #queue AS wanted
          JOIN #queue_there AS found
            ON found.table_name = wanted.table_name AND found.column_name = wanted.column_name
         WHERE COALESCE(found.type_name, N'') <> wanted.type_name
            OR wanted.type_name = N'nvarchar' AND found.size <> -1
               AND (wanted.size = -1 OR found.size < wanted.size)
        UNION ALL
        SELECT N'monitoring.' + found.table_name + N'.' + found.column_name
               + N' may not be NULL, has no default, and would get no value from Watchkeeper'
          FROM #queue_there AS found
          LEFT JOIN #queue AS wanted
            ON wanted.table_name = found.table_name AND wanted.column_name = found.column_name
         WHERE found.must_be_given = 1
           AND COALESCE(wanted.filled, N'nobody') <> N'caller') AS sorted;
SET @problems = N'nothing is changed: ' + LEFT(@problems, 2000);
IF @problems IS NOT NULL
    THROW 50000, @problems, 1;

INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT DISTINCT N'0005', N'table', N'', N'monitoring.' + wanted.table_name
  FROM #queue AS wanted
 WHERE OBJECT_ID(N'monitoring.' + wanted.table_name) IS NULL;
INSERT INTO monitoring.schema_made (revision, kind, owner, name)
SELECT N'0005', N'column', N'monitoring.' + wanted.table_name, wanted.column_name
  FROM #queue AS wanted
 WHERE EXISTS (SELECT 1 FROM #queue_there AS found WHERE found.table_name = wanted.table_name)
   AND NOT EXISTS (SELECT 1 FROM #queue_there AS found
                    WHERE found.table_name = wanted.table_name
                      AND found.column_name = wanted.column_name);
GO

-- A table that was there: a new column is NULL in its rows, but for the id, and has its default
-- from now on.
DECLARE @statement nvarchar(max);
DECLARE additions CURSOR LOCAL FAST_FORWARD FOR
 SELECT N'ALTER TABLE monitoring.' + wanted.table_name + N' ADD ' + wanted.column_name + N' '
        + wanted.type_name
        + CASE WHEN wanted.type_name = N'datetime2' THEN N'(7)'
               WHEN wanted.size IS NULL THEN N''
               WHEN wanted.size = -1 THEN N'(max)'
               ELSE N'(' + CAST(wanted.size AS nvarchar(10)) + N')' END
        + CASE WHEN wanted.filled IN (N'caller', N'nobody') THEN N' NULL'
               ELSE CASE WHEN wanted.filled = N'NEWID()' THEN N' NOT NULL' ELSE N' NULL' END
                    + N' CONSTRAINT DF_' + wanted.table_name + N'_' + wanted.column_name
                    + N' DEFAULT ' + wanted.filled END
   FROM #queue AS wanted
   JOIN monitoring.schema_made AS made
     ON made.revision = N'0005'
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
DROP TABLE #queue_there;
DROP TABLE #queue;
GO

IF OBJECT_ID(N'monitoring.DeadLetterQueue') IS NULL
    CREATE TABLE monitoring.DeadLetterQueue (
        DeadLetterId  uniqueidentifier NOT NULL
            CONSTRAINT DF_DeadLetterQueue_DeadLetterId DEFAULT NEWID(),
        JobId         nvarchar(200)    NOT NULL,
        EventData     nvarchar(max)    NOT NULL,
        Error         nvarchar(max)    NOT NULL,
        Metadata      nvarchar(max)    NOT NULL
            CONSTRAINT DF_DeadLetterQueue_Metadata DEFAULT N'{}',
        Status        nvarchar(20)     NOT NULL
            CONSTRAINT DF_DeadLetterQueue_Status DEFAULT N'PENDING',
        Attempts      int              NOT NULL
            CONSTRAINT DF_DeadLetterQueue_Attempts DEFAULT 0,
        LastAttemptAt datetime2(7)     NULL,
        ProcessedAt   datetime2(7)     NULL,
        CreatedAt     datetime2(7)     NOT NULL
            CONSTRAINT DF_DeadLetterQueue_CreatedAt DEFAULT SYSUTCDATETIME(),
        UpdatedAt     datetime2(7)     NOT NULL
            CONSTRAINT DF_DeadLetterQueue_UpdatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_DeadLetterQueue PRIMARY KEY (DeadLetterId),
        CONSTRAINT CK_DeadLetterQueue_EventData CHECK (ISJSON(N'[' + EventData + N']') = 1),
        CONSTRAINT CK_DeadLetterQueue_Metadata CHECK (ISJSON(Metadata) = 1),
        CONSTRAINT CK_DeadLetterQueue_Status CHECK (
            Status IN (N'PENDING', N'PROCESSING', N'SUCCEEDED', N'FAILED')),
        CONSTRAINT CK_DeadLetterQueue_Attempts CHECK (Attempts >= 0)
    );
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.DeadLetterQueue')
                  AND name = N'IX_DeadLetterQueue_Status')
BEGIN
    CREATE INDEX IX_DeadLetterQueue_Status
        ON monitoring.DeadLetterQueue (Status, CreatedAt DESC, DeadLetterId);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0005', N'index', N'monitoring.DeadLetterQueue', N'IX_DeadLetterQueue_Status');
END;
IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.DeadLetterQueue')
                  AND name = N'IX_DeadLetterQueue_JobId')
BEGIN
    CREATE INDEX IX_DeadLetterQueue_JobId ON monitoring.DeadLetterQueue (JobId);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0005', N'index', N'monitoring.DeadLetterQueue', N'IX_DeadLetterQueue_JobId');
END;
IF NOT EXISTS (SELECT 1 FROM sys.indexes
                WHERE object_id = OBJECT_ID(N'monitoring.DeadLetterQueue')
                  AND name = N'IX_DeadLetterQueue_CreatedAt')
BEGIN
    CREATE INDEX IX_DeadLetterQueue_CreatedAt ON monitoring.DeadLetterQueue (CreatedAt);
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0005', N'index', N'monitoring.DeadLetterQueue', N'IX_DeadLetterQueue_CreatedAt');
END;
