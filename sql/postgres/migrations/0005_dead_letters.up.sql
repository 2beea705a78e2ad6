-- What failed for good, with its input, for another try.

CREATE TABLE monitoring.dead_letter_queue (
    dead_letter_id  uuid         NOT NULL DEFAULT gen_random_uuid(),
    job_id          varchar(200) NOT NULL,
    event_data      jsonb        NOT NULL,
    error           text         NOT NULL,
    metadata        jsonb        NOT NULL DEFAULT '{}',
    status          varchar(20)  NOT NULL DEFAULT 'PENDING',
    attempts        integer      NOT NULL DEFAULT 0,
    last_attempt_at timestamptz,
    processed_at    timestamptz,
    created_at      timestamptz  NOT NULL DEFAULT now(),
    updated_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT pk_dead_letter_queue PRIMARY KEY (dead_letter_id),
    CONSTRAINT ck_dead_letter_queue_status
        CHECK (status IN ('PENDING', 'PROCESSING', 'SUCCEEDED', 'FAILED')),
    CONSTRAINT ck_dead_letter_queue_attempts CHECK (attempts >= 0)
);
CREATE INDEX ix_dead_letter_queue_status
    ON monitoring.dead_letter_queue (status, created_at DESC, dead_letter_id);
CREATE INDEX ix_dead_letter_queue_job_id ON monitoring.dead_letter_queue (job_id);
CREATE INDEX ix_dead_letter_queue_created_at ON monitoring.dead_letter_queue (created_at);
