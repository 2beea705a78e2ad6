-- What a KPI runs, and where: by name for one, by ids for many, whatever their state.

-- name: kpis
SELECT indicator.indicator_id, indicator.indicator_name AS name, indicator.schedule,
       indicator.jitter_seconds, indicator.priority, indicator.max_retries, indicator.is_active,
       indicator.connection_id, indicator.query_id, clock_timestamp() AS claimed_at,
       indicator.max_consecutive, indicator.recover_after, indicator.per_second,
       indicator.compare_to, indicator.deviation_unit, indicator.deviation_side,
       indicator.warning_deviation, indicator.critical_deviation, indicator.forecast_hours,
       baseline.baseline_avg_ms AS baseline_mean_ms, baseline.baseline_p95_ms
  FROM monitoring.indicators AS indicator
  LEFT JOIN monitoring.performance_baselines AS baseline
    ON baseline.job_id = 'kpi:' || indicator.indicator_name
 WHERE true
   AND indicator.indicator_id = ANY (:ids::uuid[])                                -- when ids
   AND indicator.indicator_name = :name                                          -- when name
;

-- name: connections
SELECT connection.connection_id, connection.connection_name AS name, connection.provider,
       connection.environment, connection.connection_string AS address, connection.is_encrypted,
       connection.connection_timeout_seconds AS timeout_seconds,
       connection.command_timeout_seconds, connection.max_parallel, connection.is_enabled
  FROM monitoring.database_connections AS connection
 WHERE true
   AND connection.connection_id = ANY (:ids::uuid[])                              -- when ids
   AND connection.connection_name = :name                                        -- when name
;

-- name: queries
SELECT query.query_id, query.sql_query, query.timeout_seconds, query.result_type, query.unit,
       query.expected_value, query.comparison_operator, query.warning_threshold,
       query.critical_threshold, query.on_empty, query.is_enabled
  FROM monitoring.database_queries AS query
 WHERE query.query_id = ANY (:ids::uuid[]);
