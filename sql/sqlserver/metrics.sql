-- name: count
-- One more execution of a job: counters, durations in ms, and when it last went well or badly.
DECLARE @job nvarchar(200) = :job_id, @succeeded bit = :succeeded, @duration float = :duration_ms,
        @metadata nvarchar(max) = :metadata, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE monitoring.JobMetrics WITH (UPDLOCK, SERIALIZABLE)
   SET TotalExecutions = TotalExecutions + 1,
       SuccessCount = SuccessCount + CASE WHEN @succeeded = 1 THEN 1 ELSE 0 END,
       FailureCount = FailureCount + CASE WHEN @succeeded = 1 THEN 0 ELSE 1 END,
       TotalDurationMs = TotalDurationMs + @duration,
       MinDurationMs = CASE WHEN MinDurationMs < @duration THEN MinDurationMs ELSE @duration END,
       MaxDurationMs = CASE WHEN MaxDurationMs > @duration THEN MaxDurationMs ELSE @duration END,
       LastExecutionAt = @now,
       LastSuccessAt = CASE WHEN @succeeded = 1 THEN @now ELSE LastSuccessAt END,
       LastFailureAt = CASE WHEN @succeeded = 1 THEN LastFailureAt ELSE @now END,
       Metadata = @metadata,
       UpdatedAt = @now
 WHERE JobId = @job;
IF @@ROWCOUNT = 0
    INSERT INTO monitoring.JobMetrics
           (JobId, TotalExecutions, SuccessCount, FailureCount, TotalDurationMs, MinDurationMs,
            MaxDurationMs, LastExecutionAt, LastSuccessAt, LastFailureAt, Metadata)
    VALUES (@job, 1, CASE WHEN @succeeded = 1 THEN 1 ELSE 0 END,
            CASE WHEN @succeeded = 1 THEN 0 ELSE 1 END, @duration, @duration, @duration, @now,
            CASE WHEN @succeeded = 1 THEN @now END, CASE WHEN @succeeded = 0 THEN @now END,
            @metadata);
COMMIT TRANSACTION;
SELECT 1 AS changed;

-- name: totals
SELECT JobId AS job_id, TotalExecutions AS total_executions, SuccessCount AS success_count,
       FailureCount AS failure_count, TotalDurationMs AS total_duration_ms,
       MinDurationMs AS min_duration_ms, MaxDurationMs AS max_duration_ms,
       LastExecutionAt AS last_execution_at, LastSuccessAt AS last_success_at,
       LastFailureAt AS last_failure_at, SYSUTCDATETIME() AS read_at
  FROM monitoring.JobMetrics
 ORDER BY JobId;
