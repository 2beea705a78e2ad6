-- Only what the way up made; the index that it dropped comes back.

IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0003' AND name = N'ix_tasks_of_job')
   AND OBJECT_ID(N'app.tasks') IS NOT NULL
    CREATE INDEX ix_tasks_parent_job_id ON app.tasks (parent_job_id, stage, status);

DECLARE @statement nvarchar(max);
DECLARE removals CURSOR LOCAL STATIC FOR
 SELECT CASE made.kind
             WHEN N'index' THEN N'DROP INDEX IF EXISTS ' + made.name + N' ON ' + made.owner
             ELSE N'ALTER TABLE ' + made.owner + N' DROP COLUMN ' + made.name END
   FROM monitoring.schema_made AS made
  WHERE made.revision = N'0003'
    AND OBJECT_ID(made.owner) IS NOT NULL
  ORDER BY made.kind DESC, made.name;
OPEN removals;
FETCH NEXT FROM removals INTO @statement;
WHILE @@FETCH_STATUS = 0
BEGIN
    EXEC (@statement);
    FETCH NEXT FROM removals INTO @statement;
END;
CLOSE removals;
DEALLOCATE removals;

DELETE FROM monitoring.schema_made WHERE revision = N'0003';
