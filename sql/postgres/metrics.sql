-- name: count
-- Executions of jobs: counters, durations in ms, and when each last went well or badly. In the order
-- of their ids, so that two who count the same jobs at once wait for each other and never in a circle.
INSERT INTO monitoring.job_metrics AS job
       (job_id, total_executions, success_count, failure_count, total_duration_ms,
        min_duration_ms, max_duration_ms, last_execution_at, last_success_at, last_failure_at,
        metadata)
SELECT one.job_id, one.successes + one.failures, one.successes, one.failures,
       one.total_duration_ms, one.min_duration_ms, one.max_duration_ms,
       greatest(
           statement_timestamp() - one.success_age_seconds * interval '1 second',
           statement_timestamp() - one.failure_age_seconds * interval '1 second'),
       statement_timestamp() - one.success_age_seconds * interval '1 second',
       statement_timestamp() - one.failure_age_seconds * interval '1 second',
       one.metadata::jsonb
  FROM json_to_recordset(:runs::json)
       AS one (job_id text, successes bigint, failures bigint, total_duration_ms double precision,
               min_duration_ms double precision, max_duration_ms double precision,
               success_age_seconds double precision, failure_age_seconds double precision,
               metadata text)
 ORDER BY one.job_id
ON CONFLICT (job_id) DO UPDATE
   SET total_executions = job.total_executions + excluded.total_executions,
       success_count = job.success_count + excluded.success_count,
       failure_count = job.failure_count + excluded.failure_count,
       total_duration_ms = job.total_duration_ms + excluded.total_duration_ms,
       min_duration_ms = least(job.min_duration_ms, excluded.min_duration_ms),
       max_duration_ms = greatest(job.max_duration_ms, excluded.max_duration_ms),
       last_execution_at = greatest(job.last_execution_at, excluded.last_execution_at),
       last_success_at = greatest(job.last_success_at, excluded.last_success_at),
       last_failure_at = greatest(job.last_failure_at, excluded.last_failure_at),
       metadata = CASE WHEN excluded.metadata = '{}' THEN job.metadata
                       ELSE excluded.metadata END,
       updated_at = statement_timestamp();

-- name: begin
INSERT INTO monitoring.job_metrics (job_id, last_started_at)
VALUES (:job_id, statement_timestamp())
ON CONFLICT (job_id) DO UPDATE SET last_started_at = excluded.last_started_at;

-- name: totals
SELECT job_id, total_executions, success_count, failure_count, total_duration_ms,
       min_duration_ms, max_duration_ms, last_execution_at, last_success_at, last_failure_at,
       last_started_at, slower_count, faster_count, now() AS read_at
  FROM monitoring.job_metrics
 WHERE TRUE
   AND job_id LIKE :prefix || '%'                                               -- when prefix
 ORDER BY job_id;

-- name: page
-- Jobs with how often they ran, their normal speed, and their newest regression. A job has one row,
-- so that even those that regressed are found by reading all of them.
SELECT job.job_id, job.total_executions, job.success_count, job.failure_count,
       job.total_duration_ms, job.min_duration_ms, job.max_duration_ms, job.last_execution_at,
       job.last_success_at, job.last_failure_at, job.metadata, job.slower_count, job.faster_count,
       job.regressed_at, job.regression, job.regression_ms, job.regression_avg_ms,
       job.regression_p95_ms, baseline.baseline_avg_ms, baseline.baseline_p95_ms,
       baseline.sample_size, baseline.updated_at AS baseline_at
  FROM monitoring.job_metrics AS job
  LEFT JOIN monitoring.performance_baselines AS baseline ON baseline.job_id = job.job_id
 WHERE TRUE
   AND job.job_id = :job_id                                                     -- when job_id
   AND job.job_id LIKE :prefix || '%'                                           -- when prefix
   AND job.regressed_at > now() - make_interval(hours => :regressed_hours) -- when regressed_hours
   AND job.job_id > :after                                                      -- when after
 ORDER BY job.job_id
 LIMIT :limit;

-- name: add_samples
-- Durations of jobs, for the process that measured them; nothing where nobody registered it.
INSERT INTO monitoring.worker_metrics
       (worker_instance_id, metric_type, metric_name, metric_value, unit)
SELECT worker.worker_instance_id, 'JobExecution', one.job_id, one.duration_ms, 'ms'
  FROM monitoring.worker_instances AS worker
 CROSS JOIN json_to_recordset(:samples::json) AS one (job_id text, duration_ms double precision)
 WHERE worker.worker_instance_id = :worker_instance_id::uuid;

-- name: note_regressions
-- Executions far from normal, but for jobs of which one was noted in the last five minutes: of those
-- who note the same job at once, one does. The rows are locked in the order in which `count` does.
WITH noted AS MATERIALIZED (
    SELECT one.job_id, one.kind, one.duration_ms, one.mean_ms, one.p95_ms
      FROM json_to_recordset(:regressions::json)
           AS one (job_id text, kind text, duration_ms double precision, mean_ms double precision,
                   p95_ms double precision)
      JOIN monitoring.job_metrics AS job ON job.job_id = one.job_id
     WHERE job.regressed_at IS NULL
        OR job.regressed_at <= statement_timestamp() - interval '5 minutes'
     ORDER BY one.job_id
       FOR NO KEY UPDATE OF job)
UPDATE monitoring.job_metrics AS job
   SET slower_count = job.slower_count + CASE WHEN noted.kind = 'slower' THEN 1 ELSE 0 END,
       faster_count = job.faster_count + CASE WHEN noted.kind = 'faster' THEN 1 ELSE 0 END,
       regressed_at = statement_timestamp(),
       regression = noted.kind,
       regression_ms = noted.duration_ms,
       regression_avg_ms = noted.mean_ms,
       regression_p95_ms = noted.p95_ms
  FROM noted
 WHERE job.job_id = noted.job_id
RETURNING job.job_id;

-- name: remove
-- A job that there is no more.
WITH normal AS (DELETE FROM monitoring.performance_baselines WHERE job_id = :job_id)
DELETE FROM monitoring.job_metrics WHERE job_id = :job_id;

-- name: kpis
-- What every KPI last said that is switched on, as are its connection and its query.
SELECT indicator.indicator_name AS name, connection.connection_name AS connection,
       connection.environment, newest.status, newest.value_number AS value,
       newest.executed_at AS checked_at
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_connections AS connection
    ON connection.connection_id = indicator.connection_id
  JOIN monitoring.database_queries AS query ON query.query_id = indicator.query_id
  LEFT JOIN LATERAL (
           SELECT result.status, result.value_number, result.executed_at
             FROM monitoring.database_monitoring_results AS result
            WHERE result.indicator_id = indicator.indicator_id
            ORDER BY result.executed_at DESC, result.result_id DESC
            LIMIT 1) AS newest ON true
 WHERE indicator.is_active
   AND connection.is_enabled
   AND query.is_enabled
 ORDER BY indicator.indicator_name;

-- name: workers
-- Processes that were heard of in the last quarter of an hour: how long ago, and for how long they
-- had run then.
SELECT worker_instance_id, machine_name, version,
       CAST(extract(epoch FROM last_heartbeat - started_at) AS double precision) AS uptime_seconds,
       CAST(extract(epoch FROM now() - last_heartbeat) AS double precision)
           AS heartbeat_age_seconds
  FROM monitoring.worker_instances
 WHERE status NOT IN ('Stopped', 'Error')
   AND last_heartbeat > now() - interval '15 minutes'
 ORDER BY worker_instance_id;
