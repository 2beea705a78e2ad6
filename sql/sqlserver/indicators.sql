-- name: claim
-- Take what is due, most urgent first, for as long as each may run and no longer. Whoever claims at
-- the same time passes over the rows that are locked here; that a row is still due when it is
-- updated is asked once more, for a server that takes the hints as mere advice.
DECLARE @lease uniqueidentifier = :lease_id, @limit int = :limit, @timeout int = :timeout_seconds,
        @margin int = :margin_seconds, @now datetime2(7) = SYSUTCDATETIME();
UPDATE monitoring.Indicators WITH (ROWLOCK, READPAST)
   SET LeaseId = @lease,
       LeasedUntil = DATEADD(second,
                             CASE WHEN query.TimeoutSeconds < @timeout THEN query.TimeoutSeconds
                                  ELSE @timeout END
                             + connection.ConnectionTimeoutSeconds + @margin, @now)
OUTPUT inserted.IndicatorId AS indicator_id, inserted.IndicatorName AS name,
       inserted.Schedule AS schedule, inserted.NextDueAt AS slot_at,
       inserted.LeaseId AS lease_id, @now AS claimed_at,
       connection.ConnectionName AS connection_name, connection.Provider AS provider,
       connection.Environment AS environment, connection.ConnectionString AS connection_string,
       connection.IsEncrypted AS is_encrypted,
       connection.ConnectionTimeoutSeconds AS connection_timeout_seconds,
       query.SqlQuery AS sql_query, query.ResultType AS result_type, query.Unit AS unit,
       query.ExpectedValue AS expected_value, query.ComparisonOperator AS comparison_operator,
       query.WarningThreshold AS warning_threshold, query.CriticalThreshold AS critical_threshold,
       query.OnEmpty AS on_empty, query.TimeoutSeconds AS timeout_seconds
  FROM monitoring.DatabaseQueries AS query, monitoring.DatabaseConnections AS connection
 WHERE query.QueryId = Indicators.QueryId
   AND connection.ConnectionId = Indicators.ConnectionId
   AND Indicators.NextDueAt <= @now
   AND (Indicators.LeasedUntil IS NULL OR Indicators.LeasedUntil < @now)
   AND Indicators.IndicatorId IN (
           SELECT TOP (@limit) due.IndicatorId
             FROM monitoring.Indicators AS due WITH (UPDLOCK, READPAST, ROWLOCK)
             JOIN monitoring.DatabaseQueries AS q ON q.QueryId = due.QueryId
             JOIN monitoring.DatabaseConnections AS c ON c.ConnectionId = due.ConnectionId
            WHERE due.NextDueAt <= @now
              AND (due.LeasedUntil IS NULL OR due.LeasedUntil < @now)
              AND q.IsEnabled = 1 AND c.IsEnabled = 1
              AND due.IsActive = 1                                        -- when active_only
            ORDER BY due.Priority, due.NextDueAt);

-- name: find
-- One KPI as it would run now, by its name, whatever its state.
SELECT indicator.IndicatorId AS indicator_id, indicator.IndicatorName AS name,
       indicator.Schedule AS schedule, CAST(NULL AS datetime2(7)) AS slot_at,
       CAST(NULL AS uniqueidentifier) AS lease_id, SYSUTCDATETIME() AS claimed_at,
       connection.ConnectionName AS connection_name, connection.Provider AS provider,
       connection.Environment AS environment, connection.ConnectionString AS connection_string,
       connection.IsEncrypted AS is_encrypted,
       connection.ConnectionTimeoutSeconds AS connection_timeout_seconds,
       query.SqlQuery AS sql_query, query.ResultType AS result_type, query.Unit AS unit,
       query.ExpectedValue AS expected_value, query.ComparisonOperator AS comparison_operator,
       query.WarningThreshold AS warning_threshold, query.CriticalThreshold AS critical_threshold,
       query.OnEmpty AS on_empty, query.TimeoutSeconds AS timeout_seconds
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = indicator.ConnectionId
 WHERE indicator.IndicatorName = :name;

-- name: release
-- Give a lease back with the next slot. No row: the lease had ended and someone else has it.
UPDATE monitoring.Indicators
   SET NextDueAt = :next_due_at, LeaseId = NULL, LeasedUntil = NULL
 WHERE IndicatorId = CAST(:indicator_id AS uniqueidentifier)
   AND LeaseId = CAST(:lease_id AS uniqueidentifier);
SELECT @@ROWCOUNT AS changed;

-- name: overview
-- Every KPI with its newest result.
SELECT page.IndicatorName AS name, page.Description AS description, query.Unit AS unit,
       connection.ConnectionName AS connection, page.Schedule AS schedule,
       page.Priority AS priority, page.Owner AS owner, page.IsActive AS is_active,
       page.NextDueAt AS next_due_at, newest.Status AS status,
       newest.ValueNumber AS value_number, newest.ValueText AS value_text,
       newest.Message AS message, newest.ErrorType AS error_type,
       newest.ExecutedAt AS checked_at, newest.DurationMs AS duration_ms
  FROM (SELECT TOP (:limit) indicator.IndicatorId, indicator.IndicatorName,
               indicator.Description, indicator.QueryId, indicator.ConnectionId,
               indicator.Schedule, indicator.Priority, indicator.Owner, indicator.IsActive,
               indicator.NextDueAt
          FROM monitoring.Indicators AS indicator
         WHERE indicator.QueryId IS NOT NULL
           AND indicator.IndicatorName = :name                                   -- when name
           AND indicator.IndicatorName > :after                                 -- when after
         ORDER BY indicator.IndicatorName) AS page
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = page.QueryId
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = page.ConnectionId
 OUTER APPLY (
           SELECT TOP (1) result.Status, result.ValueNumber, result.ValueText, result.Message,
                  result.ErrorType, result.ExecutedAt, result.DurationMs
             FROM monitoring.DatabaseMonitoringResults AS result
            WHERE result.IndicatorId = page.IndicatorId
            ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest
 ORDER BY page.IndicatorName;

-- name: add
-- A KPI with its query, where no KPI and no query has its name yet.
DECLARE @name nvarchar(100) = :name, @actor nvarchar(100) = :actor,
        @description nvarchar(max) = :description, @query uniqueidentifier = NEWID(),
        @added int = 0;
BEGIN TRANSACTION;
INSERT INTO monitoring.DatabaseQueries
       (QueryId, QueryName, QueryType, Description, SqlQuery, ResultType, Unit, ExpectedValue,
        ComparisonOperator, WarningThreshold, CriticalThreshold, OnEmpty, TimeoutSeconds,
        CreatedBy, ModifiedBy)
SELECT @query, @name, :query_type, @description, :sql_query, :result_type, :unit,
       :expected_value, :comparison_operator, CAST(:warning_threshold AS decimal(18, 4)),
       CAST(:critical_threshold AS decimal(18, 4)), :on_empty, :timeout_seconds, @actor, @actor
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.DatabaseQueries WITH (UPDLOCK, SERIALIZABLE)
                    WHERE QueryName = @name);
IF @@ROWCOUNT = 1
BEGIN
    INSERT INTO monitoring.Indicators
           (IndicatorName, Description, ConnectionId, QueryId, Schedule, Priority, Owner,
            CreatedBy, ModifiedBy)
    SELECT @name, @description, connection.ConnectionId, @query, :schedule, :priority, :owner,
           @actor, @actor
      FROM monitoring.DatabaseConnections AS connection
     WHERE connection.ConnectionName = :connection_name
       AND NOT EXISTS (SELECT 1 FROM monitoring.Indicators WITH (UPDLOCK, SERIALIZABLE)
                        WHERE IndicatorName = @name);
    SET @added = @@ROWCOUNT;
END;
COMMIT TRANSACTION;
SELECT @added AS changed;

-- name: add_connection
DECLARE @name nvarchar(100) = :name, @actor nvarchar(100) = :actor;
INSERT INTO monitoring.DatabaseConnections
       (ConnectionName, Provider, ConnectionString, Environment, CreatedBy, ModifiedBy)
SELECT @name, :provider, :connection_string, :environment, @actor, @actor
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.DatabaseConnections WITH (UPDLOCK, SERIALIZABLE)
                    WHERE ConnectionName = @name);
SELECT @@ROWCOUNT AS changed;

-- name: summary
-- How many KPIs stand at which verdict, and how many are late by more than a minute. Those that
-- cannot have a value where they run are counted by themselves.
SELECT standing.status, COUNT(*) AS kpis, SUM(standing.overdue) AS overdue
  FROM (SELECT CASE WHEN newest.ErrorType = N'not_available' THEN N'NotAvailable'
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
