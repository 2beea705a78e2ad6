-- name: register
-- This process, once; again is the same as once. The id that it is known by.
WITH added AS (
    INSERT INTO monitoring.worker_instances AS worker
           (worker_instance_id, worker_name, machine_name, process_id, version, environment,
            status, configuration, tags)
    VALUES (:worker_instance_id::uuid, :worker_name, :machine_name, :process_id, :version,
            :environment, 'Running', :configuration::jsonb, :tags)
    ON CONFLICT (worker_instance_id) DO NOTHING)
SELECT (:worker_instance_id::uuid)::text AS worker_instance_id;

-- name: beat
-- The process is alive, and its own figures, in one statement.
WITH alive AS (
    UPDATE monitoring.worker_instances
       SET last_heartbeat = clock_timestamp(),
           status = :status,
           stopped_at = CASE WHEN :status = 'Stopped' THEN clock_timestamp() END
     WHERE worker_instance_id = :worker_instance_id::uuid
    RETURNING worker_instance_id)
INSERT INTO monitoring.worker_metrics
       (worker_instance_id, metric_type, metric_name, metric_value, unit)
SELECT alive.worker_instance_id, 'Heartbeat', figure.name, figure.value, figure.unit
  FROM alive
 CROSS JOIN unnest(:names::text[], :values::double precision[], :units::text[])
            AS figure (name, value, unit);

-- name: retire
-- Processes that were killed without a word: nothing was heard of them. One that only slept is
-- Running again with its next beat.
UPDATE monitoring.worker_instances
   SET status = 'Stopped', stopped_at = last_heartbeat
 WHERE status NOT IN ('Stopped', 'Error')
   AND last_heartbeat < now() - make_interval(secs => :silent_seconds);
