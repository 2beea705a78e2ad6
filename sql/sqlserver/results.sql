-- name: add
-- At most one result for each slot of a KPI: a second one is not stored. A number that is too big
-- for its column is kept as text; one with too many digits loses some behind the point.
DECLARE @indicator uniqueidentifier = :indicator_id, @slot_at datetime2(7) = :slot_at,
        @number nvarchar(max) = :value_number, @text nvarchar(max) = :value_text,
        @value decimal(38, 10);
SET @value = COALESCE(TRY_CAST(@number AS decimal(38, 10)),
                      TRY_CAST(TRY_CAST(@number AS float) AS decimal(38, 10)));
INSERT INTO monitoring.DatabaseMonitoringResults
       (IndicatorId, SlotAt, ExecutedAt, Status, ValueNumber, ValueText, Message, ErrorType,
        DurationMs, Details, Environment, Provider, WorkerInstanceId)
SELECT @indicator, @slot_at, :executed_at, :status, @value,
       CASE WHEN @value IS NULL THEN COALESCE(@number, @text) END, :message, :error_type,
       :duration_ms, :details, :environment, :provider,
       CAST(:worker_instance_id AS uniqueidentifier)
 WHERE @slot_at IS NULL
    OR NOT EXISTS (SELECT 1 FROM monitoring.DatabaseMonitoringResults WITH (UPDLOCK, SERIALIZABLE)
                    WHERE IndicatorId = @indicator AND SlotAt = @slot_at);
SELECT @@ROWCOUNT AS changed;

-- name: history
-- Where a page begins is looked up again by its id: a time that has been outside the database has
-- lost its last digit.
DECLARE @before_at datetime2(7) = :before_at, @before_id bigint = :before_id;   -- when before_at
SELECT @before_at = ExecutedAt FROM monitoring.DatabaseMonitoringResults        -- when before_at
 WHERE ResultId = @before_id;                                                   -- when before_at
SELECT TOP (:limit) result.ResultId AS result_id, result.SlotAt AS slot_at,
       result.ExecutedAt AS checked_at, result.Status AS status,
       result.ValueNumber AS value_number, result.ValueText AS value_text,
       result.Message AS message, result.ErrorType AS error_type,
       result.DurationMs AS duration_ms, result.Details AS details,
       result.Environment AS environment, result.Provider AS provider
  FROM monitoring.DatabaseMonitoringResults AS result
  JOIN monitoring.Indicators AS indicator ON indicator.IndicatorId = result.IndicatorId
 WHERE indicator.IndicatorName = :name
   AND result.ExecutedAt >= DATEADD(hour, -:hours, SYSUTCDATETIME())             -- when hours
   AND result.ExecutedAt <= @before_at                                         -- when before_at
   AND (result.ExecutedAt < @before_at OR result.ResultId < @before_id)        -- when before_at
 ORDER BY result.ExecutedAt DESC, result.ResultId DESC;

-- name: not_healthy
-- What was found bad on some connections between two times, newest first, at most so many of each
-- KPI. A check that cannot be run on such a server found nothing.
SELECT TOP (:limit) indicator.IndicatorName AS name, connection.ConnectionName AS connection,
       bad.Status AS status, bad.ValueNumber AS value_number, bad.ValueText AS value_text,
       query.Unit AS unit, bad.ExecutedAt AS checked_at, bad.Message AS message
  FROM monitoring.DatabaseConnections AS connection
  JOIN monitoring.Indicators AS indicator ON indicator.ConnectionId = connection.ConnectionId
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
 CROSS APPLY (
           SELECT TOP (:limit_each) result.Status, result.ValueNumber, result.ValueText,
                  result.Message, result.ExecutedAt
             FROM monitoring.DatabaseMonitoringResults AS result
            WHERE result.IndicatorId = indicator.IndicatorId
              AND result.ExecutedAt >= :since
              AND result.ExecutedAt <= :until
              AND result.Status <> N'Healthy'
              AND COALESCE(result.ErrorType, N'') <> N'not_available'
            ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS bad
 WHERE connection.ConnectionName IN (SELECT chosen.value FROM OPENJSON(:connections)
                                     WITH (value nvarchar(100) '$') AS chosen)
 ORDER BY bad.ExecutedAt DESC, indicator.IndicatorName;
