-- Each statement removes at most one batch of rows older than so many days, oldest first, and is a
-- transaction of its own: it holds few row locks, briefly. No rows left to remove: 0.

-- name: remove_database_monitoring_results
DELETE FROM monitoring.database_monitoring_results
 WHERE result_id IN (
           SELECT result_id FROM monitoring.database_monitoring_results
            WHERE executed_at < now() - make_interval(days => :days)
            ORDER BY executed_at LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_database_monitoring_hours
DELETE FROM monitoring.database_monitoring_hours
 WHERE (indicator_id, hour_at) IN (
           SELECT indicator_id, hour_at FROM monitoring.database_monitoring_hours
            WHERE hour_at < now() - make_interval(days => :days)
            ORDER BY hour_at LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_worker_jobs
DELETE FROM monitoring.worker_jobs
 WHERE job_id IN (
           SELECT job_id FROM monitoring.worker_jobs
            WHERE completed_at < now() - make_interval(days => :days)
            ORDER BY completed_at LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_worker_metrics
DELETE FROM monitoring.worker_metrics
 WHERE metric_id IN (
           SELECT metric_id FROM monitoring.worker_metrics
            WHERE recorded_at < now() - make_interval(days => :days)
            ORDER BY recorded_at LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_system_status_history
DELETE FROM monitoring.system_status_history
 WHERE id IN (
           SELECT id FROM monitoring.system_status_history
            WHERE heartbeat_timestamp < now() - make_interval(days => :days)
            ORDER BY heartbeat_timestamp LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_worker_instances
-- Only those that ended, and whose metrics are gone.
DELETE FROM monitoring.worker_instances
 WHERE worker_instance_id IN (
           SELECT worker.worker_instance_id FROM monitoring.worker_instances AS worker
            WHERE worker.last_heartbeat < now() - make_interval(days => :days)
              AND worker.status IN ('Stopped', 'Error')
              AND NOT EXISTS (SELECT FROM monitoring.worker_metrics AS metric
                               WHERE metric.worker_instance_id = worker.worker_instance_id)
            ORDER BY worker.last_heartbeat LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_audit_log
DELETE FROM monitoring.audit_log
 WHERE audit_id IN (
           SELECT audit_id FROM monitoring.audit_log
            WHERE happened_at < now() - make_interval(days => :days)
            ORDER BY happened_at LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_dead_letter_queue
-- Only those that are done with: what waits, waits until somebody looks at it.
DELETE FROM monitoring.dead_letter_queue
 WHERE dead_letter_id IN (
           SELECT dead_letter_id FROM monitoring.dead_letter_queue
            WHERE created_at < now() - make_interval(days => :days)
              AND updated_at < now() - make_interval(days => :days)
              AND status IN ('SUCCEEDED', 'FAILED')
            ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED);

-- name: remove_job_metrics
-- Of jobs that have not run for so long: most likely there are none of that name any more.
DELETE FROM monitoring.job_metrics
 WHERE job_id IN (
           SELECT job_id FROM monitoring.job_metrics
            WHERE last_execution_at < now() - make_interval(days => :days)
            ORDER BY last_execution_at LIMIT :batch FOR UPDATE SKIP LOCKED);
