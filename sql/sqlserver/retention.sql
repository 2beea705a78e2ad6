-- Each statement removes at most one batch of rows older than so many days, oldest first, and is a
-- transaction of its own: it holds few row locks, briefly. A batch must stay below the 5,000 locks
-- at which a server locks the whole table instead. No rows left to remove: 0.

-- name: remove_database_monitoring_results
DELETE FROM monitoring.DatabaseMonitoringResults WITH (ROWLOCK)
 WHERE ResultId IN (
           SELECT TOP (:batch) old.ResultId
             FROM monitoring.DatabaseMonitoringResults AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.ExecutedAt < DATEADD(day, -:days, SYSUTCDATETIME())
            ORDER BY old.ExecutedAt);
SELECT @@ROWCOUNT AS changed;

-- name: remove_database_monitoring_hours
DELETE FROM monitoring.DatabaseMonitoringHours WITH (ROWLOCK)
  FROM (SELECT TOP (:batch) old.IndicatorId, old.HourAt
          FROM monitoring.DatabaseMonitoringHours AS old WITH (UPDLOCK, READPAST, ROWLOCK)
         WHERE old.HourAt < DATEADD(day, -:days, SYSUTCDATETIME())
         ORDER BY old.HourAt) AS chosen
 WHERE chosen.IndicatorId = DatabaseMonitoringHours.IndicatorId
   AND chosen.HourAt = DatabaseMonitoringHours.HourAt;
SELECT @@ROWCOUNT AS changed;

-- name: remove_worker_jobs
DELETE FROM monitoring.WorkerJobs WITH (ROWLOCK)
 WHERE JobId IN (
           SELECT TOP (:batch) old.JobId
             FROM monitoring.WorkerJobs AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.CompletedAt < DATEADD(day, -:days, SYSUTCDATETIME())
            ORDER BY old.CompletedAt);
SELECT @@ROWCOUNT AS changed;

-- name: remove_worker_metrics
DELETE FROM monitoring.WorkerMetrics WITH (ROWLOCK)
 WHERE MetricId IN (
           SELECT TOP (:batch) old.MetricId
             FROM monitoring.WorkerMetrics AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.RecordedAt < DATEADD(day, -:days, SYSUTCDATETIME())
            ORDER BY old.RecordedAt);
SELECT @@ROWCOUNT AS changed;

-- name: remove_system_status_history
DELETE FROM monitoring.SystemStatusHistory WITH (ROWLOCK)
 WHERE Id IN (
           SELECT TOP (:batch) old.Id
             FROM monitoring.SystemStatusHistory AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.HeartbeatTimestamp < DATEADD(day, -:days, SYSUTCDATETIME())
            ORDER BY old.HeartbeatTimestamp);
SELECT @@ROWCOUNT AS changed;

-- name: remove_worker_instances
-- Only those that ended, and whose metrics are gone.
DELETE FROM monitoring.WorkerInstances WITH (ROWLOCK)
 WHERE WorkerInstanceId IN (
           SELECT TOP (:batch) worker.WorkerInstanceId
             FROM monitoring.WorkerInstances AS worker WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE worker.LastHeartbeat < DATEADD(day, -:days, SYSUTCDATETIME())
              AND worker.Status IN (N'Stopped', N'Error')
              AND NOT EXISTS (SELECT 1 FROM monitoring.WorkerMetrics AS metric
                               WHERE metric.WorkerInstanceId = worker.WorkerInstanceId)
            ORDER BY worker.LastHeartbeat);
SELECT @@ROWCOUNT AS changed;

-- name: remove_audit_log
DELETE FROM monitoring.AuditLog WITH (ROWLOCK)
 WHERE AuditId IN (
           SELECT TOP (:batch) old.AuditId
             FROM monitoring.AuditLog AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.HappenedAt < DATEADD(day, -:days, SYSUTCDATETIME())
            ORDER BY old.HappenedAt);
SELECT @@ROWCOUNT AS changed;

-- name: remove_dead_letter_queue
-- Only those that are done with: what waits, waits until somebody looks at it.
DECLARE @before datetime2(7) = DATEADD(day, -:days, SYSUTCDATETIME());
DELETE FROM monitoring.DeadLetterQueue WITH (ROWLOCK)
 WHERE DeadLetterId IN (
           SELECT TOP (:batch) old.DeadLetterId
             FROM monitoring.DeadLetterQueue AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.CreatedAt < @before
              AND old.UpdatedAt < @before
              AND old.Status IN (N'SUCCEEDED', N'FAILED')
            ORDER BY old.CreatedAt);
SELECT @@ROWCOUNT AS changed;

-- name: remove_job_metrics
-- Of jobs that have not run for so long: most likely there are none of that name any more.
DELETE FROM monitoring.JobMetrics WITH (ROWLOCK)
 WHERE JobId IN (
           SELECT TOP (:batch) old.JobId
             FROM monitoring.JobMetrics AS old WITH (UPDLOCK, READPAST, ROWLOCK)
            WHERE old.LastExecutionAt < DATEADD(day, -:days, SYSUTCDATETIME())
            ORDER BY old.LastExecutionAt);
SELECT @@ROWCOUNT AS changed;
