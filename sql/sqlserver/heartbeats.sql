-- name: beat_all
-- Services are alive now, each named once: their newest status and a row of history, in one round
-- trip and in one transaction. Interval and grace that are not given stay what they were.
DECLARE @beats nvarchar(max) = :beats, @now datetime2(7) = SYSUTCDATETIME();
BEGIN TRANSACTION;
UPDATE monitoring.SystemStatus WITH (UPDLOCK, SERIALIZABLE)
   SET Status = given.status,
       CurrentTask = given.current_task,
       LastHeartbeat = CASE WHEN SystemStatus.LastHeartbeat > @now THEN SystemStatus.LastHeartbeat
                            ELSE @now END,
       DueAt = DATEADD(second, COALESCE(given.interval, SystemStatus.IntervalSeconds, 60)
                               + COALESCE(given.grace, SystemStatus.GraceSeconds, 120),
                       CASE WHEN SystemStatus.LastHeartbeat > @now THEN SystemStatus.LastHeartbeat
                            ELSE @now END),
       IntervalSeconds = COALESCE(given.interval, SystemStatus.IntervalSeconds, 60),
       GraceSeconds = COALESCE(given.grace, SystemStatus.GraceSeconds, 120),
       WorkerInstanceId = given.worker,
       UpdatedAt = @now
  FROM OPENJSON(@beats)
       WITH (service nvarchar(64) '$.service', status nvarchar(16) '$.status',
             current_task nvarchar(max) '$.current_task', interval int '$.interval_seconds',
             grace int '$.grace_seconds', worker uniqueidentifier '$.worker_instance_id') AS given
 WHERE given.service = SystemStatus.ServiceName;
INSERT INTO monitoring.SystemStatus
       (ServiceName, Status, CurrentTask, LastHeartbeat, DueAt, IntervalSeconds, GraceSeconds,
        WorkerInstanceId, UpdatedAt)
SELECT given.service, given.status, given.current_task, @now,
       DATEADD(second, COALESCE(given.interval, 60) + COALESCE(given.grace, 120), @now),
       COALESCE(given.interval, 60), COALESCE(given.grace, 120), given.worker, @now
  FROM OPENJSON(@beats)
       WITH (service nvarchar(64) '$.service', status nvarchar(16) '$.status',
             current_task nvarchar(max) '$.current_task', interval int '$.interval_seconds',
             grace int '$.grace_seconds', worker uniqueidentifier '$.worker_instance_id') AS given
 WHERE NOT EXISTS (SELECT 1 FROM monitoring.SystemStatus AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.ServiceName = given.service)
 ORDER BY given.service;
INSERT INTO monitoring.SystemStatusHistory
       (ServiceName, Status, CurrentTask, HeartbeatTimestamp, DueAt)
SELECT service.ServiceName, service.Status, service.CurrentTask, service.LastHeartbeat,
       service.DueAt
  FROM OPENJSON(@beats) WITH (service nvarchar(64) '$.service') AS given
  JOIN monitoring.SystemStatus AS service ON service.ServiceName = given.service;
SELECT given.service, service.Status AS status, service.CurrentTask AS current_task,
       service.LastHeartbeat AS last_heartbeat, service.DueAt AS due_at,
       service.IntervalSeconds AS interval_seconds, service.LastHeartbeat AS read_at
  FROM OPENJSON(@beats) WITH (service nvarchar(64) '$.service') AS given
  JOIN monitoring.SystemStatus AS service ON service.ServiceName = given.service;
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
