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
       last_started_at, now() AS read_at
  FROM monitoring.job_metrics
 WHERE TRUE
   AND job_id LIKE :prefix || '%'                                               -- when prefix
 ORDER BY job_id;

-- name: page
-- Jobs with how often they ran, their normal speed, and their newest regression. A name of a metric
-- holds less than an id may have: of a longer one, what is said of it ends with the whole id.
SELECT job.job_id, job.total_executions, job.success_count, job.failure_count,
       job.total_duration_ms, job.min_duration_ms, job.max_duration_ms, job.last_execution_at,
       job.last_success_at, job.last_failure_at, job.metadata,
       baseline.baseline_avg_ms, baseline.baseline_p95_ms, baseline.sample_size,
       baseline.updated_at AS baseline_at,
       newest.metric_value AS regression_ms, newest.tags AS regression_tags,
       newest.recorded_at AS regression_at
  FROM monitoring.job_metrics AS job
  LEFT JOIN monitoring.performance_baselines AS baseline ON baseline.job_id = job.job_id
  LEFT JOIN LATERAL (
           SELECT metric.metric_value, metric.tags, metric.recorded_at
             FROM monitoring.worker_metrics AS metric
            WHERE metric.metric_type = 'Performance'
              AND metric.metric_name = left(job.job_id, 100)
              AND (length(job.job_id) <= 100
                   OR right(metric.tags, length(job.job_id)) = job.job_id)
            ORDER BY metric.recorded_at DESC
            LIMIT 1) AS newest ON true
 WHERE TRUE
   AND job.job_id = :job_id                                                     -- when job_id
   AND job.job_id LIKE :prefix || '%'                                           -- when prefix
   AND job.job_id > :after                                                      -- when after
 ORDER BY job.job_id
 LIMIT :limit;

-- name: add_samples
-- Durations of jobs, for the process that measured them; nothing where nobody registered it.
INSERT INTO monitoring.worker_metrics
       (worker_instance_id, metric_type, metric_name, metric_value, unit)
SELECT worker.worker_instance_id, 'JobExecution', left(one.job_id, 100), one.duration_ms, 'ms'
  FROM monitoring.worker_instances AS worker
 CROSS JOIN json_to_recordset(:samples::json) AS one (job_id text, duration_ms double precision)
 WHERE worker.worker_instance_id = :worker_instance_id::uuid;

-- name: note_regressions
-- Executions far from normal, but for jobs of which one was noted in the last five minutes. Two who
-- note the same job in the same instant both do.
INSERT INTO monitoring.worker_metrics AS noted
       (worker_instance_id, metric_type, metric_name, metric_value, unit, tags)
SELECT worker.worker_instance_id, 'Performance', left(one.job_id, 100), one.duration_ms, 'ms',
       one.tags
  FROM monitoring.worker_instances AS worker
 CROSS JOIN json_to_recordset(:regressions::json)
            AS one (job_id text, duration_ms double precision, tags text)
 WHERE worker.worker_instance_id = :worker_instance_id::uuid
   AND NOT EXISTS (
           SELECT FROM monitoring.worker_metrics AS recent
            WHERE recent.metric_type = 'Performance'
              AND recent.metric_name = left(one.job_id, 100)
              AND recent.recorded_at > now() - interval '5 minutes'
              AND (length(one.job_id) <= 100
                   OR right(recent.tags, length(one.job_id)) = one.job_id))
RETURNING noted.metric_name, noted.tags;

-- name: kpis
-- What every active KPI last said.
SELECT indicator.indicator_name AS name, connection.connection_name AS connection,
       connection.environment, newest.status, newest.value_number AS value,
       newest.executed_at AS checked_at
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_connections AS connection
    ON connection.connection_id = indicator.connection_id
  LEFT JOIN LATERAL (
           SELECT result.status, result.value_number, result.executed_at
             FROM monitoring.database_monitoring_results AS result
            WHERE result.indicator_id = indicator.indicator_id
            ORDER BY result.executed_at DESC, result.result_id DESC
            LIMIT 1) AS newest ON true
 WHERE indicator.is_active
 ORDER BY indicator.indicator_name;

-- name: workers
-- Processes that were heard of in the last quarter of an hour, and for how long they have run.
SELECT worker_instance_id, machine_name, version,
       CAST(extract(epoch FROM now() - started_at) AS double precision) AS uptime_seconds
  FROM monitoring.worker_instances
 WHERE status NOT IN ('Stopped', 'Error')
   AND last_heartbeat > now() - interval '15 minutes'
 ORDER BY worker_instance_id;
