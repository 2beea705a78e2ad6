-- Results by the hour. What is rolled up and RolledUntil change in one transaction: who reads sees
-- each result once, as one of an hour or by itself.

-- name: unrolled
-- The first hour that is over, has results, and is to be rolled up: from :since on, or else from an
-- hour before what was rolled up, since late results may have come for that one.
DECLARE @zero datetime2(7) = '20000101';
DECLARE @until datetime2(7) = DATEADD(hour, DATEDIFF(hour, @zero, SYSUTCDATETIME()), @zero);
SELECT (SELECT DATEADD(hour, DATEDIFF(hour, @zero, MIN(result.ExecutedAt)), @zero)
          FROM monitoring.DatabaseMonitoringResults AS result
         WHERE result.ExecutedAt < @until
           AND result.ExecutedAt >= :since                                            -- when since
           AND result.ExecutedAt >= DATEADD(hour, -1, done.RolledUntil)           -- when not since
       ) AS hour,
       @until AS until
  FROM monitoring.MonitoringRollup AS done;

-- name: remove
DELETE FROM monitoring.DatabaseMonitoringHours
 WHERE HourAt = :hour;
SELECT @@ROWCOUNT AS changed;

-- name: add
-- A sum that is too big for its column is the biggest that it takes; one of very big numbers has the
-- first fifteen of its digits.
DECLARE @hour datetime2(7) = :hour, @small decimal(38, 10) = 100000000000000000,
        @most decimal(38, 10) = 9000000000000000000000000000;
INSERT INTO monitoring.DatabaseMonitoringHours
       (IndicatorId, HourAt, Checks, Healthy, Warning, Critical, Error, DurationMs, ValueCount,
        ValueMin, ValueMax, ValueSum)
SELECT counted.IndicatorId, @hour, counted.checks, counted.healthy, counted.warning,
       counted.critical, counted.error, counted.duration_ms, counted.value_count,
       counted.value_min, counted.value_max,
       CASE WHEN counted.big_values = 0 THEN counted.small_sum
            WHEN counted.rough_sum >= @most THEN @most
            WHEN counted.rough_sum <= -@most THEN -@most
            ELSE CAST(counted.rough_sum AS decimal(38, 10)) END
  FROM (SELECT result.IndicatorId, COUNT(*) AS checks,
               SUM(CASE WHEN result.Status = N'Healthy' THEN 1 ELSE 0 END) AS healthy,
               SUM(CASE WHEN result.Status = N'Warning' THEN 1 ELSE 0 END) AS warning,
               SUM(CASE WHEN result.Status = N'Critical' THEN 1 ELSE 0 END) AS critical,
               SUM(CASE WHEN result.Status = N'Error' THEN 1 ELSE 0 END) AS error,
               SUM(result.DurationMs) AS duration_ms, COUNT(result.ValueNumber) AS value_count,
               MIN(result.ValueNumber) AS value_min, MAX(result.ValueNumber) AS value_max,
               SUM(CASE WHEN ABS(result.ValueNumber) < @small THEN result.ValueNumber END)
                   AS small_sum,
               SUM(CASE WHEN ABS(result.ValueNumber) >= @small THEN 1 ELSE 0 END) AS big_values,
               SUM(CAST(result.ValueNumber AS float)) AS rough_sum
          FROM monitoring.DatabaseMonitoringResults AS result
         WHERE result.ExecutedAt >= @hour
           AND result.ExecutedAt < DATEADD(hour, 1, @hour)
         GROUP BY result.IndicatorId) AS counted;
SELECT @@ROWCOUNT AS changed;

-- name: close
-- Everything before :until is rolled up.
DECLARE @until datetime2(7) = :until;
UPDATE monitoring.MonitoringRollup
   SET RolledUntil = @until
 WHERE RolledUntil < @until;
SELECT @@ROWCOUNT AS changed;
