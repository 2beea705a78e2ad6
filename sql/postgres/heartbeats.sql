-- name: beat_all
-- Services are alive now, each named once: their newest status and a row of history, in one statement
-- and so in one transaction. Interval and grace that are not given stay what they were. Whoever
-- writes some of the same services locks them in the same order.
WITH given AS (
    SELECT one.service, one.status, one.current_task, one.worker_instance_id,
           coalesce(one.interval_seconds, before.interval_seconds, 60) AS interval_seconds,
           coalesce(one.grace_seconds, before.grace_seconds, 120) AS grace_seconds
      FROM json_to_recordset(:beats::json)
           AS one (service text, status text, current_task text, interval_seconds integer,
                   grace_seconds integer, worker_instance_id uuid)
      LEFT JOIN monitoring.system_status AS before ON before.service_name = one.service
     ORDER BY one.service),
status AS (
    INSERT INTO monitoring.system_status AS service
           (service_name, status, current_task, last_heartbeat, due_at,
            interval_seconds, grace_seconds, worker_instance_id)
    SELECT given.service, given.status, given.current_task, clock.at,
           clock.at + make_interval(secs => given.interval_seconds + given.grace_seconds),
           given.interval_seconds, given.grace_seconds, given.worker_instance_id
      FROM (SELECT clock_timestamp() AS at) AS clock
     CROSS JOIN given
    ON CONFLICT (service_name) DO UPDATE
       SET status = excluded.status,
           current_task = excluded.current_task,
           last_heartbeat = greatest(service.last_heartbeat, excluded.last_heartbeat),
           due_at = greatest(service.last_heartbeat, excluded.last_heartbeat)
                    + make_interval(secs => excluded.interval_seconds + excluded.grace_seconds),
           interval_seconds = excluded.interval_seconds,
           grace_seconds = excluded.grace_seconds,
           worker_instance_id = excluded.worker_instance_id,
           updated_at = excluded.last_heartbeat
    RETURNING *),
history AS (
    INSERT INTO monitoring.system_status_history
           (service_name, status, current_task, heartbeat_timestamp, due_at)
    SELECT service_name, status, current_task, last_heartbeat, due_at FROM status)
SELECT service_name AS service, status, current_task, last_heartbeat, due_at, interval_seconds,
       last_heartbeat AS read_at
  FROM status;

-- name: services
SELECT service_name AS service, status, current_task, last_heartbeat, due_at, interval_seconds,
       now() AS read_at
  FROM monitoring.system_status
 WHERE TRUE
   AND service_name > :after                                                    -- when after
 ORDER BY service_name
 LIMIT :limit;
