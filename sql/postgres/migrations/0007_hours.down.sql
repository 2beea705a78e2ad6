CREATE OR REPLACE VIEW monitoring.vw_database_monitoring_summary AS
SELECT connection.connection_id,
       connection.connection_name,
       connection.provider,
       connection.environment,
       connection.is_enabled,
       newest.executed_at AS last_check_at,
       newest.status AS last_status,
       coalesce(week.checks, 0) AS checks_7d,
       coalesce(week.healthy, 0) AS healthy_7d,
       coalesce(week.warning, 0) AS warning_7d,
       coalesce(week.critical, 0) AS critical_7d,
       coalesce(week.error, 0) AS error_7d,
       round(100.0 * week.healthy / nullif(week.checks, 0), 2) AS success_rate_7d,
       week.mean_duration_ms AS mean_duration_ms_7d
  FROM monitoring.database_connections AS connection
  LEFT JOIN LATERAL (
           SELECT result.executed_at, result.status
             FROM monitoring.indicators AS indicator
            CROSS JOIN LATERAL (
                      SELECT one.executed_at, one.status
                        FROM monitoring.database_monitoring_results AS one
                       WHERE one.indicator_id = indicator.indicator_id
                       ORDER BY one.executed_at DESC, one.result_id DESC
                       LIMIT 1) AS result
            WHERE indicator.connection_id = connection.connection_id
            ORDER BY result.executed_at DESC
            LIMIT 1) AS newest ON true
  LEFT JOIN LATERAL (
           SELECT count(*) AS checks,
                  count(*) FILTER (WHERE result.status = 'Healthy') AS healthy,
                  count(*) FILTER (WHERE result.status = 'Warning') AS warning,
                  count(*) FILTER (WHERE result.status = 'Critical') AS critical,
                  count(*) FILTER (WHERE result.status = 'Error') AS error,
                  avg(result.duration_ms) AS mean_duration_ms
             FROM monitoring.indicators AS indicator
             JOIN monitoring.database_monitoring_results AS result
               ON result.indicator_id = indicator.indicator_id
            WHERE indicator.connection_id = connection.connection_id
              AND result.executed_at > now() - interval '7 days') AS week ON true;

DROP TABLE monitoring.monitoring_rollup, monitoring.database_monitoring_hours;
