-- How fast jobs were lately, in ms: of the newest 200 executions of the last seven days. The first
-- two statements are each one step of a walk by name over the jobs whose normal speed is older than
-- so many seconds or not known, and give what was normal before. A percentile lies between
-- the two times whose places are nearest, and has of each what it is near to it.

-- name: speeds_of_kpis
-- The newest 200 of each, and of these the ones that came to a value: a KPI that cannot be asked for
-- weeks costs no more than any other.
SELECT chosen.name, N'kpi:' + chosen.name AS job_id, speed.mean_ms, speed.p95_ms,
       speed.sample_size, chosen.baseline_avg_ms, chosen.baseline_p95_ms,
       chosen.baseline_age_seconds
  FROM (SELECT TOP (:limit) indicator.IndicatorId, indicator.IndicatorName AS name,
               baseline.BaselineAvgMs AS baseline_avg_ms,
               baseline.BaselineP95Ms AS baseline_p95_ms,
               CAST(DATEDIFF_BIG(millisecond, baseline.UpdatedAt, SYSUTCDATETIME()) AS float) / 1000
                   AS baseline_age_seconds
          FROM monitoring.Indicators AS indicator
          LEFT JOIN monitoring.PerformanceBaselines AS baseline
            ON baseline.JobId = N'kpi:' + indicator.IndicatorName
         WHERE indicator.IndicatorName > :after
           AND indicator.IsActive = 1
           AND (baseline.JobId IS NULL
                OR baseline.UpdatedAt < DATEADD(second, -:older_than_seconds, SYSUTCDATETIME()))
         ORDER BY indicator.IndicatorName) AS chosen
 CROSS APPLY (
          SELECT AVG(placed.duration_ms) AS mean_ms,
                 SUM(CASE WHEN placed.distance < 1
                          THEN placed.duration_ms * (1 - placed.distance) ELSE 0 END) AS p95_ms,
                 COUNT(*) AS sample_size
            FROM (SELECT execution.DurationMs AS duration_ms,
                         ABS(ROW_NUMBER() OVER (ORDER BY execution.DurationMs) - 1
                             - 0.95E0 * (COUNT(*) OVER () - 1)) AS distance
                    FROM (SELECT TOP (200) result.DurationMs, result.Status
                            FROM monitoring.DatabaseMonitoringResults AS result
                           WHERE result.IndicatorId = chosen.IndicatorId
                             AND result.ExecutedAt > DATEADD(day, -7, SYSUTCDATETIME())
                           ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS execution
                   WHERE execution.Status <> N'Error') AS placed) AS speed
 ORDER BY chosen.name;

-- name: speeds_of_functions
-- Timers and HTTP functions, of the durations that processes have kept of them.
SELECT chosen.job_id AS name, chosen.job_id, speed.mean_ms, speed.p95_ms, speed.sample_size,
       chosen.baseline_avg_ms, chosen.baseline_p95_ms, chosen.baseline_age_seconds
  FROM (SELECT TOP (:limit) job.JobId AS job_id, baseline.BaselineAvgMs AS baseline_avg_ms,
               baseline.BaselineP95Ms AS baseline_p95_ms,
               CAST(DATEDIFF_BIG(millisecond, baseline.UpdatedAt, SYSUTCDATETIME()) AS float) / 1000
                   AS baseline_age_seconds
          FROM monitoring.JobMetrics AS job
          LEFT JOIN monitoring.PerformanceBaselines AS baseline ON baseline.JobId = job.JobId
         WHERE job.JobId > :after
           AND job.JobId NOT LIKE N'kpi:%'
           AND (baseline.JobId IS NULL
                OR baseline.UpdatedAt < DATEADD(second, -:older_than_seconds, SYSUTCDATETIME()))
         ORDER BY job.JobId) AS chosen
 CROSS APPLY (
          SELECT AVG(placed.duration_ms) AS mean_ms,
                 SUM(CASE WHEN placed.distance < 1
                          THEN placed.duration_ms * (1 - placed.distance) ELSE 0 END) AS p95_ms,
                 COUNT(*) AS sample_size
            FROM (SELECT execution.MetricValue AS duration_ms,
                         ABS(ROW_NUMBER() OVER (ORDER BY execution.MetricValue) - 1
                             - 0.95E0 * (COUNT(*) OVER () - 1)) AS distance
                    FROM (SELECT TOP (200) metric.MetricValue
                            FROM monitoring.WorkerMetrics AS metric
                           WHERE metric.MetricType = N'JobExecution'
                             AND metric.MetricName = chosen.job_id
                             AND metric.RecordedAt > DATEADD(day, -7, SYSUTCDATETIME())
                           ORDER BY metric.RecordedAt DESC) AS execution) AS placed) AS speed
 ORDER BY chosen.job_id;

-- name: keep
-- What is normal from now on.
DECLARE @speeds nvarchar(max) = :speeds, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE monitoring.PerformanceBaselines WITH (UPDLOCK, SERIALIZABLE)
   SET BaselineAvgMs = one.mean_ms,
       BaselineP95Ms = one.p95_ms,
       SampleSize = one.sample_size,
       UpdatedAt = @now
  FROM OPENJSON(@speeds)
       WITH (job_id nvarchar(200) '$.job_id', mean_ms float '$.mean_ms', p95_ms float '$.p95_ms',
             sample_size int '$.sample_size') AS one
 WHERE one.job_id = PerformanceBaselines.JobId;
INSERT INTO monitoring.PerformanceBaselines (JobId, BaselineAvgMs, BaselineP95Ms, SampleSize)
SELECT one.job_id, one.mean_ms, one.p95_ms, one.sample_size
  FROM OPENJSON(@speeds)
       WITH (job_id nvarchar(200) '$.job_id', mean_ms float '$.mean_ms', p95_ms float '$.p95_ms',
             sample_size int '$.sample_size') AS one
 WHERE NOT EXISTS (SELECT 1
                     FROM monitoring.PerformanceBaselines AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.JobId = one.job_id)
 ORDER BY one.job_id;
COMMIT TRANSACTION;
SELECT 1 AS changed;

-- name: find
SELECT baseline.JobId AS job_id, baseline.BaselineAvgMs AS mean_ms,
       baseline.BaselineP95Ms AS p95_ms
  FROM OPENJSON(:job_ids) WITH (job_id nvarchar(200) '$.job_id') AS asked
  JOIN monitoring.PerformanceBaselines AS baseline ON baseline.JobId = asked.job_id;

-- name: forget
DELETE FROM monitoring.PerformanceBaselines
 WHERE UpdatedAt < DATEADD(day, -:days, SYSUTCDATETIME());
SELECT @@ROWCOUNT AS changed;
