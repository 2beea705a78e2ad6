-- How long jobs take normally, in ms: of the newest executions of the last seven days, at most 200
-- and at least 20. Each statement is one step of a walk by name over what is older than so many
-- seconds or missing, and says how many it has looked at and which was the last.

-- name: refresh_kpis
-- The newest 200 of each, and of these the ones that came to a value: a KPI that cannot be asked for
-- weeks costs no more than any other.
WITH chosen AS MATERIALIZED (
    SELECT indicator.indicator_id, indicator.indicator_name AS name
      FROM monitoring.indicators AS indicator
      LEFT JOIN monitoring.performance_baselines AS baseline
        ON baseline.job_id = 'kpi:' || indicator.indicator_name
     WHERE indicator.indicator_name > :after
       AND indicator.is_active
       AND (baseline.job_id IS NULL
            OR baseline.updated_at < now() - make_interval(secs => :older_than_seconds))
     ORDER BY indicator.indicator_name
     LIMIT :limit),
normal AS (
    SELECT chosen.name, avg(execution.duration_ms) AS mean_ms,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY execution.duration_ms) AS p95_ms,
           count(*) AS sample_size
      FROM chosen
     CROSS JOIN LATERAL (
              SELECT result.duration_ms, result.status
                FROM monitoring.database_monitoring_results AS result
               WHERE result.indicator_id = chosen.indicator_id
                 AND result.executed_at > now() - interval '7 days'
               ORDER BY result.executed_at DESC, result.result_id DESC
               LIMIT 200) AS execution
     WHERE execution.status <> 'Error'
     GROUP BY chosen.name
    HAVING count(*) >= 20),
written AS (
    INSERT INTO monitoring.performance_baselines AS baseline
           (job_id, baseline_avg_ms, baseline_p95_ms, sample_size)
    SELECT 'kpi:' || name, mean_ms, p95_ms, sample_size FROM normal
     ORDER BY name
    ON CONFLICT (job_id) DO UPDATE
       SET baseline_avg_ms = excluded.baseline_avg_ms,
           baseline_p95_ms = excluded.baseline_p95_ms,
           sample_size = excluded.sample_size,
           updated_at = now()
    RETURNING job_id)
SELECT (SELECT count(*) FROM chosen) AS seen, (SELECT max(name) FROM chosen) AS last_name,
       (SELECT count(*) FROM written) AS updated;

-- name: refresh_functions
-- Timers and HTTP functions, of the durations that processes have kept of them.
WITH chosen AS MATERIALIZED (
    SELECT job.job_id AS name
      FROM monitoring.job_metrics AS job
      LEFT JOIN monitoring.performance_baselines AS baseline ON baseline.job_id = job.job_id
     WHERE job.job_id > :after
       AND job.job_id NOT LIKE 'kpi:%'
       AND (baseline.job_id IS NULL
            OR baseline.updated_at < now() - make_interval(secs => :older_than_seconds))
     ORDER BY job.job_id
     LIMIT :limit),
normal AS (
    SELECT chosen.name, avg(execution.metric_value) AS mean_ms,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY execution.metric_value) AS p95_ms,
           count(*) AS sample_size
      FROM chosen
     CROSS JOIN LATERAL (
              SELECT metric.metric_value
                FROM monitoring.worker_metrics AS metric
               WHERE metric.metric_type = 'JobExecution'
                 AND metric.metric_name = left(chosen.name, 100)
                 AND metric.recorded_at > now() - interval '7 days'
               ORDER BY metric.recorded_at DESC
               LIMIT 200) AS execution
     GROUP BY chosen.name
    HAVING count(*) >= 20),
written AS (
    INSERT INTO monitoring.performance_baselines AS baseline
           (job_id, baseline_avg_ms, baseline_p95_ms, sample_size)
    SELECT name, mean_ms, p95_ms, sample_size FROM normal
     ORDER BY name
    ON CONFLICT (job_id) DO UPDATE
       SET baseline_avg_ms = excluded.baseline_avg_ms,
           baseline_p95_ms = excluded.baseline_p95_ms,
           sample_size = excluded.sample_size,
           updated_at = now()
    RETURNING job_id)
SELECT (SELECT count(*) FROM chosen) AS seen, (SELECT max(name) FROM chosen) AS last_name,
       (SELECT count(*) FROM written) AS updated;

-- name: find
SELECT baseline.job_id, baseline.baseline_avg_ms AS mean_ms, baseline.baseline_p95_ms AS p95_ms
  FROM json_to_recordset(:job_ids::json) AS asked (job_id text)
  JOIN monitoring.performance_baselines AS baseline ON baseline.job_id = asked.job_id;

-- name: forget
DELETE FROM monitoring.performance_baselines
 WHERE updated_at < now() - make_interval(days => :days);
