-- Only what the way up made; and what it dropped comes back.

IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.Indicators'
                   OR kind = N'column' AND owner = N'monitoring.Indicators' AND name = N'LeaseId'))
    ALTER TABLE monitoring.Indicators ADD LeaseId uniqueidentifier NULL;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.Indicators'
                   OR kind = N'column' AND owner = N'monitoring.Indicators'
                      AND name = N'LeasedUntil'))
    ALTER TABLE monitoring.Indicators ADD LeasedUntil datetime2(7) NULL;
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001' AND kind = N'table' AND name = N'monitoring.WorkerJobs')
    CREATE INDEX IX_WorkerJobs_Queue ON monitoring.WorkerJobs (Priority, ScheduledAt)
        WHERE Status = N'Queued';
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.WorkerJobs'
                   OR kind = N'index' AND name = N'IX_WorkerJobs_InstanceStatus'))
    CREATE INDEX IX_WorkerJobs_InstanceStatus ON monitoring.WorkerJobs (WorkerInstanceId, Status);
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0005' AND kind = N'index' AND name = N'IX_DeadLetterQueue_Status')
    CREATE INDEX IX_DeadLetterQueue_Status
        ON monitoring.DeadLetterQueue (Status, CreatedAt DESC, DeadLetterId);
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001'
              AND (kind = N'table' AND name = N'monitoring.Indicators'
                   OR kind = N'index' AND name = N'IX_Indicators_NextDueAt'))
    CREATE INDEX IX_Indicators_NextDueAt ON monitoring.Indicators (NextDueAt);

DECLARE @statement nvarchar(max);
DECLARE removals CURSOR LOCAL STATIC FOR
 SELECT removal.statement
   FROM (SELECT 1 AS place, N'DROP TABLE IF EXISTS ' + made.name AS statement
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0006'
            AND made.kind = N'table'
         UNION ALL
         SELECT 2, N'DROP INDEX IF EXISTS ' + made.name + N' ON ' + made.owner
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0006'
            AND made.kind = N'index'
            AND OBJECT_ID(made.owner) IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM monitoring.schema_made AS owner
                             WHERE owner.revision = N'0006'
                               AND owner.kind = N'table'
                               AND owner.name = made.owner)
         UNION ALL
         SELECT 3, N'ALTER TABLE ' + made.owner + N' DROP CONSTRAINT IF EXISTS ' + made.name
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0006'
            AND made.kind = N'check'
            AND OBJECT_ID(made.owner) IS NOT NULL
         UNION ALL
         SELECT 4, N'ALTER TABLE ' + made.owner + N' DROP CONSTRAINT ' + QUOTENAME(given.name)
           FROM monitoring.schema_made AS made
           JOIN sys.default_constraints AS given
             ON given.parent_object_id = OBJECT_ID(made.owner)
            AND given.name COLLATE DATABASE_DEFAULT
                = REPLACE(made.owner, N'monitoring.', N'DF_') + N'_' + made.name
          WHERE made.revision = N'0006'
            AND made.kind = N'column'
         UNION ALL
         SELECT 5, N'ALTER TABLE ' + made.owner + N' DROP COLUMN ' + made.name
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0006'
            AND made.kind = N'column'
            AND COL_LENGTH(made.owner, made.name) IS NOT NULL) AS removal
  ORDER BY removal.place, removal.statement;
OPEN removals;
FETCH NEXT FROM removals INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM removals INTO @statement;
END;
CLOSE removals;
DEALLOCATE removals;

DELETE FROM monitoring.schema_made WHERE revision = N'0006';
