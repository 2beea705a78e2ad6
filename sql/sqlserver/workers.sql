-- name: register
-- This process, once; again is the same as once. A procedure that was there before may give it an
-- id of its own.
DECLARE @id uniqueidentifier = :worker_instance_id, @worker_name nvarchar(100) = :worker_name,
        @machine_name nvarchar(100) = :machine_name, @process_id int = :process_id,
        @version nvarchar(50) = :version, @environment nvarchar(50) = :environment,
        @configuration nvarchar(max) = :configuration, @tags nvarchar(500) = :tags;
EXEC monitoring.sp_RegisterWorkerInstance @WorkerName = @worker_name,
     @MachineName = @machine_name, @ProcessId = @process_id, @Version = @version,
     @Environment = @environment, @Configuration = @configuration, @Tags = @tags,
     @WorkerInstanceId = @id OUTPUT;
SELECT @id AS worker_instance_id;

-- name: beat
-- The process is alive, and its own figures, in one round trip and in one transaction.
DECLARE @id uniqueidentifier = :worker_instance_id, @status nvarchar(20) = :status,
        @names nvarchar(max) = :names, @values nvarchar(max) = :values,
        @units nvarchar(max) = :units, @written int = 0;
BEGIN TRANSACTION;
IF EXISTS (SELECT 1 FROM monitoring.WorkerInstances WITH (UPDLOCK) WHERE WorkerInstanceId = @id)
BEGIN
    EXEC monitoring.sp_UpdateWorkerHeartbeat @WorkerInstanceId = @id, @Status = @status;
    INSERT INTO monitoring.WorkerMetrics
           (WorkerInstanceId, MetricType, MetricName, MetricValue, Unit)
    SELECT @id, N'Heartbeat', name.value, CAST(figure.value AS float), unit.value
      FROM OPENJSON(@names) AS name
      JOIN OPENJSON(@values) AS figure ON figure.[key] = name.[key]
      JOIN OPENJSON(@units) AS unit ON unit.[key] = name.[key];
    SET @written = @@ROWCOUNT;
END;
COMMIT TRANSACTION;
SELECT @written AS changed;

-- name: retire
-- Processes that were killed without a word: nothing was heard of them. One that only slept is
-- Running again with its next beat.
UPDATE monitoring.WorkerInstances
   SET Status = N'Stopped', StoppedAt = LastHeartbeat
 WHERE Status NOT IN (N'Stopped', N'Error')
   AND LastHeartbeat < DATEADD(second, -:silent_seconds, SYSUTCDATETIME());
SELECT @@ROWCOUNT AS changed;
