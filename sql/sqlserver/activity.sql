-- What the server does now. Of the sessions of other logins this one sees none without the right
-- that missing_right names. A statement is cut at 2,000 characters. The server's own times are
-- local to it: only how long ago they were is taken of them.

-- name: missing_right
SELECT CASE WHEN SERVERPROPERTY('EngineEdition') = 5 THEN N'VIEW DATABASE STATE'
            ELSE N'VIEW SERVER STATE' END AS missing_right
 WHERE NOT 1 IN (HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'),
                 HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'),
                 COALESCE(CASE WHEN SERVERPROPERTY('EngineEdition') = 5
                               THEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE')
                          END, 0));

-- name: running
-- The longest running first.
IF OBJECT_ID('sys.dm_exec_requests') IS NULL
    SELECT N'this server has no sys.dm_exec_requests' AS not_available;
ELSE
    SELECT TOP (:limit) CAST(request.session_id AS nvarchar(10)) AS session_id,
           session.login_name AS [user], session.program_name AS application,
           DB_NAME(request.database_id) AS [database], request.status AS state,
           request.wait_type AS wait,
           LEFT(SUBSTRING(said.text, request.statement_start_offset / 2 + 1,
                          CASE WHEN request.statement_end_offset > request.statement_start_offset
                               THEN (request.statement_end_offset
                                     - request.statement_start_offset) / 2 + 1
                               ELSE 2000 END), 2000) AS query,
           DATEADD(millisecond, -request.total_elapsed_time, SYSUTCDATETIME()) AS started_at,
           CAST(request.total_elapsed_time AS bigint) AS duration_ms,
           CAST(NULL AS bigint) AS transaction_ms
      FROM sys.dm_exec_requests AS request
      JOIN sys.dm_exec_sessions AS session ON session.session_id = request.session_id
     OUTER APPLY sys.dm_exec_sql_text(request.sql_handle) AS said
     WHERE session.is_user_process = 1
       AND request.session_id <> @@SPID
       AND request.total_elapsed_time >= :min_ms                                -- when min_ms
     ORDER BY request.total_elapsed_time DESC, request.session_id;

-- name: sessions
-- Those with these ids that are still there.
IF OBJECT_ID('sys.dm_exec_requests') IS NULL
    SELECT N'this server has no sys.dm_exec_requests' AS not_available;
ELSE
    SELECT CAST(session.session_id AS nvarchar(10)) AS session_id, session.login_name AS [user],
           session.program_name AS application, DB_NAME(session.database_id) AS [database],
           CASE WHEN request.session_id IS NULL AND session.open_transaction_count > 0
                THEN N'idle in transaction' ELSE COALESCE(request.status, session.status) END
               AS state,
           request.wait_type AS wait, LEFT(said.text, 2000) AS query,
           DATEADD(second, -DATEDIFF_BIG(second, session.last_request_start_time, GETDATE()),
                   SYSUTCDATETIME()) AS started_at,
           DATEDIFF_BIG(millisecond, session.last_request_start_time, GETDATE()) AS duration_ms,
           CAST(NULL AS bigint) AS transaction_ms
      FROM sys.dm_exec_sessions AS session
      LEFT JOIN sys.dm_exec_requests AS request ON request.session_id = session.session_id
     OUTER APPLY (SELECT TOP (1) link.most_recent_sql_handle AS sql_handle
                    FROM sys.dm_exec_connections AS link
                   WHERE link.session_id = session.session_id) AS newest
     OUTER APPLY sys.dm_exec_sql_text(COALESCE(request.sql_handle, newest.sql_handle)) AS said
     WHERE session.session_id IN (SELECT chosen.value FROM OPENJSON(:ids)
                                  WITH (value int '$') AS chosen)
     ORDER BY session.session_id;

-- name: blocked
-- Who waits for a lock, those first who have waited longest.
IF OBJECT_ID('sys.dm_exec_requests') IS NULL
    SELECT N'this server has no sys.dm_exec_requests' AS not_available;
ELSE
    SELECT TOP (:limit) CAST(request.session_id AS nvarchar(10)) AS session_id,
           session.login_name AS [user], session.program_name AS application,
           LEFT(SUBSTRING(said.text, request.statement_start_offset / 2 + 1, 2000), 2000) AS query,
           DATEADD(millisecond, -request.wait_time, SYSUTCDATETIME()) AS waiting_since,
           CAST(request.wait_time AS bigint) AS waiting_ms,
           LOWER(wanted.resource_type) AS lock_type, wanted.request_mode AS lock_mode,
           OBJECT_SCHEMA_NAME(wanted.object_id) + N'.' + OBJECT_NAME(wanted.object_id) AS relation,
           CAST(request.blocking_session_id AS nvarchar(10)) AS blocked_by
      FROM sys.dm_exec_requests AS request
      JOIN sys.dm_exec_sessions AS session ON session.session_id = request.session_id
     OUTER APPLY sys.dm_exec_sql_text(request.sql_handle) AS said
     OUTER APPLY (SELECT TOP (1) lock.resource_type, lock.request_mode,
                         CASE WHEN lock.resource_database_id <> DB_ID() THEN NULL
                              WHEN lock.resource_type = N'OBJECT'
                              THEN lock.resource_associated_entity_id
                              ELSE parts.object_id END AS object_id
                    FROM sys.dm_tran_locks AS lock
                    LEFT JOIN sys.partitions AS parts
                      ON parts.hobt_id = lock.resource_associated_entity_id
                   WHERE lock.request_session_id = request.session_id
                     AND lock.request_status IN (N'WAIT', N'CONVERT')) AS wanted
     WHERE request.blocking_session_id <> 0
       AND request.blocking_session_id <> request.session_id
     ORDER BY request.wait_time DESC, request.session_id;

-- name: connections
-- By login, application and state.
SELECT alike.[user], alike.application, alike.state, COUNT(*) AS connections,
       MAX(alike.idle_ms) AS longest_idle_in_transaction_ms
  FROM (SELECT session.login_name AS [user], session.program_name AS application,
               CASE WHEN session.status = N'sleeping' AND session.open_transaction_count > 0
                    THEN N'idle in transaction' ELSE session.status END AS state,
               CASE WHEN session.status = N'sleeping' AND session.open_transaction_count > 0
                    THEN DATEDIFF_BIG(millisecond, session.last_request_end_time, GETDATE()) END
                   AS idle_ms
          FROM sys.dm_exec_sessions AS session
         WHERE session.is_user_process = 1
           AND session.login_name IS NOT NULL) AS alike
 GROUP BY alike.[user], alike.application, alike.state
 ORDER BY connections DESC, alike.[user], alike.application, alike.state;
