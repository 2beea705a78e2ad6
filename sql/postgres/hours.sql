-- Results by the hour. What is rolled up and rolled_until change in one transaction: who reads sees
-- each result once, as one of an hour or by itself.

-- name: unrolled
-- The first hour that is over, has results, and is to be rolled up: from :since on, or else from an
-- hour before what was rolled up, since late results may have come for that one.
SELECT CAST((SELECT date_trunc('hour', min(result.executed_at), 'UTC')
               FROM monitoring.database_monitoring_results AS result
              WHERE result.executed_at >= :since                                      -- when since
              WHERE result.executed_at >= rollup.rolled_until - interval '1 hour' -- when not since
                AND result.executed_at < date_trunc('hour', now(), 'UTC')) AS timestamptz) AS hour,
       date_trunc('hour', now(), 'UTC') AS until
  FROM monitoring.monitoring_rollup AS rollup;

-- name: remove
DELETE FROM monitoring.database_monitoring_hours AS hour
 WHERE hour.hour_at = :hour;

-- name: add
-- Of values that are no number in the strict sense (NaN, infinity), only the verdict counts.
INSERT INTO monitoring.database_monitoring_hours
       (indicator_id, hour_at, checks, healthy, warning, critical, error, duration_ms, value_count,
        value_min, value_max, value_sum)
SELECT result.indicator_id, CAST(:hour AS timestamptz), count(*),
       count(*) FILTER (WHERE result.status = 'Healthy'),
       count(*) FILTER (WHERE result.status = 'Warning'),
       count(*) FILTER (WHERE result.status = 'Critical'),
       count(*) FILTER (WHERE result.status = 'Error'),
       sum(result.duration_ms),
       count(result.number), min(result.number), max(result.number), sum(result.number)
  FROM (SELECT one.indicator_id, one.status, one.duration_ms,
               CASE WHEN one.value_number - one.value_number = 0 THEN one.value_number END AS number
          FROM monitoring.database_monitoring_results AS one
         WHERE one.executed_at >= :hour
           AND one.executed_at < CAST(:hour AS timestamptz) + interval '1 hour') AS result
 GROUP BY result.indicator_id;

-- name: close
-- Everything before :until is rolled up.
UPDATE monitoring.monitoring_rollup AS rollup
   SET rolled_until = :until
 WHERE rollup.rolled_until < :until;
