-- Jobs, their tasks, and the three functions that move them on, for those who have none.

DO $$
BEGIN
    IF to_regclass('app.jobs') IS NOT NULL OR to_regclass('app.tasks') IS NOT NULL THEN
        RAISE EXCEPTION 'schema app already has jobs or tasks of its own'
            USING HINT = 'They are left alone: mark this migration as applied instead (mark 0002).';
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS app;

CREATE TABLE app.jobs (
    job_id        varchar(64)  NOT NULL,
    job_type      varchar(50)  NOT NULL,
    status        varchar(25)  NOT NULL DEFAULT 'queued',
    stage         integer      NOT NULL DEFAULT 1,
    total_stages  integer      NOT NULL DEFAULT 1,
    parameters    jsonb        NOT NULL DEFAULT '{}',
    stage_results jsonb        NOT NULL DEFAULT '{}',
    result_data   jsonb,
    error_details text,
    created_at    timestamptz  NOT NULL DEFAULT now(),
    updated_at    timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT pk_jobs PRIMARY KEY (job_id),
    CONSTRAINT ck_jobs_job_id CHECK (job_id ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_jobs_job_type CHECK (job_type ~ '^[a-z_]+$'),
    CONSTRAINT ck_jobs_status CHECK (
        status IN ('queued', 'processing', 'completed', 'failed', 'completed_with_errors')),
    CONSTRAINT ck_jobs_total_stages CHECK (total_stages BETWEEN 1 AND 100),
    CONSTRAINT ck_jobs_stage CHECK (stage BETWEEN 1 AND total_stages)
);
CREATE INDEX ix_jobs_created_at ON app.jobs (created_at DESC, job_id);
CREATE INDEX ix_jobs_status ON app.jobs (status, created_at DESC, job_id);
CREATE INDEX ix_jobs_job_type ON app.jobs (job_type, created_at DESC, job_id);

CREATE TABLE app.tasks (
    task_id       varchar(100) NOT NULL,
    parent_job_id varchar(64)  NOT NULL,
    task_type     varchar(50)  NOT NULL,
    status        varchar(25)  NOT NULL DEFAULT 'queued',
    stage         integer      NOT NULL DEFAULT 1,
    task_index    varchar(50)  NOT NULL DEFAULT '0',
    parameters    jsonb        NOT NULL DEFAULT '{}',
    result_data   jsonb,
    error_details text,
    retry_count   integer      NOT NULL DEFAULT 0,
    heartbeat     timestamptz,
    created_at    timestamptz  NOT NULL DEFAULT now(),
    updated_at    timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT pk_tasks PRIMARY KEY (task_id),
    CONSTRAINT fk_tasks_jobs FOREIGN KEY (parent_job_id) REFERENCES app.jobs ON DELETE CASCADE,
    CONSTRAINT ck_tasks_status CHECK (status IN ('queued', 'processing', 'completed', 'failed')),
    CONSTRAINT ck_tasks_stage CHECK (stage BETWEEN 1 AND 100),
    CONSTRAINT ck_tasks_retry_count CHECK (retry_count BETWEEN 0 AND 10)
);
CREATE INDEX ix_tasks_parent_job_id ON app.tasks (parent_job_id, stage, status);
CREATE INDEX ix_tasks_created_at ON app.tasks (created_at DESC, task_id);
CREATE INDEX ix_tasks_status ON app.tasks (status, created_at DESC, task_id);
CREATE INDEX ix_tasks_task_type ON app.tasks (task_type, created_at DESC, task_id);

-- End one task: completed, or failed where an error is given. Only a processing task moves.
--
-- The parent job's row is updated first, before the task's. Callers of one job thus stand in
-- line, and the one behind sees what the one before it committed: at READ COMMITTED because each
-- statement here takes a new snapshot, above that because the update of a row that has changed
-- since the snapshot fails with serialization_failure, which the caller answers by trying again.
-- A row lock alone would not do: at REPEATABLE READ it lets the second caller go on with its old
-- snapshot, in which the first task is still processing, and then nobody is last.
CREATE FUNCTION app.complete_task_and_check_stage(
    p_task_id varchar,
    p_result  jsonb DEFAULT NULL,
    p_error   text DEFAULT NULL,
    OUT task_updated          boolean,
    OUT is_last_task_in_stage boolean,
    OUT job_id                varchar,
    OUT stage_number          integer,
    OUT remaining_tasks       integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    task_updated := false;
    is_last_task_in_stage := false;

    SELECT task.parent_job_id, task.stage INTO job_id, stage_number
      FROM app.tasks AS task
     WHERE task.task_id = p_task_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    UPDATE app.jobs AS job
       SET updated_at = CASE WHEN job.status IN ('queued', 'processing') THEN clock_timestamp()
                             ELSE job.updated_at END
     WHERE job.job_id = complete_task_and_check_stage.job_id;

    UPDATE app.tasks AS task
       SET status = CASE WHEN p_error IS NULL THEN 'completed' ELSE 'failed' END,
           result_data = coalesce(p_result, task.result_data),
           error_details = coalesce(p_error, task.error_details),
           updated_at = clock_timestamp()
     WHERE task.task_id = p_task_id
       AND task.status = 'processing';
    task_updated := FOUND;

    SELECT count(*)::integer INTO remaining_tasks
      FROM app.tasks AS task
     WHERE task.parent_job_id = complete_task_and_check_stage.job_id
       AND task.stage = stage_number
       AND task.status NOT IN ('completed', 'failed');
    is_last_task_in_stage := task_updated AND remaining_tasks = 0;
END
$$;

-- Move a job on from the stage that just ended, once: compare and set on the stage. The final
-- stage ends the job, completed_with_errors where any of its tasks failed; its number stays.
CREATE FUNCTION app.advance_job_stage(
    p_job_id        varchar,
    p_current_stage integer,
    p_stage_results jsonb DEFAULT NULL,
    OUT job_updated    boolean,
    OUT new_stage      integer,
    OUT is_final_stage boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    UPDATE app.jobs AS job
       SET stage = least(job.stage + 1, job.total_stages),
           status = CASE
                        WHEN job.stage < job.total_stages THEN 'processing'
                        WHEN EXISTS (SELECT FROM app.tasks AS task
                                      WHERE task.parent_job_id = job.job_id
                                        AND task.status = 'failed') THEN 'completed_with_errors'
                        ELSE 'completed'
                    END,
           stage_results = CASE
                               WHEN p_stage_results IS NULL THEN job.stage_results
                               ELSE job.stage_results
                                    || jsonb_build_object(p_current_stage::text, p_stage_results)
                           END,
           updated_at = clock_timestamp()
     WHERE job.job_id = p_job_id
       AND job.stage = p_current_stage
       AND job.status IN ('queued', 'processing')
    RETURNING job.stage, p_current_stage >= job.total_stages INTO new_stage, is_final_stage;

    job_updated := FOUND;
    IF NOT FOUND THEN
        SELECT job.stage, job.stage >= job.total_stages INTO new_stage, is_final_stage
          FROM app.jobs AS job
         WHERE job.job_id = p_job_id;
    END IF;
END
$$;

-- Whether every task of every stage of a job has ended, and their results in order. No such job:
-- job_complete is false and the rest is NULL or 0.
CREATE FUNCTION app.check_job_completion(
    p_job_id varchar,
    OUT job_complete    boolean,
    OUT final_stage     integer,
    OUT total_tasks     integer,
    OUT completed_tasks integer,
    OUT task_results    jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reached integer;
    ended   integer;
BEGIN
    SELECT job.total_stages, job.stage INTO final_stage, reached
      FROM app.jobs AS job
     WHERE job.job_id = p_job_id;

    SELECT count(*)::integer,
           count(*) FILTER (WHERE task.status = 'completed')::integer,
           count(*) FILTER (WHERE task.status IN ('completed', 'failed'))::integer,
           coalesce(jsonb_agg(jsonb_build_object(
                        'task_id', task.task_id, 'stage', task.stage, 'status', task.status,
                        'result', task.result_data, 'error', task.error_details)
                    ORDER BY task.stage, task.task_index, task.task_id), '[]')
      INTO total_tasks, completed_tasks, ended, task_results
      FROM app.tasks AS task
     WHERE task.parent_job_id = p_job_id;

    job_complete := coalesce(reached = final_stage AND total_tasks > 0 AND ended = total_tasks
                             AND EXISTS (SELECT FROM app.tasks AS task
                                          WHERE task.parent_job_id = p_job_id
                                            AND task.stage = final_stage), false);
END
$$;
