-- name: previous
-- The newest number that was no Error. After a long outage there is none among so many results, and
-- looking further would cost more and more.
SELECT TOP (1) newest.value, newest.at
  FROM (SELECT TOP (:bound) result.ValueNumber AS value, result.ExecutedAt AS at, result.ResultId,
               COALESCE(result.RawStatus, result.Status) AS verdict
          FROM monitoring.DatabaseMonitoringResults AS result
         WHERE result.IndicatorId = CAST(:indicator_id AS uniqueidentifier)
           AND result.ExecutedAt <= :until
         ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest
 WHERE newest.value IS NOT NULL
   AND newest.verdict <> N'Error'
 ORDER BY newest.at DESC, newest.ResultId DESC;

-- name: previous_counter
-- The newest counter, whatever its verdict was.
SELECT TOP (1) newest.value, newest.at
  FROM (SELECT TOP (:bound) result.RawNumber AS value, result.ExecutedAt AS at, result.ResultId
          FROM monitoring.DatabaseMonitoringResults AS result
         WHERE result.IndicatorId = CAST(:indicator_id AS uniqueidentifier)
           AND result.ExecutedAt <= :until
         ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest
 WHERE newest.value IS NOT NULL
 ORDER BY newest.at DESC, newest.ResultId DESC;

-- name: nearest
-- The last number up to a time and the first after it, where they are near enough.
DECLARE @indicator uniqueidentifier = :indicator_id, @at datetime2(7) = :at,
        @earliest datetime2(7) = :earliest, @latest datetime2(7) = :latest;
SELECT sooner.value, sooner.at
  FROM (SELECT TOP (1) result.ValueNumber AS value, result.ExecutedAt AS at
          FROM monitoring.DatabaseMonitoringResults AS result
         WHERE result.IndicatorId = @indicator
           AND result.ExecutedAt >= @earliest
           AND result.ExecutedAt <= @at
           AND result.ValueNumber IS NOT NULL
           AND COALESCE(result.RawStatus, result.Status) <> N'Error'
         ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS sooner
 UNION ALL
SELECT later.value, later.at
  FROM (SELECT TOP (1) result.ValueNumber AS value, result.ExecutedAt AS at
          FROM monitoring.DatabaseMonitoringResults AS result
         WHERE result.IndicatorId = @indicator
           AND result.ExecutedAt > @at
           AND result.ExecutedAt <= @latest
           AND result.ValueNumber IS NOT NULL
           AND COALESCE(result.RawStatus, result.Status) <> N'Error'
         ORDER BY result.ExecutedAt, result.ResultId) AS later;

-- name: samples
-- The first number of each span: one look into the index for each, however many results there are.
-- :starts is a JSON list of times.
DECLARE @indicator uniqueidentifier = :indicator_id, @milliseconds int = :milliseconds;
SELECT found.value, found.at
  FROM (SELECT CAST(listed.starts_at AS datetime2(7)) AS starts_at
          FROM OPENJSON(:starts) WITH (starts_at datetimeoffset '$') AS listed) AS span
 CROSS APPLY (
           SELECT TOP (1) result.ValueNumber AS value, result.ExecutedAt AS at
             FROM monitoring.DatabaseMonitoringResults AS result
            WHERE result.IndicatorId = @indicator
              AND result.ExecutedAt >= span.starts_at
              AND result.ExecutedAt < DATEADD(millisecond, @milliseconds, span.starts_at)
              AND result.ValueNumber IS NOT NULL
              AND COALESCE(result.RawStatus, result.Status) <> N'Error'
            ORDER BY result.ExecutedAt, result.ResultId) AS found
 ORDER BY found.at;

-- name: verdicts
-- The newest slots of a KPI, by the index of its slots: runs by hand have none.
SELECT TOP (:limit) result.Status AS status,
       COALESCE(result.RawStatus, result.Status) AS raw_status
  FROM monitoring.DatabaseMonitoringResults AS result
 WHERE result.IndicatorId = CAST(:indicator_id AS uniqueidentifier)
   AND result.SlotAt IS NOT NULL
   AND result.SlotAt < :before                                                 -- when before
 ORDER BY result.SlotAt DESC;
