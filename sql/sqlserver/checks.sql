-- What a KPI runs, and where: by name for one, by ids for many, whatever their state.

-- name: kpis
SELECT indicator.IndicatorId AS indicator_id, indicator.IndicatorName AS name,
       indicator.Schedule AS schedule, indicator.JitterSeconds AS jitter_seconds,
       indicator.Priority AS priority, indicator.MaxRetries AS max_retries,
       indicator.IsActive AS is_active, indicator.ConnectionId AS connection_id,
       indicator.QueryId AS query_id, SYSUTCDATETIME() AS claimed_at,
       indicator.MaxConsecutive AS max_consecutive, indicator.RecoverAfter AS recover_after,
       indicator.PerSecond AS per_second, indicator.CompareTo AS compare_to,
       indicator.DeviationUnit AS deviation_unit, indicator.DeviationSide AS deviation_side,
       indicator.WarningDeviation AS warning_deviation,
       indicator.CriticalDeviation AS critical_deviation,
       indicator.ForecastHours AS forecast_hours,
       baseline.BaselineAvgMs AS baseline_mean_ms, baseline.BaselineP95Ms AS baseline_p95_ms
  FROM monitoring.Indicators AS indicator
  LEFT JOIN monitoring.PerformanceBaselines AS baseline
    ON baseline.JobId = N'kpi:' + indicator.IndicatorName
 WHERE 1 = 1
   AND indicator.IndicatorId IN (                                                 -- when ids
           SELECT wanted.id                                                       -- when ids
             FROM OPENJSON(:ids) WITH (id uniqueidentifier '$') AS wanted)        -- when ids
   AND indicator.IndicatorName = :name                                           -- when name
;

-- name: connections
SELECT connection.ConnectionId AS connection_id, connection.ConnectionName AS name,
       connection.Provider AS provider, connection.Environment AS environment,
       connection.ConnectionString AS address, connection.IsEncrypted AS is_encrypted,
       connection.ConnectionTimeoutSeconds AS timeout_seconds,
       connection.CommandTimeoutSeconds AS command_timeout_seconds,
       connection.MaxParallel AS max_parallel, connection.IsEnabled AS is_enabled
  FROM monitoring.DatabaseConnections AS connection
 WHERE 1 = 1
   AND connection.ConnectionId IN (                                               -- when ids
           SELECT wanted.id                                                       -- when ids
             FROM OPENJSON(:ids) WITH (id uniqueidentifier '$') AS wanted)        -- when ids
   AND connection.ConnectionName = :name                                         -- when name
;

-- name: queries
SELECT query.QueryId AS query_id, query.SqlQuery AS sql_query,
       query.TimeoutSeconds AS timeout_seconds, query.ResultType AS result_type,
       query.Unit AS unit, query.ExpectedValue AS expected_value,
       query.ComparisonOperator AS comparison_operator,
       query.WarningThreshold AS warning_threshold,
       query.CriticalThreshold AS critical_threshold, query.OnEmpty AS on_empty,
       query.IsEnabled AS is_enabled
  FROM monitoring.DatabaseQueries AS query
 WHERE query.QueryId IN (
           SELECT wanted.id FROM OPENJSON(:ids) WITH (id uniqueidentifier '$') AS wanted);
