-- name: list
SELECT TOP (:limit) indicator.IndicatorId AS id, indicator.IndicatorName AS name,
       indicator.Description AS description, connection.ConnectionName AS connection,
       query.QueryName AS query, indicator.Schedule AS schedule,
       indicator.JitterSeconds AS jitter_seconds, indicator.Priority AS priority,
       indicator.MaxRetries AS max_retries, indicator.Owner AS owner, indicator.Tags AS tags,
       indicator.IsActive AS is_active, indicator.MaxConsecutive AS max_consecutive,
       indicator.RecoverAfter AS recover_after, indicator.PerSecond AS per_second,
       indicator.CompareTo AS compare_to, indicator.DeviationUnit AS deviation_unit,
       indicator.DeviationSide AS deviation_side,
       indicator.WarningDeviation AS warning_deviation,
       indicator.CriticalDeviation AS critical_deviation,
       indicator.ForecastHours AS forecast_hours, indicator.Version AS version,
       indicator.CreatedAt AS created_at, indicator.CreatedBy AS created_by,
       indicator.ModifiedAt AS modified_at, indicator.ModifiedBy AS modified_by
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = indicator.ConnectionId
 OUTER APPLY (                                                                     -- when status
           SELECT TOP (1) result.Status                                            -- when status
             FROM monitoring.DatabaseMonitoringResults AS result                   -- when status
            WHERE result.IndicatorId = indicator.IndicatorId                       -- when status
            ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest       -- when status
 WHERE 1 = 1
   AND indicator.IndicatorName = :name                                               -- when name
   AND connection.Environment = :environment                                  -- when environment
   AND connection.Provider = :provider                                           -- when provider
   AND CHARINDEX(N',' + :tag + N',',                                                  -- when tag
                 (N',' + indicator.Tags + N',') COLLATE Latin1_General_BIN2) > 0      -- when tag
   AND COALESCE(newest.Status, N'Unknown') = :status                               -- when status
   AND CASE WHEN indicator.IsActive = 1 AND connection.IsEnabled = 1              -- when enabled
             AND query.IsEnabled = 1 THEN 1 ELSE 0 END = :enabled                 -- when enabled
   AND connection.ConnectionName = :connection                                 -- when connection
   AND query.QueryName = :query                                                     -- when query
   AND indicator.IndicatorName > :after                                             -- when after
 ORDER BY indicator.IndicatorName;

-- name: add
DECLARE @actor nvarchar(100) = :actor;
INSERT INTO monitoring.Indicators
       (IndicatorName, Description, ConnectionId, QueryId, Schedule, JitterSeconds, Priority,
        MaxRetries, Owner, Tags, IsActive, MaxConsecutive, RecoverAfter, PerSecond, CompareTo,
        DeviationUnit, DeviationSide, WarningDeviation, CriticalDeviation, ForecastHours, Version,
        CreatedBy, ModifiedBy)
OUTPUT inserted.IndicatorName AS name
SELECT one.name, one.description, connection.ConnectionId, query.QueryId, one.schedule,
       one.jitter_seconds, one.priority, one.max_retries, one.owner, one.tags, one.is_active,
       one.max_consecutive, one.recover_after, one.per_second, one.compare_to,
       one.deviation_unit, one.deviation_side, one.warning_deviation, one.critical_deviation,
       one.forecast_hours, 1, @actor, @actor
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', description nvarchar(max) '$.description',
             connection_name nvarchar(100) '$.connection', query_name nvarchar(100) '$.query',
             schedule nvarchar(100) '$.schedule', jitter_seconds int '$.jitter_seconds',
             priority int '$.priority', max_retries int '$.max_retries',
             owner nvarchar(100) '$.owner', tags nvarchar(500) '$.tags',
             is_active bit '$.is_active', max_consecutive int '$.max_consecutive',
             recover_after int '$.recover_after', per_second bit '$.per_second',
             compare_to nvarchar(20) '$.compare_to',
             deviation_unit nvarchar(10) '$.deviation_unit',
             deviation_side nvarchar(10) '$.deviation_side',
             warning_deviation decimal(18, 4) '$.warning_deviation',
             critical_deviation decimal(18, 4) '$.critical_deviation',
             forecast_hours int '$.forecast_hours') AS one
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionName = one.connection_name
  JOIN monitoring.DatabaseQueries AS query ON query.QueryName = one.query_name
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.Indicators AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.IndicatorName = one.name);

-- name: replace
UPDATE monitoring.Indicators
   SET Description = one.description,
       ConnectionId = connection.ConnectionId,
       QueryId = query.QueryId,
       Schedule = one.schedule,
       JitterSeconds = one.jitter_seconds,
       Priority = one.priority,
       MaxRetries = one.max_retries,
       Owner = one.owner,
       Tags = one.tags,
       IsActive = one.is_active,
       MaxConsecutive = one.max_consecutive,
       RecoverAfter = one.recover_after,
       PerSecond = one.per_second,
       CompareTo = one.compare_to,
       DeviationUnit = one.deviation_unit,
       DeviationSide = one.deviation_side,
       WarningDeviation = one.warning_deviation,
       CriticalDeviation = one.critical_deviation,
       ForecastHours = one.forecast_hours,
       Version = Indicators.Version + 1,
       ModifiedAt = SYSUTCDATETIME(),
       ModifiedBy = :actor
OUTPUT inserted.IndicatorName AS name
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', known int '$.version',
             description nvarchar(max) '$.description',
             connection_name nvarchar(100) '$.connection', query_name nvarchar(100) '$.query',
             schedule nvarchar(100) '$.schedule', jitter_seconds int '$.jitter_seconds',
             priority int '$.priority', max_retries int '$.max_retries',
             owner nvarchar(100) '$.owner', tags nvarchar(500) '$.tags',
             is_active bit '$.is_active', max_consecutive int '$.max_consecutive',
             recover_after int '$.recover_after', per_second bit '$.per_second',
             compare_to nvarchar(20) '$.compare_to',
             deviation_unit nvarchar(10) '$.deviation_unit',
             deviation_side nvarchar(10) '$.deviation_side',
             warning_deviation decimal(18, 4) '$.warning_deviation',
             critical_deviation decimal(18, 4) '$.critical_deviation',
             forecast_hours int '$.forecast_hours') AS one
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionName = one.connection_name
  JOIN monitoring.DatabaseQueries AS query ON query.QueryName = one.query_name
 WHERE one.name = Indicators.IndicatorName
   AND one.known = Indicators.Version;

-- name: remove
-- What is left of its results goes with it.
DELETE FROM monitoring.Indicators
OUTPUT deleted.IndicatorName AS name
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', known int '$.version') AS one
 WHERE one.name = Indicators.IndicatorName
   AND one.known = Indicators.Version;

-- name: schedule_at
UPDATE indicator
   SET NextDueAt = one.due_at
  FROM monitoring.Indicators AS indicator
  JOIN OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', due_at datetimeoffset '$.due_at') AS one
    ON one.name = indicator.IndicatorName;
SELECT @@ROWCOUNT AS changed;

-- name: overview
-- Every KPI with its newest result.
SELECT TOP (:limit) indicator.IndicatorName AS name, indicator.Description AS description,
       CASE WHEN indicator.PerSecond = 1 THEN COALESCE(query.Unit, N'') + N'/s'
            ELSE query.Unit END AS unit, connection.ConnectionName AS connection,
       connection.Environment AS environment, connection.Provider AS provider,
       query.QueryName AS query, indicator.Schedule AS schedule, indicator.Priority AS priority,
       indicator.Owner AS owner, indicator.Tags AS tags, indicator.IsActive AS is_active,
       connection.IsEnabled AS is_connection_enabled, query.IsEnabled AS is_query_enabled,
       indicator.NextDueAt AS next_due_at, newest.Status AS status,
       newest.ValueNumber AS value_number, newest.ValueText AS value_text,
       newest.Message AS message, newest.ErrorType AS error_type,
       newest.ExecutedAt AS checked_at, newest.DurationMs AS duration_ms
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = indicator.ConnectionId
 OUTER APPLY (
           SELECT TOP (1) result.Status, result.ValueNumber, result.ValueText, result.Message,
                  result.ErrorType, result.ExecutedAt, result.DurationMs
             FROM monitoring.DatabaseMonitoringResults AS result
            WHERE result.IndicatorId = indicator.IndicatorId
            ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest
 WHERE 1 = 1
   AND indicator.IndicatorName = :name                                               -- when name
   AND connection.Environment = :environment                                  -- when environment
   AND connection.Provider = :provider                                           -- when provider
   AND CHARINDEX(N',' + :tag + N',',                                                  -- when tag
                 (N',' + indicator.Tags + N',') COLLATE Latin1_General_BIN2) > 0      -- when tag
   AND COALESCE(newest.Status, N'Unknown') = :status                               -- when status
   AND CASE WHEN indicator.IsActive = 1 AND connection.IsEnabled = 1              -- when enabled
             AND query.IsEnabled = 1 THEN 1 ELSE 0 END = :enabled                 -- when enabled
   AND connection.ConnectionName = :connection                                 -- when connection
   AND query.QueryName = :query                                                     -- when query
   AND indicator.IndicatorName > :after                                             -- when after
 ORDER BY indicator.IndicatorName;

-- name: summary
-- How many KPIs stand at which verdict, and how many are late by more than a minute. Those that
-- cannot have a value where they run are counted by themselves.
SELECT standing.status, COUNT(*) AS kpis, SUM(standing.overdue) AS overdue
  FROM (SELECT CASE WHEN newest.Status = N'Error' AND newest.ErrorType = N'not_available'
                    THEN N'NotAvailable'
                    ELSE COALESCE(newest.Status, N'Unknown') END AS status,
               CASE WHEN indicator.NextDueAt < DATEADD(second, -60, SYSUTCDATETIME())
                    THEN 1 ELSE 0 END AS overdue
          FROM monitoring.Indicators AS indicator
         OUTER APPLY (
                   SELECT TOP (1) result.Status, result.ErrorType
                     FROM monitoring.DatabaseMonitoringResults AS result
                    WHERE result.IndicatorId = indicator.IndicatorId
                    ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest
         WHERE indicator.IsActive = 1
           AND indicator.QueryId IS NOT NULL) AS standing
 GROUP BY standing.status;
