-- name: pending
-- What failed for good and waits for another try, newest first, and how many there are in all.
SELECT TOP (:limit) DeadLetterId AS dead_letter_id, JobId AS job_id, EventData AS event_data,
       Error AS error, Metadata AS metadata, Status AS status, Attempts AS attempts,
       LastAttemptAt AS last_attempt_at, ProcessedAt AS processed_at, CreatedAt AS created_at,
       UpdatedAt AS updated_at, COUNT(*) OVER () AS total
  FROM monitoring.DeadLetterQueue
 WHERE Status = N'PENDING'
   AND CreatedAt >= DATEADD(hour, -:hours, SYSUTCDATETIME())                    -- when hours
 ORDER BY CreatedAt DESC, DeadLetterId;
