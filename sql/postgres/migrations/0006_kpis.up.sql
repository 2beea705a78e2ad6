-- Managing KPIs over HTTP, their executions one by one, and what their verdicts are compared with.

-- What is managed: a version that each change raises, and tags to find it by ---------------------

ALTER TABLE monitoring.database_connections
    ADD COLUMN description  text,
    ADD COLUMN max_parallel integer NOT NULL DEFAULT 5,
    ADD COLUMN version      integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT ck_database_connections_max_parallel CHECK (max_parallel BETWEEN 1 AND 100);
COMMENT ON COLUMN monitoring.database_connections.max_parallel IS
    'How many statements one process runs there at once.';
COMMENT ON COLUMN monitoring.database_connections.connection_string IS
    'A database URL, or where it stands: setting:NAME, keyvault:https://…/secrets/NAME; where '
    'is_encrypted a Fernet token of it.';

ALTER TABLE monitoring.database_queries
    ADD COLUMN tags    varchar(500),
    ADD COLUMN version integer NOT NULL DEFAULT 1;

ALTER TABLE monitoring.indicators
    ADD COLUMN tags               varchar(500),
    ADD COLUMN version            integer     NOT NULL DEFAULT 1,
    ADD COLUMN jitter_seconds     integer     NOT NULL DEFAULT 0,
    ADD COLUMN max_consecutive    integer     NOT NULL DEFAULT 1,
    ADD COLUMN recover_after      integer     NOT NULL DEFAULT 1,
    ADD COLUMN per_second         boolean     NOT NULL DEFAULT false,
    ADD COLUMN compare_to         varchar(20),
    ADD COLUMN deviation_unit     varchar(10) NOT NULL DEFAULT 'percent',
    ADD COLUMN deviation_side     varchar(10) NOT NULL DEFAULT 'both',
    ADD COLUMN warning_deviation  numeric(18, 4),
    ADD COLUMN critical_deviation numeric(18, 4),
    ADD COLUMN forecast_hours     integer,
    ADD CONSTRAINT ck_indicators_jitter CHECK (jitter_seconds BETWEEN 0 AND 86400),
    ADD CONSTRAINT ck_indicators_consecutive
        CHECK (max_consecutive BETWEEN 1 AND 100 AND recover_after BETWEEN 1 AND 100),
    ADD CONSTRAINT ck_indicators_compare_to
        CHECK (compare_to IN ('previous', 'same_time_yesterday', 'same_time_last_week', 'baseline')),
    ADD CONSTRAINT ck_indicators_deviation_unit CHECK (deviation_unit IN ('percent', 'deviations')),
    ADD CONSTRAINT ck_indicators_deviation_side CHECK (deviation_side IN ('both', 'above', 'below')),
    ADD CONSTRAINT ck_indicators_deviations
        CHECK (warning_deviation > 0 AND critical_deviation > 0
               AND warning_deviation <> 'NaN' AND critical_deviation <> 'NaN'),
    ADD CONSTRAINT ck_indicators_forecast_hours CHECK (forecast_hours BETWEEN 1 AND 8760);
COMMENT ON COLUMN monitoring.indicators.jitter_seconds IS
    'Its slots are up to so many seconds after its schedule''s, by its name: always the same.';
COMMENT ON COLUMN monitoring.indicators.max_consecutive IS
    'The verdict turns bad with so many bad ones in a row, and good with recover_after good ones.';
COMMENT ON COLUMN monitoring.indicators.per_second IS
    'The value is a counter, and what is judged is by how much it grows in a second.';

-- Due ones of each priority, the oldest first. Nobody asks for them by time alone any more, and who
-- runs one is in its worker job.
CREATE INDEX ix_indicators_due ON monitoring.indicators (priority, next_due_at);
DROP INDEX monitoring.ix_indicators_next_due_at;
ALTER TABLE monitoring.indicators DROP COLUMN lease_id, DROP COLUMN leased_until;

-- Every execution is a worker job ---------------------------------------------------------------

ALTER TABLE monitoring.worker_jobs
    ADD COLUMN indicator_id   uuid,
    ADD COLUMN slot_at        timestamptz,
    ADD COLUMN dead_letter_id uuid,
    ADD COLUMN lease_id       uuid,
    ADD COLUMN available_at   timestamptz,
    ADD COLUMN attempts       integer NOT NULL DEFAULT 0,
    ADD COLUMN error_type     varchar(50),
    ADD CONSTRAINT ck_worker_jobs_attempts CHECK (attempts >= 0);
COMMENT ON COLUMN monitoring.worker_jobs.available_at IS
    'Of an unfinished job: from when on anybody may take it. While it runs that is the end of its '
    'lease, while it waits for another try next_retry_at.';
COMMENT ON COLUMN monitoring.worker_jobs.attempts IS
    'How often it was begun, by processes that were killed too.';

CREATE INDEX ix_worker_jobs_available ON monitoring.worker_jobs (available_at)
    WHERE status IN ('Queued', 'Running');
CREATE INDEX ix_worker_jobs_unfinished ON monitoring.worker_jobs (indicator_id)
    WHERE status IN ('Queued', 'Running');
CREATE INDEX ix_worker_jobs_of_instance
    ON monitoring.worker_jobs (worker_instance_id, scheduled_at DESC, job_id);
CREATE INDEX ix_worker_jobs_unfinished_of_instance
    ON monitoring.worker_jobs (worker_instance_id, status) WHERE status IN ('Queued', 'Running');
CREATE INDEX ix_worker_jobs_ended_badly_of_instance
    ON monitoring.worker_jobs (worker_instance_id, status, scheduled_at DESC, job_id)
    WHERE status IN ('Failed', 'Cancelled');
DROP INDEX monitoring.ix_worker_jobs_instance_status, monitoring.ix_worker_jobs_queue;

CREATE INDEX ix_worker_instances_alive ON monitoring.worker_instances (last_heartbeat)
    WHERE status NOT IN ('Stopped', 'Error');

-- What was found --------------------------------------------------------------------------------

ALTER TABLE monitoring.database_monitoring_results
    ADD COLUMN raw_status  varchar(20),
    ADD COLUMN raw_number  numeric,
    ADD CONSTRAINT ck_database_monitoring_results_raw_status
        CHECK (raw_status IN ('Healthy', 'Warning', 'Critical', 'Error'));
COMMENT ON COLUMN monitoring.database_monitoring_results.raw_status IS
    'The verdict of this execution alone, where it is not status: see indicators.max_consecutive.';
COMMENT ON COLUMN monitoring.database_monitoring_results.raw_number IS
    'The counter itself, where value_number is by how much it grows in a second.';
CREATE INDEX ix_database_monitoring_results_bad
    ON monitoring.database_monitoring_results (indicator_id, status, executed_at DESC, result_id DESC)
    WHERE status <> 'Healthy';

-- What failed for good: the same failure of the same KPI waits once, however often it comes ------

ALTER TABLE monitoring.dead_letter_queue
    ADD COLUMN fingerprint      varchar(64),
    ADD COLUMN error_type       varchar(50),
    ADD COLUMN occurrences      integer NOT NULL DEFAULT 1,
    ADD COLUMN last_occurred_at timestamptz;
UPDATE monitoring.dead_letter_queue SET last_occurred_at = created_at;
ALTER TABLE monitoring.dead_letter_queue
    ALTER COLUMN last_occurred_at SET DEFAULT now(),
    ALTER COLUMN last_occurred_at SET NOT NULL;
COMMENT ON COLUMN monitoring.dead_letter_queue.last_occurred_at IS
    'When it failed the last time, by itself or when it was tried again.';
CREATE UNIQUE INDEX uq_dead_letter_queue_pending
    ON monitoring.dead_letter_queue (job_id, fingerprint) WHERE status = 'PENDING';
CREATE INDEX ix_dead_letter_queue_fingerprint
    ON monitoring.dead_letter_queue (fingerprint, status, last_occurred_at DESC, dead_letter_id);
DROP INDEX monitoring.ix_dead_letter_queue_status;
CREATE INDEX ix_dead_letter_queue_status
    ON monitoring.dead_letter_queue (status, last_occurred_at DESC, dead_letter_id);
CREATE INDEX ix_dead_letter_queue_newest
    ON monitoring.dead_letter_queue (last_occurred_at DESC, dead_letter_id);

-- How long things take normally, and since when they run ----------------------------------------

ALTER TABLE monitoring.job_metrics ADD COLUMN last_started_at timestamptz;
COMMENT ON COLUMN monitoring.job_metrics.last_started_at IS
    'Of a timer: when it began the last time. Later than last_execution_at, it runs or was killed.';

CREATE TABLE monitoring.performance_baselines (
    job_id          varchar(200)     NOT NULL,
    baseline_avg_ms double precision NOT NULL,
    baseline_p95_ms double precision NOT NULL,
    sample_size     integer          NOT NULL,
    created_at      timestamptz      NOT NULL DEFAULT now(),
    updated_at      timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT pk_performance_baselines PRIMARY KEY (job_id),
    CONSTRAINT ck_performance_baselines_sample_size CHECK (sample_size > 0)
);
CREATE INDEX ix_performance_baselines_updated_at ON monitoring.performance_baselines (updated_at);
ALTER TABLE monitoring.job_metrics
    ADD COLUMN slower_count       bigint NOT NULL DEFAULT 0,
    ADD COLUMN faster_count       bigint NOT NULL DEFAULT 0,
    ADD COLUMN regressed_at       timestamptz,
    ADD COLUMN regression         varchar(10),
    ADD COLUMN regression_ms      double precision,
    ADD COLUMN regression_avg_ms  double precision,
    ADD COLUMN regression_p95_ms  double precision,
    ADD CONSTRAINT ck_job_metrics_regression CHECK (regression IN ('slower', 'faster'));
COMMENT ON COLUMN monitoring.job_metrics.slower_count IS
    'Executions that were far slower than normal, one in five minutes; faster_count: far faster.';
COMMENT ON COLUMN monitoring.job_metrics.regression_ms IS
    'How long the newest of them took, and what was normal then.';
CREATE INDEX ix_worker_metrics_type_name
    ON monitoring.worker_metrics (metric_type, metric_name, recorded_at DESC);
