-- What migrating a SQL Server database needs beside the migrations themselves.

-- name: session
SET XACT_ABORT ON;

-- name: applied
IF OBJECT_ID(N'monitoring.schema_version') IS NOT NULL
    SELECT version_num FROM monitoring.schema_version;

-- name: times
SELECT revision, MAX(happened_at)
  FROM monitoring.schema_history
 WHERE action IN ('up', 'mark')
 GROUP BY revision;

-- name: lock
-- Below 0: not had within the time.
DECLARE @result int;
EXEC @result = sp_getapplock @Resource = N'watchkeeper migrations', @LockMode = N'Exclusive',
     @LockOwner = N'Session', @LockTimeout = ?;
SELECT @result;

-- name: prepare
IF SCHEMA_ID(N'monitoring') IS NULL
    EXEC (N'CREATE SCHEMA monitoring');
IF OBJECT_ID(N'monitoring.schema_history') IS NULL
    CREATE TABLE monitoring.schema_history (
        happened_at datetime2    NOT NULL DEFAULT SYSUTCDATETIME(),
        revision    varchar(32)  NOT NULL,
        action      varchar(8)   NOT NULL
    );
-- What a migration made where it found something of others: the way back removes only that.
IF OBJECT_ID(N'monitoring.schema_made') IS NULL
    CREATE TABLE monitoring.schema_made (
        revision nvarchar(32)  NOT NULL,
        kind     nvarchar(10)  NOT NULL,
        owner    nvarchar(130) NOT NULL,
        name     nvarchar(130) NOT NULL,
        CONSTRAINT pk_schema_made PRIMARY KEY (revision, kind, owner, name)
    );

-- name: transactions
-- Rows are counted for Alembic, which makes sure that it has written the version.
SET NOCOUNT OFF;
SELECT @@TRANCOUNT;

-- name: script_head
-- Run it with: sqlcmd -b -I -i FILE. It stops at the first batch that fails; what that migration
-- began is undone.
SET XACT_ABORT ON;
SET NOCOUNT ON;
SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
GO
DECLARE @result int;
EXEC @result = sp_getapplock @Resource = N'watchkeeper migrations', @LockMode = N'Exclusive',
     @LockOwner = N'Session', @LockTimeout = 60000;
IF @result < 0 THROW 50000, N'another migration of this database is still running', 1;
GO

-- name: script_guard
IF @@ERROR <> 0 BEGIN IF @@TRANCOUNT > 0 ROLLBACK; SET NOEXEC ON; END;

-- name: script_check
IF NOT EXISTS (SELECT 1 FROM monitoring.schema_version WHERE version_num = :revision)
    THROW 50000, N'this database is not at the revision that this script starts from', 1;

-- name: script_tail
SET NOEXEC OFF;
GO
EXEC sp_releaseapplock @Resource = N'watchkeeper migrations', @LockOwner = N'Session';

-- name: elsewhere
-- Tables, views and procedures that were there before the migrations, in lower case as below.
SELECT LOWER(SCHEMA_NAME(live.schema_id) + N'.' + live.name) AS name
  FROM sys.objects AS live
 WHERE live.schema_id = SCHEMA_ID(N'monitoring')
   AND live.type IN ('U', 'V', 'P')
   AND NOT EXISTS (SELECT 1 FROM monitoring.schema_made AS made
                    WHERE made.kind IN (N'table', N'view', N'procedure')
                      AND LOWER(made.name)
                          = LOWER(SCHEMA_NAME(live.schema_id) + N'.' + live.name));

-- name: tables
-- Names in lower case, because not every server gives them back as they were written.
SELECT NULL AS owner, LOWER(SCHEMA_NAME(live.schema_id) + N'.' + live.name) AS name
  FROM sys.tables AS live
 WHERE live.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'));

-- name: columns
SELECT LOWER(SCHEMA_NAME(owner.schema_id) + N'.' + owner.name) AS owner,
       LOWER(live.name) AS name,
       TYPE_NAME(live.system_type_id) AS type,
       CAST(live.max_length AS int) AS size,
       CAST(live.precision AS int) AS digits,
       CAST(live.scale AS int) AS scale,
       live.is_nullable AS nullable,
       live.is_identity AS is_identity,
       given.definition AS given
  FROM sys.tables AS owner
  JOIN sys.columns AS live ON live.object_id = owner.object_id
  LEFT JOIN sys.default_constraints AS given
    ON given.parent_object_id = live.object_id AND given.parent_column_id = live.column_id
 WHERE owner.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'));

-- name: checks
SELECT LOWER(SCHEMA_NAME(owner.schema_id) + N'.' + owner.name) AS owner, LOWER(live.name) AS name
  FROM sys.check_constraints AS live
  JOIN sys.tables AS owner ON owner.object_id = live.parent_object_id
 WHERE owner.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'));

-- name: references
SELECT LOWER(SCHEMA_NAME(owner.schema_id) + N'.' + owner.name) AS owner,
       LOWER(live.name) AS name,
       LOWER(COL_NAME(part.parent_object_id, part.parent_column_id)) AS column_name,
       LOWER(SCHEMA_NAME(other.schema_id) + N'.' + other.name) AS referenced,
       LOWER(COL_NAME(part.referenced_object_id, part.referenced_column_id)) AS referenced_column,
       LOWER(REPLACE(live.delete_referential_action_desc, N'_', N' ')) AS on_delete,
       LOWER(REPLACE(live.update_referential_action_desc, N'_', N' ')) AS on_update
  FROM sys.foreign_keys AS live
  JOIN sys.foreign_key_columns AS part ON part.constraint_object_id = live.object_id
  JOIN sys.tables AS owner ON owner.object_id = live.parent_object_id
  JOIN sys.tables AS other ON other.object_id = live.referenced_object_id
 WHERE owner.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'))
 ORDER BY part.constraint_column_id;

-- name: indexes
-- One row a column. Some servers give an index another name, so it goes by its columns.
SELECT LOWER(SCHEMA_NAME(owner.schema_id) + N'.' + owner.name) AS owner,
       live.index_id AS number,
       LOWER(live.name) AS name,
       live.is_primary_key AS is_primary_key,
       live.is_unique AS is_unique,
       LOWER(COL_NAME(part.object_id, part.column_id)) AS column_name,
       part.is_descending_key AS descending
  FROM sys.tables AS owner
  JOIN sys.indexes AS live ON live.object_id = owner.object_id
  JOIN sys.index_columns AS part
    ON part.object_id = live.object_id AND part.index_id = live.index_id
 WHERE owner.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'))
   AND part.is_included_column = 0
 ORDER BY live.object_id, live.index_id, part.key_ordinal;

-- name: views
SELECT LOWER(SCHEMA_NAME(live.schema_id) + N'.' + live.name) AS name,
       LOWER(made.name) AS column_name,
       body.definition AS definition
  FROM sys.views AS live
  JOIN sys.sql_modules AS body ON body.object_id = live.object_id
  JOIN sys.columns AS made ON made.object_id = live.object_id
 WHERE live.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'))
 ORDER BY live.object_id, made.column_id;

-- name: procedures
SELECT LOWER(SCHEMA_NAME(live.schema_id) + N'.' + live.name) AS name,
       body.definition AS definition
  FROM sys.procedures AS live
  JOIN sys.sql_modules AS body ON body.object_id = live.object_id
 WHERE live.schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'));
