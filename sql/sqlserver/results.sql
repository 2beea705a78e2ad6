-- name: add
-- At most one result for each slot of a KPI: a second one is not stored, nor one of a KPI that is
-- gone. A number that is too big for its column is kept as text, or not at all where it is a
-- counter; one with too many digits loses some behind the point.
DECLARE @worker uniqueidentifier = :worker_instance_id;
INSERT INTO monitoring.DatabaseMonitoringResults
       (IndicatorId, SlotAt, ExecutedAt, Status, RawStatus, ValueNumber, ValueText, RawNumber,
        Message, ErrorType, DurationMs, Details, Environment, Provider, WorkerInstanceId)
SELECT result.indicator_id, result.slot_at, result.executed_at, result.status, result.raw_status,
       result.number,
       CASE WHEN result.number IS NULL THEN COALESCE(result.value_number, result.value_text) END,
       result.counter, result.message, result.error_type, result.duration_ms, result.details,
       result.environment, result.provider, @worker
  FROM (SELECT one.indicator_id, CAST(one.slot_at AS datetime2(7)) AS slot_at,
               CAST(one.executed_at AS datetime2(7)) AS executed_at, one.status, one.raw_status,
               one.value_number, one.value_text,
               COALESCE(TRY_CAST(one.value_number AS decimal(38, 10)),
                        TRY_CAST(TRY_CAST(one.value_number AS float) AS decimal(38, 10)))
                   AS number,
               COALESCE(TRY_CAST(one.raw_number AS decimal(38, 10)),
                        TRY_CAST(TRY_CAST(one.raw_number AS float) AS decimal(38, 10)))
                   AS counter,
               one.message, one.error_type, one.duration_ms, one.details, one.environment,
               one.provider,
               ROW_NUMBER() OVER (PARTITION BY one.indicator_id, one.slot_at
                                      ORDER BY one.executed_at) AS place
          FROM OPENJSON(:results)
               WITH (indicator_id uniqueidentifier '$.indicator_id',
                     slot_at datetimeoffset '$.slot_at',
                     executed_at datetimeoffset '$.executed_at', status nvarchar(20) '$.status',
                     raw_status nvarchar(20) '$.raw_status',
                     value_number nvarchar(max) '$.value_number',
                     value_text nvarchar(max) '$.value_text',
                     raw_number nvarchar(max) '$.raw_number', message nvarchar(max) '$.message',
                     error_type nvarchar(50) '$.error_type', duration_ms float '$.duration_ms',
                     details nvarchar(max) '$.details' AS JSON,
                     environment nvarchar(50) '$.environment',
                     provider nvarchar(50) '$.provider') AS one) AS result
 WHERE EXISTS (SELECT 1 FROM monitoring.Indicators AS indicator
                WHERE indicator.IndicatorId = result.indicator_id)
   AND (result.slot_at IS NULL
        OR result.place = 1
           AND NOT EXISTS (
                   SELECT 1
                     FROM monitoring.DatabaseMonitoringResults AS there
                          WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.IndicatorId = result.indicator_id
                      AND there.SlotAt = result.slot_at
                      AND there.SlotAt IS NOT NULL));
SELECT @@ROWCOUNT AS changed;

-- name: remove_of
DELETE TOP (:batch) FROM monitoring.DatabaseMonitoringResults
 WHERE IndicatorId = CAST(:indicator_id AS uniqueidentifier);
SELECT @@ROWCOUNT AS changed;

-- name: history
-- `bad` where the status is another than Healthy: there is an index of those alone. Where a page
-- begins is looked up again by its id: a time that has been outside the database has lost its last
-- digit.
DECLARE @before_at datetime2(7) = :before_at, @before_id bigint = :before_id;   -- when before_at
SELECT @before_at = ExecutedAt FROM monitoring.DatabaseMonitoringResults        -- when before_at
 WHERE ResultId = @before_id;                                                   -- when before_at
SELECT TOP (:limit) result.ResultId AS result_id, result.SlotAt AS slot_at,
       result.ExecutedAt AS checked_at, result.Status AS status,
       COALESCE(result.RawStatus, result.Status) AS raw_status,
       result.ValueNumber AS value_number, result.ValueText AS value_text,
       result.Message AS message, result.ErrorType AS error_type,
       result.DurationMs AS duration_ms, result.Details AS details,
       result.Environment AS environment, result.Provider AS provider
  FROM monitoring.DatabaseMonitoringResults AS result
  JOIN monitoring.Indicators AS indicator ON indicator.IndicatorId = result.IndicatorId
 WHERE indicator.IndicatorName = :name
   AND result.Status = :status                                                   -- when status
   AND result.Status <> N'Healthy'                                                  -- when bad
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
