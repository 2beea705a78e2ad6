-- How long jobs take normally, in ms: of the newest executions of the last seven days, at most 200
-- and at least 20. Each statement is one step of a walk by name over what is older than so many
-- seconds or missing, and says how many it has looked at and which was the last. A percentile lies
-- between the two times whose places are nearest, and has of each what it is near to it.

-- name: refresh_kpis
-- The newest 200 of each, and of these the ones that came to a value: a KPI that cannot be asked
-- for weeks costs no more than any other.
DECLARE @after nvarchar(200) = :after, @now datetime2(7) = SYSUTCDATETIME(), @seen int,
        @last nvarchar(200), @normal nvarchar(max);
DECLARE @before datetime2(7) = DATEADD(second, -:older_than_seconds, @now);
SELECT @seen = COUNT(*), @last = MAX(chosen.name)
  FROM (SELECT TOP (:limit) indicator.IndicatorName AS name
          FROM monitoring.Indicators AS indicator
          LEFT JOIN monitoring.PerformanceBaselines AS baseline
            ON baseline.JobId = N'kpi:' + indicator.IndicatorName
         WHERE indicator.IndicatorName > @after
           AND indicator.IsActive = 1
           AND (baseline.JobId IS NULL OR baseline.UpdatedAt < @before)
         ORDER BY indicator.IndicatorName) AS chosen;
SET @normal = (
    SELECT N'kpi:' + placed.name AS job_id, AVG(placed.duration_ms) AS mean_ms,
           SUM(CASE WHEN placed.place - 1 = FLOOR(0.95E0 * (placed.times - 1))
                    THEN placed.duration_ms
                         * (1 + FLOOR(0.95E0 * (placed.times - 1)) - 0.95E0 * (placed.times - 1))
                    WHEN placed.place - 2 = FLOOR(0.95E0 * (placed.times - 1))
                    THEN placed.duration_ms
                         * (0.95E0 * (placed.times - 1) - FLOOR(0.95E0 * (placed.times - 1)))
                    ELSE 0 END) AS p95_ms,
           MAX(placed.times) AS sample_size
      FROM (SELECT chosen.name, execution.DurationMs AS duration_ms,
                   ROW_NUMBER() OVER (PARTITION BY chosen.name ORDER BY execution.DurationMs)
                       AS place,
                   COUNT(*) OVER (PARTITION BY chosen.name) AS times
              FROM (SELECT indicator.IndicatorId, indicator.IndicatorName AS name
                      FROM monitoring.Indicators AS indicator
                      LEFT JOIN monitoring.PerformanceBaselines AS baseline
                        ON baseline.JobId = N'kpi:' + indicator.IndicatorName
                     WHERE indicator.IndicatorName > @after
                       AND indicator.IndicatorName <= @last
                       AND indicator.IsActive = 1
                       AND (baseline.JobId IS NULL OR baseline.UpdatedAt < @before)) AS chosen
             CROSS APPLY (
                      SELECT TOP (200) result.DurationMs, result.Status
                        FROM monitoring.DatabaseMonitoringResults AS result
                       WHERE result.IndicatorId = chosen.IndicatorId
                         AND result.ExecutedAt > DATEADD(day, -7, @now)
                       ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS execution
             WHERE execution.Status <> N'Error') AS placed
     WHERE placed.times >= 20
     GROUP BY placed.name
       FOR JSON PATH);
BEGIN TRANSACTION;
UPDATE monitoring.PerformanceBaselines WITH (UPDLOCK, SERIALIZABLE)
   SET BaselineAvgMs = normal.mean_ms,
       BaselineP95Ms = normal.p95_ms,
       SampleSize = normal.sample_size,
       UpdatedAt = @now
  FROM OPENJSON(@normal)
       WITH (job_id nvarchar(200) '$.job_id', mean_ms float '$.mean_ms', p95_ms float '$.p95_ms',
             sample_size int '$.sample_size') AS normal
 WHERE normal.job_id = PerformanceBaselines.JobId;
INSERT INTO monitoring.PerformanceBaselines (JobId, BaselineAvgMs, BaselineP95Ms, SampleSize)
SELECT normal.job_id, normal.mean_ms, normal.p95_ms, normal.sample_size
  FROM OPENJSON(@normal)
       WITH (job_id nvarchar(200) '$.job_id', mean_ms float '$.mean_ms', p95_ms float '$.p95_ms',
             sample_size int '$.sample_size') AS normal
 WHERE NOT EXISTS (SELECT 1
                     FROM monitoring.PerformanceBaselines AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.JobId = normal.job_id)
 ORDER BY normal.job_id;
COMMIT TRANSACTION;
SELECT @seen AS seen, @last AS last_name,
       (SELECT COUNT(*) FROM OPENJSON(@normal) WITH (job_id nvarchar(200) '$.job_id')) AS updated;

-- name: refresh_functions
-- Timers and HTTP functions, of the durations that processes have kept of them.
DECLARE @after nvarchar(200) = :after, @now datetime2(7) = SYSUTCDATETIME(), @seen int,
        @last nvarchar(200), @normal nvarchar(max);
DECLARE @before datetime2(7) = DATEADD(second, -:older_than_seconds, @now);
SELECT @seen = COUNT(*), @last = MAX(chosen.name)
  FROM (SELECT TOP (:limit) job.JobId AS name
          FROM monitoring.JobMetrics AS job
          LEFT JOIN monitoring.PerformanceBaselines AS baseline ON baseline.JobId = job.JobId
         WHERE job.JobId > @after
           AND job.JobId NOT LIKE N'kpi:%'
           AND (baseline.JobId IS NULL OR baseline.UpdatedAt < @before)
         ORDER BY job.JobId) AS chosen;
SET @normal = (
    SELECT placed.name AS job_id, AVG(placed.duration_ms) AS mean_ms,
           SUM(CASE WHEN placed.place - 1 = FLOOR(0.95E0 * (placed.times - 1))
                    THEN placed.duration_ms
                         * (1 + FLOOR(0.95E0 * (placed.times - 1)) - 0.95E0 * (placed.times - 1))
                    WHEN placed.place - 2 = FLOOR(0.95E0 * (placed.times - 1))
                    THEN placed.duration_ms
                         * (0.95E0 * (placed.times - 1) - FLOOR(0.95E0 * (placed.times - 1)))
                    ELSE 0 END) AS p95_ms,
           MAX(placed.times) AS sample_size
      FROM (SELECT chosen.name, execution.MetricValue AS duration_ms,
                   ROW_NUMBER() OVER (PARTITION BY chosen.name ORDER BY execution.MetricValue)
                       AS place,
                   COUNT(*) OVER (PARTITION BY chosen.name) AS times
              FROM (SELECT job.JobId AS name
                      FROM monitoring.JobMetrics AS job
                      LEFT JOIN monitoring.PerformanceBaselines AS baseline
                        ON baseline.JobId = job.JobId
                     WHERE job.JobId > @after
                       AND job.JobId <= @last
                       AND job.JobId NOT LIKE N'kpi:%'
                       AND (baseline.JobId IS NULL OR baseline.UpdatedAt < @before)) AS chosen
             CROSS APPLY (
                      SELECT TOP (200) metric.MetricValue
                        FROM monitoring.WorkerMetrics AS metric
                       WHERE metric.MetricType = N'JobExecution'
                         AND metric.MetricName = LEFT(chosen.name, 100)
                         AND metric.RecordedAt > DATEADD(day, -7, @now)
                       ORDER BY metric.RecordedAt DESC) AS execution) AS placed
     WHERE placed.times >= 20
     GROUP BY placed.name
       FOR JSON PATH);
BEGIN TRANSACTION;
UPDATE monitoring.PerformanceBaselines WITH (UPDLOCK, SERIALIZABLE)
   SET BaselineAvgMs = normal.mean_ms,
       BaselineP95Ms = normal.p95_ms,
       SampleSize = normal.sample_size,
       UpdatedAt = @now
  FROM OPENJSON(@normal)
       WITH (job_id nvarchar(200) '$.job_id', mean_ms float '$.mean_ms', p95_ms float '$.p95_ms',
             sample_size int '$.sample_size') AS normal
 WHERE normal.job_id = PerformanceBaselines.JobId;
INSERT INTO monitoring.PerformanceBaselines (JobId, BaselineAvgMs, BaselineP95Ms, SampleSize)
SELECT normal.job_id, normal.mean_ms, normal.p95_ms, normal.sample_size
  FROM OPENJSON(@normal)
       WITH (job_id nvarchar(200) '$.job_id', mean_ms float '$.mean_ms', p95_ms float '$.p95_ms',
             sample_size int '$.sample_size') AS normal
 WHERE NOT EXISTS (SELECT 1
                     FROM monitoring.PerformanceBaselines AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.JobId = normal.job_id)
 ORDER BY normal.job_id;
COMMIT TRANSACTION;
SELECT @seen AS seen, @last AS last_name,
       (SELECT COUNT(*) FROM OPENJSON(@normal) WITH (job_id nvarchar(200) '$.job_id')) AS updated;

-- name: find
SELECT baseline.JobId AS job_id, baseline.BaselineAvgMs AS mean_ms,
       baseline.BaselineP95Ms AS p95_ms
  FROM OPENJSON(:job_ids) WITH (job_id nvarchar(200) '$.job_id') AS asked
  JOIN monitoring.PerformanceBaselines AS baseline ON baseline.JobId = asked.job_id;

-- name: forget
DELETE FROM monitoring.PerformanceBaselines
 WHERE UpdatedAt < DATEADD(day, -:days, SYSUTCDATETIME());
SELECT @@ROWCOUNT AS changed;
