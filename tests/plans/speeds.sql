-- 500 KPIs with 200 results each, and 40 functions with 2,000 durations each.
INSERT INTO monitoring.database_connections
       (connection_name, provider, connection_string, environment, created_by, modified_by)
VALUES ('c', 'PostgreSQL', 'setting:X', 'T', 'x', 'x');
INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)
VALUES ('q', 'SELECT 1', 'x', 'x');
INSERT INTO monitoring.indicators
       (indicator_name, connection_id, query_id, created_by, modified_by)
SELECT 'k' || number, connection_id, query_id, 'x', 'x'
  FROM generate_series(1, 500) AS number, monitoring.database_connections,
       monitoring.database_queries;
INSERT INTO monitoring.database_monitoring_results
       (indicator_id, executed_at, status, message, duration_ms, environment, provider)
SELECT indicator_id, now() - number * interval '1 minute', 'Healthy', '', 5, 'T', 'PostgreSQL'
  FROM generate_series(1, 200) AS number, monitoring.indicators;
INSERT INTO monitoring.job_metrics (job_id)
SELECT 'kpi:' || indicator_name FROM monitoring.indicators
 UNION ALL
SELECT 'http:f' || number FROM generate_series(1, 40) AS number;
INSERT INTO monitoring.worker_instances
       (worker_instance_id, worker_name, machine_name, process_id, version, environment)
VALUES ('00000000-0000-0000-0000-000000000001', 'w', 'm', 1, '0', 'T');
INSERT INTO monitoring.worker_metrics
       (worker_instance_id, metric_type, metric_name, metric_value, recorded_at)
SELECT '00000000-0000-0000-0000-000000000001', 'JobExecution', job_id, 5,
       now() - number * interval '1 minute'
  FROM generate_series(1, 2000) AS number, monitoring.job_metrics
 WHERE job_id LIKE 'http:%';
ANALYZE;
