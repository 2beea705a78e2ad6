DROP INDEX monitoring.ix_worker_metrics_type_name;
ALTER TABLE monitoring.job_metrics
    DROP COLUMN slower_count, DROP COLUMN faster_count, DROP COLUMN regressed_at,
    DROP COLUMN regression, DROP COLUMN regression_ms, DROP COLUMN regression_avg_ms,
    DROP COLUMN regression_p95_ms;
DROP TABLE monitoring.performance_baselines;
ALTER TABLE monitoring.job_metrics DROP COLUMN last_started_at;

DROP INDEX monitoring.ix_dead_letter_queue_newest, monitoring.ix_dead_letter_queue_status,
           monitoring.ix_dead_letter_queue_fingerprint, monitoring.uq_dead_letter_queue_pending;
CREATE INDEX ix_dead_letter_queue_status
    ON monitoring.dead_letter_queue (status, created_at DESC, dead_letter_id);
ALTER TABLE monitoring.dead_letter_queue
    DROP COLUMN fingerprint, DROP COLUMN error_type, DROP COLUMN occurrences,
    DROP COLUMN last_occurred_at;

DROP INDEX monitoring.ix_database_monitoring_results_bad;
ALTER TABLE monitoring.database_monitoring_results DROP COLUMN raw_status, DROP COLUMN raw_number;

DROP INDEX monitoring.ix_worker_instances_alive;
CREATE INDEX ix_worker_jobs_instance_status ON monitoring.worker_jobs (worker_instance_id, status);
CREATE INDEX ix_worker_jobs_queue ON monitoring.worker_jobs (priority, scheduled_at)
    WHERE status = 'Queued';
DROP INDEX monitoring.ix_worker_jobs_unfinished_of_instance, monitoring.ix_worker_jobs_of_instance,
           monitoring.ix_worker_jobs_ended_badly_of_instance, monitoring.ix_worker_jobs_unfinished,
           monitoring.ix_worker_jobs_available;
ALTER TABLE monitoring.worker_jobs
    DROP COLUMN indicator_id, DROP COLUMN slot_at, DROP COLUMN dead_letter_id,
    DROP COLUMN lease_id, DROP COLUMN available_at, DROP COLUMN attempts, DROP COLUMN error_type;

ALTER TABLE monitoring.indicators ADD COLUMN lease_id uuid, ADD COLUMN leased_until timestamptz;
CREATE INDEX ix_indicators_next_due_at ON monitoring.indicators (next_due_at);
DROP INDEX monitoring.ix_indicators_due;
ALTER TABLE monitoring.indicators
    DROP COLUMN tags, DROP COLUMN version, DROP COLUMN jitter_seconds, DROP COLUMN max_consecutive,
    DROP COLUMN recover_after, DROP COLUMN per_second, DROP COLUMN compare_to,
    DROP COLUMN deviation_unit, DROP COLUMN deviation_side, DROP COLUMN warning_deviation,
    DROP COLUMN critical_deviation, DROP COLUMN forecast_hours;
ALTER TABLE monitoring.database_queries DROP COLUMN tags, DROP COLUMN version;
COMMENT ON COLUMN monitoring.database_connections.connection_string IS
    'A database URL, or setting:NAME for the one that stands in that app setting.';
ALTER TABLE monitoring.database_connections
    DROP COLUMN description, DROP COLUMN max_parallel, DROP COLUMN version;
