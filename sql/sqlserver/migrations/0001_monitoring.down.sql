-- Only what the way up made, by monitoring.schema_made: tables that were there before it stay, and
-- lose the columns and indexes that it gave them, once nothing refers to these any more.

DECLARE @statement nvarchar(max);
DECLARE removals CURSOR LOCAL STATIC FOR
 SELECT removal.statement
   FROM (SELECT 1 AS place,
                N'DROP ' + UPPER(made.kind) + N' IF EXISTS ' + made.name AS statement
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0001'
            AND made.kind IN (N'view', N'procedure')
         UNION ALL
         SELECT 2, N'ALTER TABLE ' + made.owner + N' DROP CONSTRAINT ' + QUOTENAME(linked.name)
           FROM monitoring.schema_made AS made
           JOIN sys.foreign_key_columns AS part
             ON part.parent_object_id = OBJECT_ID(made.owner)
            AND COL_NAME(part.parent_object_id, part.parent_column_id) COLLATE DATABASE_DEFAULT
                = made.name
           JOIN sys.foreign_keys AS linked ON linked.object_id = part.constraint_object_id
          WHERE made.revision = N'0001'
            AND made.kind = N'column'
         UNION ALL
         SELECT CASE made.name
                     WHEN N'monitoring.WorkerInstances' THEN 6
                     WHEN N'monitoring.DatabaseConnections' THEN 5
                     WHEN N'monitoring.DatabaseQueries' THEN 5
                     WHEN N'monitoring.Indicators' THEN 4
                     ELSE 3 END,
                N'DROP TABLE IF EXISTS ' + made.name
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0001'
            AND made.kind = N'table'
         UNION ALL
         SELECT 7, N'DROP INDEX IF EXISTS ' + made.name + N' ON ' + made.owner
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0001'
            AND made.kind = N'index'
            AND OBJECT_ID(made.owner) IS NOT NULL
         UNION ALL
         SELECT 8, N'ALTER TABLE ' + made.owner + N' DROP CONSTRAINT ' + QUOTENAME(given.name)
           FROM monitoring.schema_made AS made
           JOIN sys.default_constraints AS given
             ON given.parent_object_id = OBJECT_ID(made.owner)
            AND given.name COLLATE DATABASE_DEFAULT
                = REPLACE(made.owner, N'monitoring.', N'DF_') + N'_' + made.name
          WHERE made.revision = N'0001'
            AND made.kind = N'column'
         UNION ALL
         SELECT 9, N'ALTER TABLE ' + made.owner + N' DROP COLUMN ' + made.name
           FROM monitoring.schema_made AS made
          WHERE made.revision = N'0001'
            AND made.kind = N'column'
            AND COL_LENGTH(made.owner, made.name) IS NOT NULL) AS removal
  ORDER BY removal.place, removal.statement;

IF OBJECT_ID(N'monitoring.Config') IS NOT NULL
    DELETE FROM monitoring.Config
     WHERE ConfigKey IN (SELECT made.name
                           FROM monitoring.schema_made AS made
                          WHERE made.revision = N'0001'
                            AND made.kind = N'row'
                            AND made.owner = N'monitoring.Config');

OPEN removals;
FETCH NEXT FROM removals INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM removals INTO @statement;
END;
CLOSE removals;
DEALLOCATE removals;

DELETE FROM monitoring.schema_made WHERE revision = N'0001';
