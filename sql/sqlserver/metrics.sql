-- name: count
-- Executions of jobs: counters, durations in ms, and when each last went well or badly.
DECLARE @runs nvarchar(max) = :runs, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
INSERT INTO monitoring.JobMetrics
       (JobId, TotalExecutions, SuccessCount, FailureCount, TotalDurationMs, Metadata)
SELECT one.job_id, 0, 0, 0, 0, N'{}'
  FROM OPENJSON(@runs) WITH (job_id nvarchar(200) '$.job_id') AS one
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.JobMetrics AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.JobId = one.job_id)
 ORDER BY one.job_id;
UPDATE job
   SET TotalExecutions = job.TotalExecutions + one.successes + one.failures,
       SuccessCount = job.SuccessCount + one.successes,
       FailureCount = job.FailureCount + one.failures,
       TotalDurationMs = job.TotalDurationMs + one.total_duration_ms,
       MinDurationMs = CASE WHEN job.MinDurationMs < one.min_duration_ms THEN job.MinDurationMs
                            ELSE one.min_duration_ms END,
       MaxDurationMs = CASE WHEN job.MaxDurationMs > one.max_duration_ms THEN job.MaxDurationMs
                            ELSE one.max_duration_ms END,
       LastExecutionAt = CASE WHEN job.LastExecutionAt > one.last_at THEN job.LastExecutionAt
                              ELSE one.last_at END,
       LastSuccessAt = CASE WHEN job.LastSuccessAt > one.success_at OR one.success_at IS NULL
                            THEN job.LastSuccessAt ELSE one.success_at END,
       LastFailureAt = CASE WHEN job.LastFailureAt > one.failure_at OR one.failure_at IS NULL
                            THEN job.LastFailureAt ELSE one.failure_at END,
       Metadata = CASE WHEN one.metadata = N'{}' THEN job.Metadata ELSE one.metadata END,
       UpdatedAt = @now
  FROM monitoring.JobMetrics AS job
  JOIN (SELECT run.job_id, run.successes, run.failures, run.total_duration_ms,
               run.min_duration_ms, run.max_duration_ms, run.metadata,
               DATEADD(millisecond, -CAST(run.success_age_seconds * 1000 AS int), @now)
                   AS success_at,
               DATEADD(millisecond, -CAST(run.failure_age_seconds * 1000 AS int), @now)
                   AS failure_at,
               DATEADD(millisecond,
                       -CAST(CASE WHEN run.success_age_seconds < run.failure_age_seconds
                                       OR run.failure_age_seconds IS NULL
                                  THEN run.success_age_seconds
                                  ELSE run.failure_age_seconds END * 1000 AS int), @now)
                   AS last_at
          FROM OPENJSON(@runs)
               WITH (job_id nvarchar(200) '$.job_id', successes bigint '$.successes',
                     failures bigint '$.failures', total_duration_ms float '$.total_duration_ms',
                     min_duration_ms float '$.min_duration_ms',
                     max_duration_ms float '$.max_duration_ms',
                     success_age_seconds float '$.success_age_seconds',
                     failure_age_seconds float '$.failure_age_seconds',
                     metadata nvarchar(max) '$.metadata' AS JSON) AS run) AS one
    ON one.job_id = job.JobId;
COMMIT TRANSACTION;
SELECT 1 AS changed;

-- name: begin
DECLARE @job_id nvarchar(200) = :job_id, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE monitoring.JobMetrics WITH (UPDLOCK, SERIALIZABLE)
   SET LastStartedAt = @now
 WHERE JobId = @job_id;
IF @@ROWCOUNT = 0
    INSERT INTO monitoring.JobMetrics (JobId, LastStartedAt) VALUES (@job_id, @now);
COMMIT TRANSACTION;
SELECT 1 AS changed;

-- name: totals
SELECT JobId AS job_id, TotalExecutions AS total_executions, SuccessCount AS success_count,
       FailureCount AS failure_count, TotalDurationMs AS total_duration_ms,
       MinDurationMs AS min_duration_ms, MaxDurationMs AS max_duration_ms,
       LastExecutionAt AS last_execution_at, LastSuccessAt AS last_success_at,
       LastFailureAt AS last_failure_at, LastStartedAt AS last_started_at,
       SlowerCount AS slower_count, FasterCount AS faster_count, SYSUTCDATETIME() AS read_at
  FROM monitoring.JobMetrics
 WHERE 1 = 1
   AND JobId LIKE :prefix + N'%'                                                -- when prefix
 ORDER BY JobId;

-- name: page
-- Jobs with how often they ran, their normal speed, and their newest regression. A job has one row,
-- so that even those that regressed are found by reading all of them.
SELECT TOP (:limit) job.JobId AS job_id, job.TotalExecutions AS total_executions,
       job.SuccessCount AS success_count, job.FailureCount AS failure_count,
       job.TotalDurationMs AS total_duration_ms, job.MinDurationMs AS min_duration_ms,
       job.MaxDurationMs AS max_duration_ms, job.LastExecutionAt AS last_execution_at,
       job.LastSuccessAt AS last_success_at, job.LastFailureAt AS last_failure_at,
       job.Metadata AS metadata, job.SlowerCount AS slower_count,
       job.FasterCount AS faster_count, job.RegressedAt AS regressed_at,
       job.Regression AS regression, job.RegressionMs AS regression_ms,
       job.RegressionAvgMs AS regression_avg_ms, job.RegressionP95Ms AS regression_p95_ms,
       baseline.BaselineAvgMs AS baseline_avg_ms, baseline.BaselineP95Ms AS baseline_p95_ms,
       baseline.SampleSize AS sample_size, baseline.UpdatedAt AS baseline_at
  FROM monitoring.JobMetrics AS job
  LEFT JOIN monitoring.PerformanceBaselines AS baseline ON baseline.JobId = job.JobId
 WHERE 1 = 1
   AND job.JobId = :job_id                                                      -- when job_id
   AND job.JobId LIKE :prefix + N'%'                                            -- when prefix
   AND job.RegressedAt > DATEADD(hour, -:regressed_hours, SYSUTCDATETIME()) -- when regressed_hours
   AND job.JobId > :after                                                       -- when after
 ORDER BY job.JobId;

-- name: add_samples
-- Durations of jobs, for the process that measured them; nothing where nobody registered it.
INSERT INTO monitoring.WorkerMetrics
       (WorkerInstanceId, MetricType, MetricName, MetricValue, Unit)
SELECT worker.WorkerInstanceId, N'JobExecution', one.job_id, one.duration_ms, N'ms'
  FROM monitoring.WorkerInstances AS worker
 CROSS JOIN OPENJSON(:samples)
       WITH (job_id nvarchar(200) '$.job_id', duration_ms float '$.duration_ms') AS one
 WHERE worker.WorkerInstanceId = CAST(:worker_instance_id AS uniqueidentifier);
SELECT @@ROWCOUNT AS changed;

-- name: note_regressions
-- Executions far from normal, but for jobs of which one was noted in the last five minutes: of those
-- who note the same job at once, one does.
UPDATE monitoring.JobMetrics
   SET SlowerCount = SlowerCount + CASE WHEN one.kind = N'slower' THEN 1 ELSE 0 END,
       FasterCount = FasterCount + CASE WHEN one.kind = N'faster' THEN 1 ELSE 0 END,
       RegressedAt = SYSUTCDATETIME(),
       Regression = one.kind,
       RegressionMs = one.duration_ms,
       RegressionAvgMs = one.mean_ms,
       RegressionP95Ms = one.p95_ms
OUTPUT inserted.JobId AS job_id
  FROM OPENJSON(:regressions)
       WITH (job_id nvarchar(200) '$.job_id', kind nvarchar(10) '$.kind',
             duration_ms float '$.duration_ms', mean_ms float '$.mean_ms',
             p95_ms float '$.p95_ms') AS one
 WHERE one.job_id = JobMetrics.JobId
   AND (RegressedAt IS NULL OR RegressedAt <= DATEADD(minute, -5, SYSUTCDATETIME()));

-- name: remove
-- A job that there is no more.
DECLARE @job_id nvarchar(200) = :job_id, @changed int;
BEGIN TRANSACTION;
DELETE FROM monitoring.PerformanceBaselines WHERE JobId = @job_id;
DELETE FROM monitoring.JobMetrics WHERE JobId = @job_id;
SET @changed = @@ROWCOUNT;
COMMIT TRANSACTION;
SELECT @changed AS changed;

-- name: kpis
-- What every KPI last said that is switched on, as are its connection and its query.
SELECT indicator.IndicatorName AS name, connection.ConnectionName AS connection,
       connection.Environment AS environment, newest.Status AS status,
       newest.ValueNumber AS value, newest.ExecutedAt AS checked_at
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = indicator.ConnectionId
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
 OUTER APPLY (
           SELECT TOP (1) result.Status, result.ValueNumber, result.ExecutedAt
             FROM monitoring.DatabaseMonitoringResults AS result
            WHERE result.IndicatorId = indicator.IndicatorId
            ORDER BY result.ExecutedAt DESC, result.ResultId DESC) AS newest
 WHERE indicator.IsActive = 1
   AND connection.IsEnabled = 1
   AND query.IsEnabled = 1
 ORDER BY indicator.IndicatorName;

-- name: workers
-- Processes that were heard of in the last quarter of an hour: how long ago, and for how long they
-- had run then.
SELECT worker.WorkerInstanceId AS worker_instance_id, worker.MachineName AS machine_name,
       worker.Version AS version,
       CAST(DATEDIFF_BIG(millisecond, worker.StartedAt, worker.LastHeartbeat) AS float) / 1000
           AS uptime_seconds,
       CAST(DATEDIFF_BIG(millisecond, worker.LastHeartbeat, SYSUTCDATETIME()) AS float) / 1000
           AS heartbeat_age_seconds
  FROM monitoring.WorkerInstances AS worker
 WHERE worker.Status NOT IN (N'Stopped', N'Error')
   AND worker.LastHeartbeat > DATEADD(minute, -15, SYSUTCDATETIME())
 ORDER BY worker.WorkerInstanceId;
