-- Databases, processes, and values over time.

-- name: databases
-- The page is cut before anything is counted for it.
SELECT summary.connection_name AS name, summary.provider, summary.environment, page.tags,
       summary.is_enabled, summary.last_check_at AS checked_at, summary.last_status AS status,
       summary.checks_7d, summary.healthy_7d, summary.warning_7d, summary.critical_7d, summary.error_7d,
       summary.success_rate_7d AS healthy_percent_7d, summary.mean_duration_ms_7d
  FROM (SELECT connection.connection_id, connection.connection_name, connection.tags
          FROM monitoring.database_connections AS connection
         WHERE TRUE
           AND connection.environment = :environment                            -- when environment
           AND connection.provider = :provider                                     -- when provider
           AND connection.is_enabled = :enabled                                     -- when enabled
           AND strpos(',' || connection.tags || ',', ',' || :tag || ',') > 0            -- when tag
           AND connection.connection_name > :after                                    -- when after
         ORDER BY connection.connection_name
         LIMIT :limit) AS page
  JOIN monitoring.vw_database_monitoring_summary AS summary
    ON summary.connection_id = page.connection_id
 ORDER BY page.connection_name;

-- name: workers
SELECT worker.worker_instance_id, worker.worker_name, worker.machine_name, worker.process_id,
       worker.version, worker.environment, worker.status, worker.started_at, worker.last_heartbeat,
       worker.seconds_since_heartbeat AS age_seconds, worker.health_status AS state,
       worker.running_jobs, worker.queued_jobs
  FROM monitoring.vw_worker_status_overview AS worker
 WHERE TRUE
   AND worker.environment = :environment                                        -- when environment
   AND worker.status = ANY (:statuses)                                             -- when statuses
   AND worker.health_status = ANY (:states)                                          -- when states
   AND worker.started_at <= :before_at                                            -- when before_at
   AND (worker.started_at < :before_at                                            -- when before_at
        OR worker.worker_instance_id > CAST(:before_id AS uuid))                  -- when before_at
 ORDER BY worker.started_at DESC, worker.worker_instance_id
 LIMIT :limit;

-- name: worker
SELECT worker.worker_instance_id
  FROM monitoring.worker_instances AS worker
 WHERE worker.worker_instance_id = CAST(:worker_instance_id AS uuid);

-- name: series
-- A KPI's results in buckets of so many seconds, counted from 1970 on. One row without a bucket
-- where there are no results, no row where there is no such KPI.
SELECT span.unit, span.since, span.until, to_timestamp(bucket.number * :seconds) AS at,
       bucket.checks, bucket.worst, bucket.value_count, bucket.value_min, bucket.value_max,
       bucket.value_sum
  FROM (SELECT indicator.indicator_id, query.unit, now() AS until,
               to_timestamp(CAST(floor(extract(epoch FROM now() - make_interval(hours => :hours)))
                                 AS bigint) / :seconds * :seconds) AS since
          FROM monitoring.indicators AS indicator
          JOIN monitoring.database_queries AS query USING (query_id)
         WHERE indicator.indicator_name = :name) AS span
  LEFT JOIN LATERAL (
           SELECT result.number, count(*) AS checks, max(result.verdict) AS worst,
                  count(result.value) AS value_count, min(result.value) AS value_min,
                  max(result.value) AS value_max, sum(result.value) AS value_sum
             FROM (SELECT CAST(floor(extract(epoch FROM one.executed_at)) AS bigint) / :seconds
                              AS number,
                          CASE one.status WHEN 'Healthy' THEN 1 WHEN 'Warning' THEN 2
                                          WHEN 'Critical' THEN 3 ELSE 4 END AS verdict,
                          CASE WHEN one.value_number - one.value_number = 0
                               THEN one.value_number END AS value
                     FROM monitoring.database_monitoring_results AS one
                    WHERE one.indicator_id = span.indicator_id
                      AND one.executed_at >= span.since) AS result
            GROUP BY result.number) AS bucket ON true
 ORDER BY bucket.number;

-- name: long_series
-- The same in buckets of whole hours, from what is rolled up and the results since.
SELECT span.unit, span.since, span.until, to_timestamp(bucket.number * :seconds) AS at,
       bucket.checks, bucket.worst, bucket.value_count, bucket.value_min, bucket.value_max,
       bucket.value_sum
  FROM (SELECT indicator.indicator_id, query.unit, now() AS until, rollup.rolled_until,
               to_timestamp(CAST(floor(extract(epoch FROM now() - make_interval(hours => :hours)))
                                 AS bigint) / :seconds * :seconds) AS since
          FROM monitoring.indicators AS indicator
          JOIN monitoring.database_queries AS query USING (query_id)
         CROSS JOIN monitoring.monitoring_rollup AS rollup
         WHERE indicator.indicator_name = :name) AS span
  LEFT JOIN LATERAL (
           SELECT part.number, CAST(sum(part.checks) AS bigint) AS checks,
                  max(part.verdict) AS worst, CAST(sum(part.value_count) AS bigint) AS value_count,
                  min(part.value_min) AS value_min, max(part.value_max) AS value_max,
                  sum(part.value_sum) AS value_sum
             FROM (SELECT CAST(floor(extract(epoch FROM hour.hour_at)) AS bigint) / :seconds
                              AS number,
                          hour.checks,
                          CASE WHEN hour.error > 0 THEN 4 WHEN hour.critical > 0 THEN 3
                               WHEN hour.warning > 0 THEN 2 ELSE 1 END AS verdict,
                          hour.value_count, hour.value_min, hour.value_max, hour.value_sum
                     FROM monitoring.database_monitoring_hours AS hour
                    WHERE hour.indicator_id = span.indicator_id
                      AND hour.hour_at >= span.since
                      AND hour.hour_at < span.rolled_until
                    UNION ALL
                   SELECT result.number, 1, result.verdict,
                          CASE WHEN result.value IS NULL THEN 0 ELSE 1 END,
                          result.value, result.value, result.value
                     FROM (SELECT CAST(floor(extract(epoch FROM one.executed_at)) AS bigint)
                                      / :seconds AS number,
                                  CASE one.status WHEN 'Healthy' THEN 1 WHEN 'Warning' THEN 2
                                                  WHEN 'Critical' THEN 3 ELSE 4 END AS verdict,
                                  CASE WHEN one.value_number - one.value_number = 0
                                       THEN one.value_number END AS value
                             FROM monitoring.database_monitoring_results AS one
                            WHERE one.indicator_id = span.indicator_id
                              AND one.executed_at >= span.since
                              AND one.executed_at >= span.rolled_until) AS result) AS part
            GROUP BY part.number) AS bucket ON true
 ORDER BY bucket.number;
