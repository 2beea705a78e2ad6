-- name: connection
INSERT INTO monitoring.database_connections
       (connection_name, provider, connection_string, environment, max_parallel,
        connection_timeout_seconds, command_timeout_seconds, created_by, modified_by)
VALUES (:name, 'PostgreSQL', :address, 'bench', :max_parallel, :timeout_seconds, :timeout_seconds,
        'bench', 'bench');

-- name: kpis
-- So many on a connection, all with one query; they run when a bench makes them due.
WITH query AS (
    INSERT INTO monitoring.database_queries
           (query_name, sql_query, timeout_seconds, created_by, modified_by)
    VALUES (:name, :statement, :timeout_seconds, 'bench', 'bench')
    RETURNING query_id)
INSERT INTO monitoring.indicators
       (indicator_name, connection_id, query_id, schedule, next_due_at, created_by, modified_by)
SELECT :name || ' ' || n, connection_id, query_id, '3600', now() + interval '1 year', 'bench', 'bench'
  FROM query, generate_series(1, :kpis::integer) AS n, monitoring.database_connections
 WHERE connection_name = :name;

-- name: postpone
-- What is not the bench's own is not due while it runs.
UPDATE monitoring.indicators SET next_due_at = now() + interval '1 year'
 WHERE next_due_at < now() + interval '1 month';

-- name: make_due
UPDATE monitoring.indicators
   SET next_due_at = now() - make_interval(secs => :seconds)
 WHERE indicator_id IN (
           SELECT indicator_id FROM monitoring.indicators
            WHERE indicator_name LIKE :name || ' %' LIMIT :kpis);
