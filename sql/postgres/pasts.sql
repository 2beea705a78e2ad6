-- name: previous
-- The newest number that was no Error. After a long outage there is none among so many results, and
-- looking further would cost more and more.
SELECT newest.value, newest.at
  FROM (SELECT result.value_number AS value, result.executed_at AS at, result.result_id,
               coalesce(result.raw_status, result.status) AS verdict
          FROM monitoring.database_monitoring_results AS result
         WHERE result.indicator_id = :indicator_id
           AND result.executed_at <= :until
         ORDER BY result.executed_at DESC, result.result_id DESC
         LIMIT :bound) AS newest
 WHERE newest.value IS NOT NULL
   AND newest.verdict <> 'Error'
 ORDER BY newest.at DESC, newest.result_id DESC
 LIMIT 1;

-- name: previous_counter
-- The newest counter, whatever its verdict was.
SELECT newest.value, newest.at
  FROM (SELECT result.raw_number AS value, result.executed_at AS at, result.result_id
          FROM monitoring.database_monitoring_results AS result
         WHERE result.indicator_id = :indicator_id
           AND result.executed_at <= :until
         ORDER BY result.executed_at DESC, result.result_id DESC
         LIMIT :bound) AS newest
 WHERE newest.value IS NOT NULL
 ORDER BY newest.at DESC, newest.result_id DESC
 LIMIT 1;

-- name: nearest
-- The last number up to a time and the first after it, where they are near enough.
SELECT sooner.value, sooner.at
  FROM (SELECT result.value_number AS value, result.executed_at AS at
          FROM monitoring.database_monitoring_results AS result
         WHERE result.indicator_id = :indicator_id
           AND result.executed_at >= :earliest
           AND result.executed_at <= :at
           AND result.value_number IS NOT NULL
           AND coalesce(result.raw_status, result.status) <> 'Error'
         ORDER BY result.executed_at DESC, result.result_id DESC
         LIMIT 1) AS sooner
 UNION ALL
SELECT later.value, later.at
  FROM (SELECT result.value_number AS value, result.executed_at AS at
          FROM monitoring.database_monitoring_results AS result
         WHERE result.indicator_id = :indicator_id
           AND result.executed_at > :at
           AND result.executed_at <= :latest
           AND result.value_number IS NOT NULL
           AND coalesce(result.raw_status, result.status) <> 'Error'
         ORDER BY result.executed_at, result.result_id
         LIMIT 1) AS later;

-- name: samples
-- The first number of each span: one look into the index for each, however many results there are.
-- :starts is a JSON list of times.
SELECT first.value, first.at
  FROM json_array_elements_text(:starts::json) AS span (starts_at)
 CROSS JOIN LATERAL (
           SELECT result.value_number AS value, result.executed_at AS at
             FROM monitoring.database_monitoring_results AS result
            WHERE result.indicator_id = :indicator_id
              AND result.executed_at >= CAST(span.starts_at AS timestamptz)
              AND result.executed_at < CAST(span.starts_at AS timestamptz)
                                       + :milliseconds * interval '1 millisecond'
              AND result.value_number IS NOT NULL
              AND coalesce(result.raw_status, result.status) <> 'Error'
            ORDER BY result.executed_at, result.result_id
            LIMIT 1) AS first
 ORDER BY first.at;

-- name: verdicts
-- The newest slots of a KPI, by the index of its slots: runs by hand have none.
SELECT result.status, coalesce(result.raw_status, result.status) AS raw_status
  FROM monitoring.database_monitoring_results AS result
 WHERE result.indicator_id = :indicator_id
   AND result.slot_at IS NOT NULL
   AND result.slot_at < :before                                                -- when before
 ORDER BY result.slot_at DESC
 LIMIT :limit;
