-- Only what the way up made; the schema stays where it holds objects of others.

DECLARE @statement nvarchar(max);
DECLARE removals CURSOR LOCAL STATIC FOR
 SELECT N'DROP ' + UPPER(made.kind) + N' IF EXISTS ' + made.name
   FROM monitoring.schema_made AS made
  WHERE made.revision = N'0002'
    AND made.kind IN (N'procedure', N'table')
  ORDER BY made.kind, made.name DESC;
OPEN removals;
FETCH NEXT FROM removals INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM removals INTO @statement;
END;
CLOSE removals;
DEALLOCATE removals;

IF EXISTS (SELECT 1 FROM monitoring.schema_made WHERE revision = N'0002' AND kind = N'schema')
   AND NOT EXISTS (SELECT 1 FROM sys.objects WHERE schema_id = SCHEMA_ID(N'app'))
    DROP SCHEMA app;

DELETE FROM monitoring.schema_made WHERE revision = N'0002';
