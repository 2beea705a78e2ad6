-- Who changed what, and the failures of tasks that were put back as queued.

CREATE TABLE monitoring.audit_log (
    audit_id       bigint       NOT NULL GENERATED ALWAYS AS IDENTITY,
    happened_at    timestamptz  NOT NULL DEFAULT now(),
    actor          varchar(100) NOT NULL,
    action         varchar(50)  NOT NULL,
    entity_type    varchar(50)  NOT NULL,
    entity_id      varchar(200) NOT NULL,
    old_values     jsonb,
    new_values     jsonb,
    reason         varchar(500),
    correlation_id varchar(128),
    CONSTRAINT pk_audit_log PRIMARY KEY (audit_id)
);
CREATE INDEX ix_audit_log_happened_at ON monitoring.audit_log (happened_at);
CREATE INDEX ix_audit_log_entity ON monitoring.audit_log (entity_type, entity_id, audit_id);

-- A failure is written down before its task is moved (planned), in another database than the
-- task's where need be, and afterwards what became of that: done, or dropped where it did not move.
CREATE TABLE monitoring.task_retries (
    retry_id       uuid         NOT NULL,
    job_id         varchar(100) NOT NULL,
    task_id        varchar(100) NOT NULL,
    task_type      varchar(100) NOT NULL,
    stage          integer      NOT NULL,
    fingerprint    varchar(64),
    error_details  text,
    retry_count    integer      NOT NULL,
    failed_at      timestamptz  NOT NULL,
    retried_at     timestamptz  NOT NULL DEFAULT now(),
    actor          varchar(100) NOT NULL,
    reason         varchar(500) NOT NULL,
    correlation_id varchar(128),
    state          varchar(10)  NOT NULL DEFAULT 'planned',
    settled_at     timestamptz,
    CONSTRAINT pk_task_retries PRIMARY KEY (retry_id),
    CONSTRAINT ck_task_retries_state CHECK (state IN ('planned', 'done', 'dropped')),
    CONSTRAINT ck_task_retries_settled CHECK ((state = 'planned') = (settled_at IS NULL))
);
COMMENT ON COLUMN monitoring.task_retries.retry_count IS 'Of the task before it was put back.';
CREATE INDEX ix_task_retries_job_id ON monitoring.task_retries (job_id, retried_at);
CREATE INDEX ix_task_retries_planned ON monitoring.task_retries (retried_at)
 WHERE state = 'planned';
