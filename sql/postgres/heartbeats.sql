-- name: beat
-- A service is alive now: its newest status and a row of history, in one statement and so in one
-- transaction. Interval and grace that are not given stay what they were.
WITH status AS (
    INSERT INTO monitoring.system_status AS service
           (service_name, status, current_task, last_heartbeat, due_at,
            interval_seconds, grace_seconds, worker_instance_id)
    SELECT :service, :status, :current_task, clock.at,
           clock.at + make_interval(secs => given.interval_seconds + given.grace_seconds),
           given.interval_seconds, given.grace_seconds, :worker_instance_id::uuid
      FROM (SELECT clock_timestamp() AS at) AS clock
     CROSS JOIN (SELECT coalesce(:interval_seconds::integer, before.interval_seconds, 60)
                            AS interval_seconds,
                        coalesce(:grace_seconds::integer, before.grace_seconds, 120)
                            AS grace_seconds
                   FROM (SELECT 1) AS always
                   LEFT JOIN monitoring.system_status AS before
                     ON before.service_name = :service) AS given
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
