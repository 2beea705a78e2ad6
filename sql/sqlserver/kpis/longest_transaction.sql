-- title: Longest transaction
-- unit: s
-- warning: 300
-- critical: 1800
-- every: 30
-- priority: 2
-- How long the oldest open transaction of a session has been open. While it is, the log cannot be
-- cut before it, the version store grows, and its locks are held: find its session_id and ask its
-- owner.
IF OBJECT_ID('sys.dm_tran_active_transactions') IS NULL
    SELECT NULL AS seconds, N'this server has no sys.dm_tran_active_transactions' AS not_available;
ELSE IF 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
              HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
              CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                   THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') END)
    SELECT COALESCE(MAX(DATEDIFF(SECOND, active.transaction_begin_time, GETDATE())), 0) AS seconds
      FROM sys.dm_tran_active_transactions AS active
      JOIN sys.dm_tran_session_transactions AS held
        ON held.transaction_id = active.transaction_id
     WHERE held.is_user_transaction = 1
       AND held.session_id <> @@SPID;
ELSE
    SELECT NULL AS seconds, N'the login may not VIEW SERVER STATE' AS not_available;
