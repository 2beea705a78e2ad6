-- The store: workers, what they monitor, what they found, and who was seen alive.

-- Workers -------------------------------------------------------------------------------------

CREATE TABLE monitoring.worker_instances (
    worker_instance_id uuid         NOT NULL DEFAULT gen_random_uuid(),
    worker_name        varchar(100) NOT NULL,
    machine_name       varchar(100) NOT NULL,
    process_id         integer      NOT NULL,
    version            varchar(50)  NOT NULL,
    environment        varchar(50)  NOT NULL,
    status             varchar(20)  NOT NULL DEFAULT 'Starting',
    started_at         timestamptz  NOT NULL DEFAULT now(),
    stopped_at         timestamptz,
    last_heartbeat     timestamptz  NOT NULL DEFAULT now(),
    configuration      jsonb,
    tags               varchar(500),
    CONSTRAINT pk_worker_instances PRIMARY KEY (worker_instance_id),
    CONSTRAINT ck_worker_instances_status
        CHECK (status IN ('Starting', 'Running', 'Stopping', 'Stopped', 'Error'))
);
CREATE INDEX ix_worker_instances_last_heartbeat ON monitoring.worker_instances (last_heartbeat);

CREATE TABLE monitoring.worker_jobs (
    job_id             uuid         NOT NULL DEFAULT gen_random_uuid(),
    worker_instance_id uuid,
    job_type           varchar(50)  NOT NULL,
    job_name           varchar(200) NOT NULL,
    status             varchar(20)  NOT NULL DEFAULT 'Queued',
    priority           integer      NOT NULL DEFAULT 5,
    scheduled_at       timestamptz  NOT NULL DEFAULT now(),
    started_at         timestamptz,
    completed_at       timestamptz,
    duration_ms        bigint,
    result_status      varchar(20),
    result_message     varchar(1000),
    result_data        jsonb,
    error_message      text,
    retry_count        integer      NOT NULL DEFAULT 0,
    max_retries        integer      NOT NULL DEFAULT 0,
    next_retry_at      timestamptz,
    CONSTRAINT pk_worker_jobs PRIMARY KEY (job_id),
    CONSTRAINT fk_worker_jobs_worker_instances FOREIGN KEY (worker_instance_id)
        REFERENCES monitoring.worker_instances ON DELETE SET NULL,
    CONSTRAINT ck_worker_jobs_status
        CHECK (status IN ('Queued', 'Running', 'Completed', 'Failed', 'Cancelled')),
    CONSTRAINT ck_worker_jobs_result_status
        CHECK (result_status IN ('Healthy', 'Warning', 'Critical', 'Error')),
    CONSTRAINT ck_worker_jobs_priority CHECK (priority BETWEEN 1 AND 10),
    CONSTRAINT ck_worker_jobs_retries CHECK (retry_count >= 0 AND max_retries >= 0)
);
CREATE INDEX ix_worker_jobs_instance_status ON monitoring.worker_jobs (worker_instance_id, status);
CREATE INDEX ix_worker_jobs_queue ON monitoring.worker_jobs (priority, scheduled_at)
    WHERE status = 'Queued';
CREATE INDEX ix_worker_jobs_completed_at ON monitoring.worker_jobs (completed_at)
    WHERE completed_at IS NOT NULL;

CREATE TABLE monitoring.worker_metrics (
    metric_id          bigint           NOT NULL GENERATED ALWAYS AS IDENTITY,
    worker_instance_id uuid             NOT NULL,
    metric_type        varchar(50)      NOT NULL,
    metric_name        varchar(100)     NOT NULL,
    metric_value       double precision NOT NULL,
    unit               varchar(20),
    tags               varchar(500),
    recorded_at        timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT pk_worker_metrics PRIMARY KEY (metric_id),
    CONSTRAINT fk_worker_metrics_worker_instances FOREIGN KEY (worker_instance_id)
        REFERENCES monitoring.worker_instances ON DELETE CASCADE,
    CONSTRAINT ck_worker_metrics_type
        CHECK (metric_type IN ('Heartbeat', 'JobExecution', 'Performance', 'Error'))
);
CREATE INDEX ix_worker_metrics_instance_name
    ON monitoring.worker_metrics (worker_instance_id, metric_name, recorded_at DESC);
CREATE INDEX ix_worker_metrics_recorded_at ON monitoring.worker_metrics (recorded_at);

-- What is monitored ---------------------------------------------------------------------------

CREATE TABLE monitoring.database_connections (
    connection_id              uuid          NOT NULL DEFAULT gen_random_uuid(),
    connection_name            varchar(100)  NOT NULL,
    provider                   varchar(50)   NOT NULL,
    connection_string          varchar(1000) NOT NULL,
    environment                varchar(50)   NOT NULL,
    tags                       varchar(500),
    connection_timeout_seconds integer       NOT NULL DEFAULT 30,
    command_timeout_seconds    integer       NOT NULL DEFAULT 30,
    is_enabled                 boolean       NOT NULL DEFAULT true,
    is_encrypted               boolean       NOT NULL DEFAULT false,
    created_at                 timestamptz   NOT NULL DEFAULT now(),
    created_by                 varchar(100)  NOT NULL,
    modified_at                timestamptz   NOT NULL DEFAULT now(),
    modified_by                varchar(100)  NOT NULL,
    CONSTRAINT pk_database_connections PRIMARY KEY (connection_id),
    CONSTRAINT uq_database_connections_name UNIQUE (connection_name),
    CONSTRAINT ck_database_connections_provider
        CHECK (provider IN ('SqlServer', 'MySQL', 'PostgreSQL', 'Oracle')),
    CONSTRAINT ck_database_connections_timeouts
        CHECK (connection_timeout_seconds > 0 AND command_timeout_seconds > 0)
);
COMMENT ON COLUMN monitoring.database_connections.connection_string IS
    'A database URL, or setting:NAME for the one that stands in that app setting.';

CREATE TABLE monitoring.database_queries (
    query_id            uuid          NOT NULL DEFAULT gen_random_uuid(),
    query_name          varchar(100)  NOT NULL,
    query_type          varchar(50)   NOT NULL DEFAULT 'Custom',
    description         text,
    sql_query           text          NOT NULL,
    result_type         varchar(20)   NOT NULL DEFAULT 'Scalar',
    unit                varchar(20),
    expected_value      varchar(100),
    comparison_operator varchar(10),
    warning_threshold   numeric(18, 4),
    critical_threshold  numeric(18, 4),
    on_empty            varchar(10)   NOT NULL DEFAULT 'error',
    timeout_seconds     integer       NOT NULL DEFAULT 30,
    is_enabled          boolean       NOT NULL DEFAULT true,
    created_at          timestamptz   NOT NULL DEFAULT now(),
    created_by          varchar(100)  NOT NULL,
    modified_at         timestamptz   NOT NULL DEFAULT now(),
    modified_by         varchar(100)  NOT NULL,
    CONSTRAINT pk_database_queries PRIMARY KEY (query_id),
    CONSTRAINT uq_database_queries_name UNIQUE (query_name),
    CONSTRAINT ck_database_queries_type
        CHECK (query_type IN ('HealthCheck', 'Performance', 'Custom')),
    CONSTRAINT ck_database_queries_result_type
        CHECK (result_type IN ('Scalar', 'NonQuery', 'DataSet')),
    CONSTRAINT ck_database_queries_operator
        CHECK (comparison_operator IN ('eq', 'ne', 'gt', 'lt', 'gte', 'lte', 'contains')),
    CONSTRAINT ck_database_queries_on_empty
        CHECK (on_empty IN ('error', 'healthy', 'warning', 'critical')),
    CONSTRAINT ck_database_queries_thresholds
        CHECK (warning_threshold <> 'NaN' AND critical_threshold <> 'NaN'),
    CONSTRAINT ck_database_queries_timeout CHECK (timeout_seconds > 0)
);

CREATE TABLE monitoring.indicators (
    indicator_id   uuid         NOT NULL DEFAULT gen_random_uuid(),
    indicator_name varchar(100) NOT NULL,
    description    text,
    connection_id  uuid         NOT NULL,
    query_id       uuid         NOT NULL,
    schedule       varchar(100) NOT NULL DEFAULT '60',
    priority       integer      NOT NULL DEFAULT 5,
    max_retries    integer      NOT NULL DEFAULT 0,
    owner          varchar(100),
    is_active      boolean      NOT NULL DEFAULT true,
    next_due_at    timestamptz  NOT NULL DEFAULT now(),
    lease_id       uuid,
    leased_until   timestamptz,
    created_at     timestamptz  NOT NULL DEFAULT now(),
    created_by     varchar(100) NOT NULL,
    modified_at    timestamptz  NOT NULL DEFAULT now(),
    modified_by    varchar(100) NOT NULL,
    CONSTRAINT pk_indicators PRIMARY KEY (indicator_id),
    CONSTRAINT uq_indicators_name UNIQUE (indicator_name),
    CONSTRAINT fk_indicators_database_connections FOREIGN KEY (connection_id)
        REFERENCES monitoring.database_connections,
    CONSTRAINT fk_indicators_database_queries FOREIGN KEY (query_id)
        REFERENCES monitoring.database_queries,
    CONSTRAINT ck_indicators_priority CHECK (priority BETWEEN 1 AND 10),
    CONSTRAINT ck_indicators_max_retries CHECK (max_retries >= 0)
);
COMMENT ON COLUMN monitoring.indicators.schedule IS
    'Seconds between two slots, or an NCRONTAB expression in UTC.';
CREATE INDEX ix_indicators_next_due_at ON monitoring.indicators (next_due_at);
CREATE INDEX ix_indicators_connection_id ON monitoring.indicators (connection_id);
CREATE INDEX ix_indicators_query_id ON monitoring.indicators (query_id);

-- What was found ------------------------------------------------------------------------------

CREATE TABLE monitoring.database_monitoring_results (
    result_id          bigint           NOT NULL GENERATED ALWAYS AS IDENTITY,
    indicator_id       uuid             NOT NULL,
    slot_at            timestamptz,
    executed_at        timestamptz      NOT NULL,
    status             varchar(20)      NOT NULL,
    value_number       numeric,
    value_text         text,
    message            text             NOT NULL,
    error_type         varchar(50),
    duration_ms        double precision NOT NULL,
    details            jsonb,
    environment        varchar(50)      NOT NULL,
    provider           varchar(50)      NOT NULL,
    worker_instance_id uuid,
    CONSTRAINT pk_database_monitoring_results PRIMARY KEY (result_id),
    CONSTRAINT uq_database_monitoring_results_slot UNIQUE (indicator_id, slot_at),
    CONSTRAINT fk_database_monitoring_results_indicators FOREIGN KEY (indicator_id)
        REFERENCES monitoring.indicators ON DELETE CASCADE,
    CONSTRAINT ck_database_monitoring_results_status
        CHECK (status IN ('Healthy', 'Warning', 'Critical', 'Error')),
    CONSTRAINT ck_database_monitoring_results_value
        CHECK (value_number IS NULL OR value_text IS NULL)
);
COMMENT ON COLUMN monitoring.database_monitoring_results.slot_at IS
    'The scheduled time that this result answers; NULL for a run by hand.';
CREATE INDEX ix_database_monitoring_results_newest
    ON monitoring.database_monitoring_results (indicator_id, executed_at DESC, result_id DESC);
CREATE INDEX ix_database_monitoring_results_executed_at
    ON monitoring.database_monitoring_results (executed_at);

-- Who was seen alive --------------------------------------------------------------------------

CREATE TABLE monitoring.system_status (
    service_name       varchar(64) NOT NULL,
    status             varchar(16) NOT NULL,
    current_task       text,
    last_heartbeat     timestamptz NOT NULL,
    due_at             timestamptz NOT NULL,
    interval_seconds   integer     NOT NULL DEFAULT 60,
    grace_seconds      integer     NOT NULL DEFAULT 120,
    worker_instance_id uuid,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_system_status PRIMARY KEY (service_name),
    CONSTRAINT fk_system_status_worker_instances FOREIGN KEY (worker_instance_id)
        REFERENCES monitoring.worker_instances ON DELETE SET NULL,
    CONSTRAINT ck_system_status_interval CHECK (interval_seconds > 0 AND grace_seconds >= 0)
);
COMMENT ON COLUMN monitoring.system_status.due_at IS
    'The end of what the newest heartbeat covers: last_heartbeat + interval + grace.';

CREATE TABLE monitoring.system_status_history (
    id                  bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    service_name        varchar(64) NOT NULL,
    status              varchar(16) NOT NULL,
    current_task        text,
    heartbeat_timestamp timestamptz NOT NULL,
    due_at              timestamptz NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_system_status_history PRIMARY KEY (id)
);
CREATE INDEX ix_system_status_history_service
    ON monitoring.system_status_history (service_name, heartbeat_timestamp DESC);
CREATE INDEX ix_system_status_history_heartbeat
    ON monitoring.system_status_history (heartbeat_timestamp);

-- How often, how long, and settings that need no deployment -----------------------------------

CREATE TABLE monitoring.job_metrics (
    job_id            varchar(200)     NOT NULL,
    total_executions  bigint           NOT NULL DEFAULT 0,
    success_count     bigint           NOT NULL DEFAULT 0,
    failure_count     bigint           NOT NULL DEFAULT 0,
    total_duration_ms double precision NOT NULL DEFAULT 0,
    min_duration_ms   double precision,
    max_duration_ms   double precision,
    last_execution_at timestamptz,
    last_success_at   timestamptz,
    last_failure_at   timestamptz,
    metadata          jsonb            NOT NULL DEFAULT '{}',
    created_at        timestamptz      NOT NULL DEFAULT now(),
    updated_at        timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT pk_job_metrics PRIMARY KEY (job_id)
);
CREATE INDEX ix_job_metrics_last_execution_at ON monitoring.job_metrics (last_execution_at);

CREATE TABLE monitoring.config (
    config_key   varchar(100) NOT NULL,
    config_value text,
    description  text         NOT NULL,
    modified_at  timestamptz  NOT NULL DEFAULT now(),
    modified_by  varchar(100) NOT NULL,
    CONSTRAINT pk_config PRIMARY KEY (config_key)
);
COMMENT ON COLUMN monitoring.config.config_value IS 'NULL: the app setting of the same meaning holds.';
INSERT INTO monitoring.config (config_key, description, modified_by) VALUES
    ('MonitoringWorker.RetentionDays',
     'Days that results, worker jobs and worker metrics are kept', 'migration'),
    ('MonitoringWorker.MaxConcurrentJobs', 'KPIs that one process runs at once', 'migration');

-- Overviews -----------------------------------------------------------------------------------

CREATE VIEW monitoring.vw_worker_status_overview AS
SELECT worker.worker_instance_id,
       worker.worker_name,
       worker.machine_name,
       worker.process_id,
       worker.version,
       worker.environment,
       worker.status,
       worker.started_at,
       worker.last_heartbeat,
       CAST(extract(epoch FROM now() - worker.last_heartbeat) AS double precision)
           AS seconds_since_heartbeat,
       CASE
           WHEN worker.status IN ('Stopped', 'Error') THEN 'down'
           WHEN worker.last_heartbeat > now() - interval '60 seconds' THEN 'healthy'
           WHEN worker.last_heartbeat > now() - interval '180 seconds' THEN 'stale'
           ELSE 'down'
       END AS health_status,
       coalesce(jobs.running, 0) AS running_jobs,
       coalesce(jobs.queued, 0) AS queued_jobs
  FROM monitoring.worker_instances AS worker
  LEFT JOIN LATERAL (
           SELECT count(*) FILTER (WHERE job.status = 'Running') AS running,
                  count(*) FILTER (WHERE job.status = 'Queued') AS queued
             FROM monitoring.worker_jobs AS job
            WHERE job.worker_instance_id = worker.worker_instance_id
              AND job.status IN ('Running', 'Queued')) AS jobs ON true;

CREATE VIEW monitoring.vw_database_monitoring_summary AS
SELECT connection.connection_id,
       connection.connection_name,
       connection.provider,
       connection.environment,
       connection.is_enabled,
       newest.executed_at AS last_check_at,
       newest.status AS last_status,
       coalesce(week.checks, 0) AS checks_7d,
       coalesce(week.healthy, 0) AS healthy_7d,
       coalesce(week.warning, 0) AS warning_7d,
       coalesce(week.critical, 0) AS critical_7d,
       coalesce(week.error, 0) AS error_7d,
       round(100.0 * week.healthy / nullif(week.checks, 0), 2) AS success_rate_7d,
       week.mean_duration_ms AS mean_duration_ms_7d
  FROM monitoring.database_connections AS connection
  LEFT JOIN LATERAL (
           SELECT result.executed_at, result.status
             FROM monitoring.indicators AS indicator
            CROSS JOIN LATERAL (
                      SELECT one.executed_at, one.status
                        FROM monitoring.database_monitoring_results AS one
                       WHERE one.indicator_id = indicator.indicator_id
                       ORDER BY one.executed_at DESC, one.result_id DESC
                       LIMIT 1) AS result
            WHERE indicator.connection_id = connection.connection_id
            ORDER BY result.executed_at DESC
            LIMIT 1) AS newest ON true
  LEFT JOIN LATERAL (
           SELECT count(*) AS checks,
                  count(*) FILTER (WHERE result.status = 'Healthy') AS healthy,
                  count(*) FILTER (WHERE result.status = 'Warning') AS warning,
                  count(*) FILTER (WHERE result.status = 'Critical') AS critical,
                  count(*) FILTER (WHERE result.status = 'Error') AS error,
                  avg(result.duration_ms) AS mean_duration_ms
             FROM monitoring.indicators AS indicator
             JOIN monitoring.database_monitoring_results AS result
               ON result.indicator_id = indicator.indicator_id
            WHERE indicator.connection_id = connection.connection_id
              AND result.executed_at > now() - interval '7 days') AS week ON true;
