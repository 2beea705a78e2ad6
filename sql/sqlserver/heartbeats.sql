-- name: beat
-- A service is alive now: its newest status and a row of history, in one round trip and in one
-- transaction. Interval and grace that are not given stay what they were.
DECLARE @service nvarchar(64) = :service, @status nvarchar(16) = :status,
        @current_task nvarchar(max) = :current_task, @interval int = :interval_seconds,
        @grace int = :grace_seconds, @worker uniqueidentifier = :worker_instance_id,
        @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE monitoring.SystemStatus WITH (UPDLOCK, SERIALIZABLE)
   SET Status = @status,
       CurrentTask = @current_task,
       LastHeartbeat = CASE WHEN LastHeartbeat > @now THEN LastHeartbeat ELSE @now END,
       DueAt = DATEADD(second, COALESCE(@interval, IntervalSeconds, 60)
                               + COALESCE(@grace, GraceSeconds, 120),
                       CASE WHEN LastHeartbeat > @now THEN LastHeartbeat ELSE @now END),
       IntervalSeconds = COALESCE(@interval, IntervalSeconds, 60),
       GraceSeconds = COALESCE(@grace, GraceSeconds, 120),
       WorkerInstanceId = @worker,
       UpdatedAt = @now
 WHERE ServiceName = @service;
IF @@ROWCOUNT = 0
    INSERT INTO monitoring.SystemStatus
           (ServiceName, Status, CurrentTask, LastHeartbeat, DueAt, IntervalSeconds, GraceSeconds,
            WorkerInstanceId, UpdatedAt)
    VALUES (@service, @status, @current_task, @now,
            DATEADD(second, COALESCE(@interval, 60) + COALESCE(@grace, 120), @now),
            COALESCE(@interval, 60), COALESCE(@grace, 120), @worker, @now);
INSERT INTO monitoring.SystemStatusHistory
       (ServiceName, Status, CurrentTask, HeartbeatTimestamp, DueAt)
SELECT ServiceName, Status, CurrentTask, LastHeartbeat, DueAt
  FROM monitoring.SystemStatus
 WHERE ServiceName = @service;
SELECT ServiceName AS service, Status AS status, CurrentTask AS current_task,
       LastHeartbeat AS last_heartbeat, DueAt AS due_at, IntervalSeconds AS interval_seconds,
       LastHeartbeat AS read_at
  FROM monitoring.SystemStatus
 WHERE ServiceName = @service;
COMMIT TRANSACTION;

-- name: services
-- A row that another application put into the table has no DueAt and is none of our services.
SELECT TOP (:limit) ServiceName AS service, Status AS status, CurrentTask AS current_task,
       LastHeartbeat AS last_heartbeat, DueAt AS due_at, IntervalSeconds AS interval_seconds,
       SYSUTCDATETIME() AS read_at
  FROM monitoring.SystemStatus
 WHERE DueAt IS NOT NULL
   AND ServiceName > :after                                                     -- when after
 ORDER BY ServiceName;
