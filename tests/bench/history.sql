-- name: definitions
-- So many KPIs on one connection to the store, none of them due.
WITH here AS (
    INSERT INTO monitoring.database_connections
           (connection_name, provider, connection_string, environment, created_by, modified_by)
    VALUES ('bench', 'PostgreSQL', 'setting:STORE_URL', 'bench', 'bench', 'bench')
    RETURNING connection_id),
query AS (
    INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)
    VALUES ('bench', 'SELECT 1', 'bench', 'bench')
    RETURNING query_id)
INSERT INTO monitoring.indicators
       (indicator_id, indicator_name, connection_id, query_id, is_active, created_by, modified_by)
SELECT md5('kpi ' || n)::uuid, 'bench ' || n, connection_id, query_id, false, 'bench', 'bench'
  FROM here, query, generate_series(0, :kpis::integer - 1) AS n;

-- name: heartbeats
-- So many over so many days, by all services in turn.
INSERT INTO monitoring.system_status_history
       (id, service_name, status, current_task, heartbeat_timestamp, due_at, created_at)
       OVERRIDING SYSTEM VALUE
SELECT n, 'service-' || n % :services, 'running', 'tile ' || n % 480 || ' of 480', at,
       at + interval '180 seconds', at
  FROM generate_series(1, :rows::bigint) AS n
 CROSS JOIN LATERAL (
           SELECT now() - (:rows - n) * (make_interval(days => :days) / :rows) AS at) AS clock;

-- name: results
-- So many over so many days, of all KPIs in turn.
INSERT INTO monitoring.database_monitoring_results
       (result_id, indicator_id, slot_at, executed_at, status, value_number, message, duration_ms,
        environment, provider)
       OVERRIDING SYSTEM VALUE
SELECT n, md5('kpi ' || n % :kpis)::uuid, at, at + interval '300 milliseconds', 'Healthy', n % 1000,
       'no threshold reached', 3.5 + n % 7, 'bench', 'PostgreSQL'
  FROM generate_series(1, :rows::bigint) AS n
 CROSS JOIN LATERAL (
           SELECT now() - (:rows - n) * (make_interval(days => :days) / :rows) AS at) AS clock;
