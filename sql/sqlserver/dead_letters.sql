-- What failed for good. The same failure of the same job waits once: whoever adds one locks its place
-- in the index first.

-- name: add
-- One that waits already is counted, and has the newest input from now on.
DECLARE @letters nvarchar(max) = :letters, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE monitoring.DeadLetterQueue WITH (UPDLOCK, SERIALIZABLE)
   SET EventData = one.event_data,
       Error = one.error,
       ErrorType = one.error_type,
       Occurrences = DeadLetterQueue.Occurrences + one.occurrences,
       LastOccurredAt = @now,
       UpdatedAt = @now
  FROM OPENJSON(@letters)
       WITH (job_id nvarchar(200) '$.job_id', fingerprint nvarchar(64) '$.fingerprint',
             event_data nvarchar(max) '$.event_data' AS JSON, error nvarchar(max) '$.error',
             error_type nvarchar(50) '$.error_type',
             metadata nvarchar(max) '$.metadata' AS JSON, occurrences int '$.occurrences') AS one
 WHERE DeadLetterQueue.JobId = one.job_id
   AND DeadLetterQueue.Fingerprint = one.fingerprint
   AND DeadLetterQueue.Status = N'PENDING';
INSERT INTO monitoring.DeadLetterQueue
       (JobId, Fingerprint, EventData, Error, ErrorType, Metadata, Occurrences)
SELECT one.job_id, one.fingerprint, one.event_data, one.error, one.error_type, one.metadata,
       one.occurrences
  FROM OPENJSON(@letters)
       WITH (job_id nvarchar(200) '$.job_id', fingerprint nvarchar(64) '$.fingerprint',
             event_data nvarchar(max) '$.event_data' AS JSON, error nvarchar(max) '$.error',
             error_type nvarchar(50) '$.error_type',
             metadata nvarchar(max) '$.metadata' AS JSON, occurrences int '$.occurrences') AS one
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.DeadLetterQueue AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.JobId = one.job_id
                      AND there.Fingerprint = one.fingerprint
                      AND there.Status = N'PENDING');
COMMIT TRANSACTION;
SELECT 1 AS changed;

-- name: find
SELECT letter.DeadLetterId AS dead_letter_id, letter.JobId AS job_id,
       letter.Fingerprint AS fingerprint, letter.EventData AS event_data, letter.Error AS error,
       letter.ErrorType AS error_type, letter.Metadata AS metadata, letter.Status AS status,
       letter.Attempts AS attempts, letter.Occurrences AS occurrences,
       letter.LastOccurredAt AS last_occurred_at, letter.LastAttemptAt AS last_attempt_at,
       letter.ProcessedAt AS processed_at, letter.CreatedAt AS created_at,
       letter.UpdatedAt AS updated_at
  FROM monitoring.DeadLetterQueue AS letter
 WHERE letter.DeadLetterId = CAST(:dead_letter_id AS uniqueidentifier);

-- name: list
-- By when each failed last. One that does so again comes to the front: whoever turns pages sees each
-- at most once. Where a page begins is looked up again by its id, unless it has moved since: a time
-- that has been outside the database has lost its last digit.
DECLARE @before_at datetime2(7) = :before_at,                                     -- when before_at
        @before_id uniqueidentifier = :before_id;                                 -- when before_at
SELECT @before_at = LastOccurredAt FROM monitoring.DeadLetterQueue                -- when before_at
 WHERE DeadLetterId = @before_id                                                  -- when before_at
   AND LastOccurredAt < DATEADD(microsecond, 1, @before_at);                      -- when before_at
SELECT TOP (:limit) letter.DeadLetterId AS dead_letter_id, letter.JobId AS job_id,
       letter.Fingerprint AS fingerprint, letter.EventData AS event_data, letter.Error AS error,
       letter.ErrorType AS error_type, letter.Metadata AS metadata, letter.Status AS status,
       letter.Attempts AS attempts, letter.Occurrences AS occurrences,
       letter.LastOccurredAt AS last_occurred_at, letter.LastAttemptAt AS last_attempt_at,
       letter.ProcessedAt AS processed_at, letter.CreatedAt AS created_at,
       letter.UpdatedAt AS updated_at
  FROM monitoring.DeadLetterQueue AS letter
 WHERE 1 = 1
   AND letter.Status = :status                                                       -- when status
   AND letter.JobId = :job_id                                                        -- when job_id
   AND letter.Fingerprint = :fingerprint                                        -- when fingerprint
   AND letter.LastOccurredAt >= DATEADD(hour, -:hours, SYSUTCDATETIME())              -- when hours
   AND letter.LastOccurredAt <= @before_at                                        -- when before_at
   AND (letter.LastOccurredAt < @before_at OR letter.DeadLetterId > @before_id)   -- when before_at
 ORDER BY letter.LastOccurredAt DESC, letter.DeadLetterId;

-- name: pending
-- What waits for another try, newest first, and how many there are in all.
SELECT TOP (:limit) letter.DeadLetterId AS dead_letter_id, letter.JobId AS job_id,
       letter.Fingerprint AS fingerprint, letter.EventData AS event_data, letter.Error AS error,
       letter.ErrorType AS error_type, letter.Metadata AS metadata, letter.Status AS status,
       letter.Attempts AS attempts, letter.Occurrences AS occurrences,
       letter.LastOccurredAt AS last_occurred_at, letter.LastAttemptAt AS last_attempt_at,
       letter.ProcessedAt AS processed_at, letter.CreatedAt AS created_at,
       letter.UpdatedAt AS updated_at, COUNT(*) OVER () AS total
  FROM monitoring.DeadLetterQueue AS letter
 WHERE letter.Status = N'PENDING'
   AND letter.LastOccurredAt >= DATEADD(hour, -:hours, SYSUTCDATETIME())              -- when hours
 ORDER BY letter.LastOccurredAt DESC, letter.DeadLetterId;

-- name: take
-- Whoever takes at the same time does not wait for these, and gets none of them.
DECLARE @now datetime2(7) = SYSUTCDATETIME(), @ids nvarchar(max);
SELECT @ids = STRING_AGG(N'"' + CAST(waiting.DeadLetterId AS nvarchar(max)) + N'"', N',')
  FROM monitoring.DeadLetterQueue AS waiting WITH (UPDLOCK, READPAST, ROWLOCK)
 WHERE waiting.Status = N'PENDING'
   AND waiting.DeadLetterId IN (SELECT chosen.id FROM OPENJSON(:dead_letter_ids)
                                WITH (id uniqueidentifier '$') AS chosen);
SET @ids = N'[' + COALESCE(@ids, N'') + N']';
UPDATE monitoring.DeadLetterQueue
   SET Status = N'PROCESSING', LastAttemptAt = @now, UpdatedAt = @now
 WHERE Status = N'PENDING'
   AND DeadLetterId IN (SELECT waiting.id FROM OPENJSON(@ids)
                        WITH (id uniqueidentifier '$') AS waiting);
SELECT letter.DeadLetterId AS dead_letter_id, letter.JobId AS job_id,
       letter.Fingerprint AS fingerprint, letter.EventData AS event_data, letter.Error AS error,
       letter.ErrorType AS error_type, letter.Metadata AS metadata, letter.Status AS status,
       letter.Attempts AS attempts, letter.Occurrences AS occurrences,
       letter.LastOccurredAt AS last_occurred_at, letter.LastAttemptAt AS last_attempt_at,
       letter.ProcessedAt AS processed_at, letter.CreatedAt AS created_at,
       letter.UpdatedAt AS updated_at
  FROM OPENJSON(@ids) WITH (id uniqueidentifier '$') AS waiting
  JOIN monitoring.DeadLetterQueue AS letter ON letter.DeadLetterId = waiting.id
 WHERE letter.Status = N'PROCESSING'
   AND letter.LastAttemptAt = @now
 ORDER BY letter.CreatedAt, letter.DeadLetterId;

-- name: succeed
UPDATE monitoring.DeadLetterQueue
   SET Status = N'SUCCEEDED',
       Attempts = Attempts + 1,
       ProcessedAt = SYSUTCDATETIME(),
       UpdatedAt = SYSUTCDATETIME()
 WHERE Status = N'PROCESSING'
   AND DeadLetterId IN (SELECT chosen.id FROM OPENJSON(:dead_letter_ids)
                        WITH (id uniqueidentifier '$') AS chosen);
SELECT @@ROWCOUNT AS changed;

-- name: put_back
-- These wait once more. Where the same failure came again meanwhile, and waits, or several of these
-- are of the same, they become one: the oldest that was tried, with the newest input, and all are
-- counted.
DECLARE @ids nvarchar(max) = :dead_letter_ids, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE letter
   SET EventData = COALESCE(newer.EventData, letter.EventData),
       Error = COALESCE(newer.Error, letter.Error),
       ErrorType = CASE WHEN newer.DeadLetterId IS NULL THEN letter.ErrorType
                        ELSE newer.ErrorType END,
       Attempts = tried.attempts + COALESCE(newer.Attempts, 0),
       Occurrences = tried.occurrences + COALESCE(newer.Occurrences, 0),
       CreatedAt = CASE WHEN newer.CreatedAt < letter.CreatedAt THEN newer.CreatedAt
                        ELSE letter.CreatedAt END,
       LastOccurredAt = @now,
       UpdatedAt = @now
  FROM monitoring.DeadLetterQueue AS letter
  JOIN (SELECT one.DeadLetterId,
               ROW_NUMBER() OVER (
                   PARTITION BY one.JobId, one.Fingerprint,
                                CASE WHEN one.Fingerprint IS NULL THEN one.DeadLetterId END
                       ORDER BY one.CreatedAt, one.DeadLetterId) AS place,
               SUM(one.Attempts + 1) OVER (
                   PARTITION BY one.JobId, one.Fingerprint,
                                CASE WHEN one.Fingerprint IS NULL THEN one.DeadLetterId END)
                   AS attempts,
               SUM(one.Occurrences) OVER (
                   PARTITION BY one.JobId, one.Fingerprint,
                                CASE WHEN one.Fingerprint IS NULL THEN one.DeadLetterId END)
                   AS occurrences
          FROM monitoring.DeadLetterQueue AS one WITH (UPDLOCK)
         WHERE one.Status = N'PROCESSING'
           AND one.DeadLetterId IN (SELECT chosen.id FROM OPENJSON(@ids)
                                    WITH (id uniqueidentifier '$') AS chosen)) AS tried
    ON tried.DeadLetterId = letter.DeadLetterId
   AND tried.place = 1
  LEFT JOIN monitoring.DeadLetterQueue AS newer WITH (UPDLOCK, SERIALIZABLE)
    ON newer.JobId = letter.JobId
   AND newer.Fingerprint = letter.Fingerprint
   AND newer.Status = N'PENDING';
DELETE FROM monitoring.DeadLetterQueue
 WHERE Status = N'PENDING'
   AND EXISTS (SELECT 1 FROM monitoring.DeadLetterQueue AS tried
                WHERE tried.JobId = DeadLetterQueue.JobId
                  AND tried.Fingerprint = DeadLetterQueue.Fingerprint
                  AND tried.Status = N'PROCESSING'
                  AND tried.DeadLetterId IN (SELECT chosen.id FROM OPENJSON(@ids)
                                             WITH (id uniqueidentifier '$') AS chosen));
DELETE FROM monitoring.DeadLetterQueue
 WHERE Status = N'PROCESSING'
   AND DeadLetterId IN (SELECT chosen.id FROM OPENJSON(@ids)
                        WITH (id uniqueidentifier '$') AS chosen)
   AND EXISTS (SELECT 1 FROM monitoring.DeadLetterQueue AS older
                WHERE older.JobId = DeadLetterQueue.JobId
                  AND older.Fingerprint = DeadLetterQueue.Fingerprint
                  AND older.Status = N'PROCESSING'
                  AND (older.CreatedAt < DeadLetterQueue.CreatedAt
                       OR older.CreatedAt = DeadLetterQueue.CreatedAt
                          AND older.DeadLetterId < DeadLetterQueue.DeadLetterId)
                  AND older.DeadLetterId IN (SELECT chosen.id FROM OPENJSON(@ids)
                                             WITH (id uniqueidentifier '$') AS chosen));
UPDATE monitoring.DeadLetterQueue
   SET Status = N'PENDING'
 WHERE Status = N'PROCESSING'
   AND DeadLetterId IN (SELECT chosen.id FROM OPENJSON(@ids)
                        WITH (id uniqueidentifier '$') AS chosen);
COMMIT TRANSACTION;
SELECT 1 AS changed;

-- name: discard
UPDATE monitoring.DeadLetterQueue
   SET Status = N'FAILED',
       Metadata = JSON_MODIFY(COALESCE(Metadata, N'{}'), '$.discarded', JSON_QUERY(:metadata)),
       ProcessedAt = SYSUTCDATETIME(),
       UpdatedAt = SYSUTCDATETIME()
 WHERE DeadLetterId = CAST(:dead_letter_id AS uniqueidentifier)
   AND Status = N'PENDING';
SELECT @@ROWCOUNT AS changed;

-- name: discard_of
UPDATE monitoring.DeadLetterQueue
   SET Status = N'FAILED',
       Metadata = JSON_MODIFY(COALESCE(Metadata, N'{}'), '$.discarded', JSON_QUERY(:metadata)),
       ProcessedAt = SYSUTCDATETIME(),
       UpdatedAt = SYSUTCDATETIME()
 WHERE JobId = :job_id
   AND Status IN (N'PENDING', N'PROCESSING');
SELECT @@ROWCOUNT AS changed;

-- name: depth
SELECT letter.Status AS status, COUNT(*) AS letters
  FROM monitoring.DeadLetterQueue AS letter
 WHERE letter.Fingerprint = :fingerprint                                        -- when fingerprint
 GROUP BY letter.Status;
