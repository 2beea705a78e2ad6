-- What migrating a SQL Server database needs beside the migrations themselves.

-- name: session
SET XACT_ABORT ON; SET NOCOUNT ON;

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

-- name: transactions
SELECT @@TRANCOUNT;

-- name: script_head
-- Run it with: sqlcmd -I -i FILE. Nothing runs after a batch that failed; what it began is undone.
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
