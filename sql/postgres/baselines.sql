-- How fast jobs were lately, in ms: of the newest 200 executions of the last seven days. The first
-- two statements are each one step of a walk by name over the jobs whose normal speed is older than
-- so many seconds or not known, and give what was normal before.

-- name: speeds_of_kpis
-- The newest 200 of each, and of these the ones that came to a value: a KPI that cannot be asked for
-- weeks costs no more than any other.
WITH chosen AS MATERIALIZED (
    SELECT indicator.indicator_id, indicator.indicator_name AS name,
           baseline.baseline_avg_ms, baseline.baseline_p95_ms,
           CAST(extract(epoch FROM now() - baseline.updated_at) AS double precision)
               AS baseline_age_seconds
      FROM monitoring.indicators AS indicator
      LEFT JOIN monitoring.performance_baselines AS baseline
        ON baseline.job_id = 'kpi:' || indicator.indicator_name
     WHERE indicator.indicator_name > :after
       AND indicator.is_active
       AND (baseline.job_id IS NULL
            OR baseline.updated_at < now() - make_interval(secs => :older_than_seconds))
     ORDER BY indicator.indicator_name
     LIMIT :limit)
SELECT chosen.name, 'kpi:' || chosen.name AS job_id, speed.mean_ms, speed.p95_ms, speed.sample_size,
       chosen.baseline_avg_ms, chosen.baseline_p95_ms, chosen.baseline_age_seconds
  FROM chosen
 CROSS JOIN LATERAL (
          SELECT avg(execution.duration_ms) AS mean_ms,
                 percentile_cont(0.95) WITHIN GROUP (ORDER BY execution.duration_ms) AS p95_ms,
                 count(*) AS sample_size
            FROM (SELECT result.duration_ms, result.status
                    FROM monitoring.database_monitoring_results AS result
                   WHERE result.indicator_id = chosen.indicator_id
                     AND result.executed_at > now() - interval '7 days'
                   ORDER BY result.executed_at DESC, result.result_id DESC
                   LIMIT 200) AS execution
           WHERE execution.status <> 'Error') AS speed
 ORDER BY chosen.name;

-- name: speeds_of_functions
-- Timers and HTTP functions, of the durations that processes have kept of them.
WITH chosen AS MATERIALIZED (
    SELECT job.job_id, baseline.baseline_avg_ms, baseline.baseline_p95_ms,
           CAST(extract(epoch FROM now() - baseline.updated_at) AS double precision)
               AS baseline_age_seconds
      FROM monitoring.job_metrics AS job
      LEFT JOIN monitoring.performance_baselines AS baseline ON baseline.job_id = job.job_id
     WHERE job.job_id > :after
       AND job.job_id NOT LIKE 'kpi:%'
       AND (baseline.job_id IS NULL
            OR baseline.updated_at < now() - make_interval(secs => :older_than_seconds))
     ORDER BY job.job_id
     LIMIT :limit)
SELECT chosen.job_id AS name, chosen.job_id, speed.mean_ms, speed.p95_ms, speed.sample_size,
       chosen.baseline_avg_ms, chosen.baseline_p95_ms, chosen.baseline_age_seconds
  FROM chosen
 CROSS JOIN LATERAL (
          SELECT avg(execution.metric_value) AS mean_ms,
                 percentile_cont(0.95) WITHIN GROUP (ORDER BY execution.metric_value) AS p95_ms,
                 count(*) AS sample_size
            FROM (SELECT metric.metric_value
                    FROM monitoring.worker_metrics AS metric
                   WHERE metric.metric_type = 'JobExecution'
                     AND metric.metric_name = chosen.job_id
                     AND metric.recorded_at > now() - interval '7 days'
                   ORDER BY metric.recorded_at DESC
                   LIMIT 200) AS execution) AS speed
 ORDER BY chosen.job_id;

-- name: keep
-- What is normal from now on.
INSERT INTO monitoring.performance_baselines
       (job_id, baseline_avg_ms, baseline_p95_ms, sample_size)
SELECT one.job_id, one.mean_ms, one.p95_ms, one.sample_size
  FROM json_to_recordset(:speeds::json)
       AS one (job_id text, mean_ms double precision, p95_ms double precision, sample_size integer)
 ORDER BY one.job_id
ON CONFLICT (job_id) DO UPDATE
   SET baseline_avg_ms = excluded.baseline_avg_ms,
       baseline_p95_ms = excluded.baseline_p95_ms,
       sample_size = excluded.sample_size,
       updated_at = now();

-- name: find
SELECT baseline.job_id, baseline.baseline_avg_ms AS mean_ms, baseline.baseline_p95_ms AS p95_ms
  FROM json_to_recordset(:job_ids::json) AS asked (job_id text)
  JOIN monitoring.performance_baselines AS baseline ON baseline.job_id = asked.job_id;

-- name: forget
DELETE FROM monitoring.performance_baselines
 WHERE updated_at < now() - make_interval(days => :days);
