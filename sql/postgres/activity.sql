-- What the server does now. Of the sessions of other logins this one sees little without the right
-- that missing_right names. A statement is cut at 2,000 characters.

-- name: missing_right
SELECT 'pg_read_all_stats' AS missing_right
 WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE');

-- name: running
-- The longest running first.
SELECT pid::text AS session_id, usename::text AS "user", application_name AS application,
       datname::text AS database, state, wait_event_type || ': ' || wait_event AS wait,
       left(query, 2000) AS query, query_start AS started_at,
       CAST(1000 * extract(epoch FROM clock_timestamp() - query_start) AS bigint) AS duration_ms,
       CAST(1000 * extract(epoch FROM clock_timestamp() - xact_start) AS bigint) AS transaction_ms
  FROM pg_catalog.pg_stat_activity
 WHERE state IN ('active', 'fastpath function call')
   AND pid <> pg_backend_pid()
   AND backend_type NOT IN ('walsender', 'parallel worker')
   AND query_start <= clock_timestamp() - make_interval(secs => :min_ms / 1000.0)  -- when min_ms
 ORDER BY query_start, pid
 LIMIT :limit;

-- name: sessions
-- Those with these ids that are still there.
SELECT pid::text AS session_id, usename::text AS "user", application_name AS application,
       datname::text AS database, state, wait_event_type || ': ' || wait_event AS wait,
       left(query, 2000) AS query, query_start AS started_at,
       CAST(1000 * extract(epoch FROM clock_timestamp() - query_start) AS bigint) AS duration_ms,
       CAST(1000 * extract(epoch FROM clock_timestamp() - xact_start) AS bigint) AS transaction_ms
  FROM pg_catalog.pg_stat_activity
 WHERE pid::text = ANY (:ids)
 ORDER BY pid;

-- name: blocked
-- Who waits for a lock, those first who have waited longest. `waitstart` came with PostgreSQL 14.
SELECT session.pid::text AS session_id, session.usename::text AS "user",
       session.application_name AS application, left(session.query, 2000) AS query,
       waiting.since AS waiting_since,
       CAST(1000 * extract(epoch FROM clock_timestamp() - waiting.since) AS bigint) AS waiting_ms,
       lock.locktype AS lock_type, lock.mode AS lock_mode,
       namespace.nspname || '.' || class.relname AS relation,
       array_to_string(waiting.blocked_by, ',') AS blocked_by
  FROM pg_catalog.pg_locks AS lock
  JOIN pg_catalog.pg_stat_activity AS session ON session.pid = lock.pid
 CROSS JOIN LATERAL (
       SELECT coalesce((to_jsonb(lock) ->> 'waitstart')::timestamptz, session.query_start) AS since,
              ARRAY(SELECT DISTINCT unnest(pg_blocking_pids(lock.pid))) AS blocked_by
       OFFSET 0) AS waiting
  LEFT JOIN pg_catalog.pg_class AS class
    ON class.oid = lock.relation
   AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE NOT lock.granted
   AND cardinality(waiting.blocked_by) > 0
 ORDER BY waiting.since NULLS LAST, session.pid
 LIMIT :limit;

-- name: connections
-- By login, application and state. Those whose state may not be seen count as clients.
SELECT usename::text AS "user", application_name AS application, state,
       count(*) AS connections,
       CAST(1000 * extract(epoch FROM clock_timestamp() - min(state_change)
                FILTER (WHERE state LIKE 'idle in transaction%')) AS bigint)
           AS longest_idle_in_transaction_ms
  FROM pg_catalog.pg_stat_activity
 WHERE usesysid IS NOT NULL
   AND coalesce(backend_type, 'client backend') = 'client backend'
 GROUP BY usename, application_name, state
 ORDER BY connections DESC, usename, application_name, state;
