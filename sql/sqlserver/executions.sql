-- Lists of rows come as one JSON text. Nothing here decides when a KPI is due next: only what is due.

-- name: due
-- KPIs whose slot has come, the most urgent first and of those the oldest, locked until the
-- transaction ends: whoever asks at the same time gets others. One look at the index for each
-- priority, so what is not due costs nothing. Then a change that changes nothing: a server that takes
-- the hints as advice waits here for another's, and whether each is still due is asked once more.
-- What of a KPI has not ended is read past the locks of those who begin or end an execution, since these may
-- wait for its row.
DECLARE @limit int = :limit, @now datetime2(7) = SYSUTCDATETIME(), @urgency int = 1, @taken int = 0,
        @found int, @ids nvarchar(max), @more nvarchar(max);
DECLARE @busy nvarchar(max) = :busy;                                             -- when busy
WHILE @urgency <= 10 AND @taken < @limit
BEGIN
    SELECT @found = COUNT(*),
           @more = STRING_AGG(N'"' + CAST(due.IndicatorId AS nvarchar(max)) + N'"', N',')
      FROM (SELECT TOP (@limit - @taken) one.IndicatorId
              FROM monitoring.Indicators AS one WITH (UPDLOCK, READPAST, ROWLOCK)
             WHERE one.Priority = @urgency
               AND one.NextDueAt <= @now
               AND one.QueryId IS NOT NULL
               AND one.ConnectionId NOT IN (                                     -- when busy
                       SELECT taken.id FROM OPENJSON(@busy)                      -- when busy
                         WITH (id uniqueidentifier '$') AS taken)                -- when busy
             ORDER BY one.NextDueAt) AS due;
    IF @found > 0
        SET @ids = COALESCE(@ids + N',', N'') + @more;
    SET @taken = @taken + @found;
    SET @urgency = @urgency + 1;
END;
SET @ids = N'[' + COALESCE(@ids, N'') + N']';
UPDATE monitoring.Indicators
   SET NextDueAt = NextDueAt
 WHERE NextDueAt <= @now
   AND IndicatorId IN (SELECT due.id FROM OPENJSON(@ids) WITH (id uniqueidentifier '$') AS due);
SELECT indicator.IndicatorId AS indicator_id, indicator.NextDueAt AS slot_at,
       (SELECT COUNT(*)
          FROM monitoring.WorkerJobs AS job WITH (READUNCOMMITTED)
         WHERE job.IndicatorId = indicator.IndicatorId
           AND job.DeadLetterId IS NULL
           AND job.Status IN (N'Queued', N'Running')) AS unfinished
  FROM OPENJSON(@ids) WITH (id uniqueidentifier '$') AS due
  JOIN monitoring.Indicators AS indicator ON indicator.IndicatorId = due.id
 WHERE indicator.NextDueAt <= @now
 ORDER BY indicator.Priority, indicator.NextDueAt;

-- name: waiting
-- Unfinished executions that nobody runs: those whose time for another try has come, and those of
-- a process that did not end them before its lease did. Locked in the same way. Dead letters of one
-- KPI are tried one after another.
DECLARE @limit int = :limit, @now datetime2(7) = SYSUTCDATETIME(), @ids nvarchar(max);
DECLARE @busy nvarchar(max) = :busy;                                             -- when busy
SELECT @ids = STRING_AGG(N'"' + CAST(waiting.JobId AS nvarchar(max)) + N'"', N',')
  FROM (SELECT TOP (@limit) one.JobId
          FROM monitoring.WorkerJobs AS one WITH (UPDLOCK, READPAST, ROWLOCK)
          JOIN monitoring.Indicators AS owner ON owner.IndicatorId = one.IndicatorId
         WHERE one.Status IN (N'Queued', N'Running')
           AND one.AvailableAt <= @now
           AND (one.DeadLetterId IS NULL
                OR NOT EXISTS (
                       SELECT 1 FROM monitoring.WorkerJobs AS sooner WITH (READUNCOMMITTED)
                        WHERE sooner.IndicatorId = one.IndicatorId
                          AND sooner.DeadLetterId IS NOT NULL
                          AND sooner.Status IN (N'Queued', N'Running')
                          AND (sooner.ScheduledAt < one.ScheduledAt
                               OR sooner.ScheduledAt = one.ScheduledAt
                                  AND sooner.JobId < one.JobId)))
           AND owner.ConnectionId NOT IN (                                       -- when busy
                   SELECT taken.id FROM OPENJSON(@busy)                          -- when busy
                     WITH (id uniqueidentifier '$') AS taken)                    -- when busy
         ORDER BY one.Priority, one.AvailableAt) AS waiting;
SET @ids = N'[' + COALESCE(@ids, N'') + N']';
UPDATE monitoring.WorkerJobs
   SET AvailableAt = AvailableAt
 WHERE AvailableAt <= @now
   AND Status IN (N'Queued', N'Running')
   AND JobId IN (SELECT waiting.id FROM OPENJSON(@ids)
                 WITH (id uniqueidentifier '$') AS waiting);
SELECT job.JobId AS job_id, job.IndicatorId AS indicator_id, job.SlotAt AS slot_at,
       job.RetryCount AS retry_count, job.Attempts AS attempts, job.AvailableAt AS since,
       job.DeadLetterId AS dead_letter_id
  FROM OPENJSON(@ids) WITH (id uniqueidentifier '$') AS waiting
  JOIN monitoring.WorkerJobs AS job ON job.JobId = waiting.id
 WHERE job.AvailableAt <= @now
   AND job.Status IN (N'Queued', N'Running')
 ORDER BY job.Priority, job.AvailableAt;

-- name: overtake
-- Tries that wait for an earlier slot of these KPIs, under a lease: they end as they failed the last
-- time. One that is being taken at this moment is left to whoever takes it.
UPDATE monitoring.WorkerJobs WITH (READPAST, ROWLOCK)
   SET Status = N'Running',
       LeaseId = CAST(:lease_id AS uniqueidentifier),
       WorkerInstanceId = CAST(:worker_instance_id AS uniqueidentifier)
OUTPUT inserted.JobId AS job_id, inserted.IndicatorId AS indicator_id, inserted.SlotAt AS slot_at,
       inserted.RetryCount AS retry_count, inserted.Attempts AS attempts,
       inserted.ErrorMessage AS error_message, inserted.ErrorType AS error_type,
       inserted.StartedAt AS started_at
  FROM OPENJSON(:indicator_ids) WITH (id uniqueidentifier '$') AS owner
 WHERE owner.id = WorkerJobs.IndicatorId
   AND WorkerJobs.Status = N'Queued'
   AND WorkerJobs.ErrorType IS NOT NULL
   AND WorkerJobs.DeadLetterId IS NULL
   AND WorkerJobs.SlotAt IS NOT NULL;

-- name: advance
UPDATE indicator
   SET NextDueAt = slot.next_due_at
  FROM monitoring.Indicators AS indicator
  JOIN OPENJSON(:slots)
       WITH (indicator_id uniqueidentifier '$.indicator_id',
             next_due_at datetimeoffset '$.next_due_at') AS slot
    ON slot.indicator_id = indicator.IndicatorId;
SELECT @@ROWCOUNT AS changed;

-- name: add
DECLARE @worker uniqueidentifier = :worker_instance_id, @now datetime2(7) = SYSUTCDATETIME();
INSERT INTO monitoring.WorkerJobs
       (JobId, WorkerInstanceId, JobType, JobName, Status, Priority, ScheduledAt, StartedAt,
        CompletedAt, ResultMessage, RetryCount, MaxRetries, IndicatorId, SlotAt, DeadLetterId,
        LeaseId, AvailableAt, Attempts)
SELECT job.job_id,
       CASE WHEN job.status <> N'Queued' THEN @worker END,
       N'DatabaseMonitoring', job.name, job.status, job.priority,
       CASE WHEN job.slot_at IS NULL THEN @now ELSE CAST(job.slot_at AS datetime2(7)) END,
       CASE WHEN job.status = N'Running' THEN @now END,
       CASE WHEN job.status = N'Cancelled' THEN @now END,
       job.message, 0, job.max_retries, job.indicator_id, CAST(job.slot_at AS datetime2(7)),
       job.dead_letter_id, job.lease_id,
       CASE WHEN job.status <> N'Cancelled'
            THEN DATEADD(millisecond, CAST(job.lease_seconds * 1000 AS int), @now) END,
       CASE WHEN job.status = N'Running' THEN 1 ELSE 0 END
  FROM OPENJSON(:jobs)
       WITH (job_id uniqueidentifier '$.job_id', indicator_id uniqueidentifier '$.indicator_id',
             name nvarchar(200) '$.name', status nvarchar(20) '$.status',
             priority int '$.priority', slot_at datetimeoffset '$.slot_at',
             max_retries int '$.max_retries',
             dead_letter_id uniqueidentifier '$.dead_letter_id',
             lease_id uniqueidentifier '$.lease_id', lease_seconds float '$.lease_seconds',
             message nvarchar(1000) '$.message') AS job;
SELECT @@ROWCOUNT AS changed;

-- name: resume
DECLARE @now datetime2(7) = SYSUTCDATETIME();
UPDATE job
   SET Status = N'Running',
       WorkerInstanceId = CAST(:worker_instance_id AS uniqueidentifier),
       LeaseId = CAST(:lease_id AS uniqueidentifier),
       AvailableAt = DATEADD(millisecond, CAST(lease.seconds * 1000 AS int), @now),
       StartedAt = @now,
       NextRetryAt = NULL,
       Attempts = job.Attempts + 1
  FROM monitoring.WorkerJobs AS job
  JOIN OPENJSON(:leases)
       WITH (job_id uniqueidentifier '$.job_id', seconds float '$.seconds') AS lease
    ON lease.job_id = job.JobId;
SELECT @@ROWCOUNT AS changed;

-- name: finish
-- What became of jobs; only of those whose lease is still theirs.
UPDATE monitoring.WorkerJobs
   SET Status = ended.status,
       CompletedAt = SYSUTCDATETIME(),
       DurationMs = CAST(ROUND(ended.duration_ms, 0) AS bigint),
       ResultStatus = ended.result_status,
       ResultMessage = ended.result_message,
       ErrorMessage = ended.error_message,
       ErrorType = ended.error_type,
       RetryCount = ended.retry_count,
       AvailableAt = NULL
OUTPUT inserted.JobId AS job_id
  FROM OPENJSON(:jobs)
       WITH (job_id uniqueidentifier '$.job_id', lease_id uniqueidentifier '$.lease_id',
             status nvarchar(20) '$.status', duration_ms float '$.duration_ms',
             result_status nvarchar(20) '$.result_status',
             result_message nvarchar(1000) '$.result_message',
             error_message nvarchar(max) '$.error_message',
             error_type nvarchar(50) '$.error_type', retry_count int '$.retry_count') AS ended
 WHERE ended.job_id = WorkerJobs.JobId
   AND ended.lease_id = WorkerJobs.LeaseId
   AND WorkerJobs.Status = N'Running';

-- name: postpone
-- Jobs that are tried once more later; only those whose lease is still theirs.
DECLARE @now datetime2(7) = SYSUTCDATETIME();
UPDATE monitoring.WorkerJobs
   SET Status = N'Queued',
       RetryCount = later.retry_count,
       NextRetryAt = DATEADD(millisecond, CAST(later.delay_seconds * 1000 AS int), @now),
       AvailableAt = DATEADD(millisecond, CAST(later.delay_seconds * 1000 AS int), @now),
       ErrorMessage = later.error_message,
       ErrorType = later.error_type,
       LeaseId = NULL
OUTPUT inserted.JobId AS job_id
  FROM OPENJSON(:jobs)
       WITH (job_id uniqueidentifier '$.job_id', lease_id uniqueidentifier '$.lease_id',
             retry_count int '$.retry_count', delay_seconds float '$.delay_seconds',
             error_message nvarchar(max) '$.error_message',
             error_type nvarchar(50) '$.error_type') AS later
 WHERE later.job_id = WorkerJobs.JobId
   AND later.lease_id = WorkerJobs.LeaseId
   AND WorkerJobs.Status = N'Running';

-- name: give_back
-- Jobs that were taken and not begun: anybody may take them at once.
UPDATE job
   SET Status = N'Queued', AvailableAt = SYSUTCDATETIME(), LeaseId = NULL, StartedAt = NULL,
       Attempts = job.Attempts - 1
  FROM monitoring.WorkerJobs AS job
  JOIN OPENJSON(:job_ids) WITH (job_id uniqueidentifier '$') AS taken ON taken.job_id = job.JobId
 WHERE job.LeaseId = CAST(:lease_id AS uniqueidentifier)
   AND job.Status = N'Running';
SELECT @@ROWCOUNT AS changed;

-- name: cancel_of
UPDATE monitoring.WorkerJobs
   SET Status = N'Cancelled', CompletedAt = SYSUTCDATETIME(), ResultMessage = :message,
       AvailableAt = NULL, LeaseId = NULL
 WHERE IndicatorId = CAST(:indicator_id AS uniqueidentifier)
   AND Status IN (N'Queued', N'Running');
SELECT @@ROWCOUNT AS changed;

-- name: jobs_of
-- Where a page begins is looked up again by its id: a time that has been outside the database has
-- lost its last digit.
DECLARE @worker uniqueidentifier = :worker_instance_id;
DECLARE @before_at datetime2(7) = :before_at,                                 -- when before_at
        @before_id uniqueidentifier = :before_id;                             -- when before_at
SELECT @before_at = ScheduledAt FROM monitoring.WorkerJobs                    -- when before_at
 WHERE JobId = @before_id;                                                    -- when before_at
SELECT TOP (:limit) job.JobId AS job_id, job.WorkerInstanceId AS worker_instance_id,
       job.JobType AS job_type, job.JobName AS job_name, job.Status AS status,
       job.Priority AS priority, job.ScheduledAt AS scheduled_at, job.SlotAt AS slot_at,
       job.StartedAt AS started_at, job.CompletedAt AS completed_at,
       job.DurationMs AS duration_ms, job.ResultStatus AS result_status,
       job.ResultMessage AS result_message, job.ErrorMessage AS error_message,
       job.ErrorType AS error_type, job.RetryCount AS retry_count,
       job.MaxRetries AS max_retries, job.Attempts AS attempts,
       job.NextRetryAt AS next_retry_at, job.DeadLetterId AS dead_letter_id
  FROM monitoring.WorkerJobs AS job
 WHERE job.WorkerInstanceId = @worker
   AND job.Status = :status                                                      -- when status
   AND job.ScheduledAt <= @before_at                                          -- when before_at
   AND (job.ScheduledAt < @before_at OR job.JobId > @before_id)               -- when before_at
 ORDER BY job.ScheduledAt DESC, job.JobId;

-- name: depth
SELECT job.Status AS status, COUNT(*) AS jobs
  FROM monitoring.WorkerJobs AS job
 WHERE job.Status IN (N'Queued', N'Running')
   AND job.AvailableAt IS NOT NULL
 GROUP BY job.Status;
