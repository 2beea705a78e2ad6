-- The failures of tasks that were put back as queued. The tasks may be in another database.

-- name: plan
INSERT INTO monitoring.TaskRetries
       (RetryId, JobId, TaskId, TaskType, Stage, Fingerprint, ErrorDetails, RetryCount, FailedAt,
        RetriedAt, Actor, Reason, CorrelationId, State)
VALUES (:retry_id, :job_id, :task_id, :task_type, :stage, :fingerprint, :error_details,
        :retry_count, :failed_at, SYSUTCDATETIME(), :actor, :reason, :correlation_id, N'planned');
SELECT @@ROWCOUNT AS changed;

-- name: finish
-- Of two plans for one failure, one was carried out.
UPDATE monitoring.TaskRetries
   SET State = N'done', SettledAt = SYSUTCDATETIME()
OUTPUT inserted.RetryId AS retry_id
 WHERE RetryId IN (SELECT CAST(chosen.value AS uniqueidentifier)
                     FROM OPENJSON(:retry_ids) WITH (value nvarchar(36) '$') AS chosen)
   AND State <> N'done'
   AND NOT EXISTS (SELECT 1 FROM monitoring.TaskRetries AS other
                    WHERE other.JobId = TaskRetries.JobId
                      AND other.TaskId = TaskRetries.TaskId
                      AND other.RetryCount = TaskRetries.RetryCount
                      AND other.FailedAt = TaskRetries.FailedAt
                      AND other.State = N'done');

-- name: drop
UPDATE monitoring.TaskRetries
   SET State = N'dropped', SettledAt = SYSUTCDATETIME()
 WHERE RetryId IN (SELECT CAST(chosen.value AS uniqueidentifier)
                     FROM OPENJSON(:retry_ids) WITH (value nvarchar(36) '$') AS chosen)
   AND State = N'planned';
SELECT @@ROWCOUNT AS changed;

-- name: of_job
SELECT TOP (:limit) retry.RetryId AS retry_id, retry.JobId AS job_id, retry.TaskId AS task_id,
       retry.TaskType AS task_type, retry.Stage AS stage, retry.Fingerprint AS fingerprint,
       retry.ErrorDetails AS error_details, retry.RetryCount AS retry_count,
       retry.FailedAt AS failed_at, retry.Actor AS actor, retry.Reason AS reason,
       retry.CorrelationId AS correlation_id, retry.RetriedAt AS retried_at,
       retry.State AS state, retry.SettledAt AS settled_at
  FROM monitoring.TaskRetries AS retry
 WHERE retry.JobId = :job_id
 ORDER BY retry.RetriedAt DESC, retry.RetryId;

-- name: unsettled
SELECT TOP (:limit) retry.RetryId AS retry_id, retry.JobId AS job_id, retry.TaskId AS task_id,
       retry.TaskType AS task_type, retry.Stage AS stage, retry.Fingerprint AS fingerprint,
       retry.ErrorDetails AS error_details, retry.RetryCount AS retry_count,
       retry.FailedAt AS failed_at, retry.Actor AS actor, retry.Reason AS reason,
       retry.CorrelationId AS correlation_id, retry.RetriedAt AS retried_at,
       retry.State AS state, retry.SettledAt AS settled_at
  FROM monitoring.TaskRetries AS retry
 WHERE retry.State = N'planned'
   AND retry.RetriedAt <= DATEADD(second, -:older_than_seconds, SYSUTCDATETIME())
   AND retry.JobId = :job_id                                                    -- when job_id
 ORDER BY retry.RetriedAt, retry.RetryId;
