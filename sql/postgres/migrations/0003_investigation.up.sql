-- What looking into jobs needs: when a task was started, and the order of each list. Only where the
-- tables are those of 0002: tables of an earlier system are left alone.

DO $migration$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                    WHERE conname = 'ck_jobs_job_id' AND conrelid = to_regclass('app.jobs')) THEN
        RAISE NOTICE 'app.jobs is not of these migrations: nothing is added to it';
        RETURN;
    END IF;

    -- NULL in the tasks that were taken before this column was there.
    ALTER TABLE app.tasks ADD COLUMN started_at timestamptz;

    -- Whatever worker takes a task, and whatever it writes: the server notes when. One that writes
    -- started_at itself is believed. A task that is inserted as processing was not taken by anyone.
    CREATE FUNCTION app.note_task_start() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $body$
    BEGIN
        NEW.started_at := CASE NEW.status WHEN 'processing' THEN clock_timestamp() END;
        RETURN NEW;
    END
    $body$;
    CREATE TRIGGER note_task_start BEFORE UPDATE OF status ON app.tasks
       FOR EACH ROW
      WHEN (NEW.status <> OLD.status AND NEW.status IN ('queued', 'processing')
            AND NEW.started_at IS NOT DISTINCT FROM OLD.started_at)
   EXECUTE FUNCTION app.note_task_start();

    -- A job's tasks in order, page by page, and their statuses without a look at the tasks; what the
    -- index that goes was for, this one is for as well.
    CREATE INDEX ix_tasks_of_job ON app.tasks (parent_job_id, stage, task_id) INCLUDE (status);
    DROP INDEX app.ix_tasks_parent_job_id;

    -- Lists by the last change, newest or oldest first.
    CREATE INDEX ix_jobs_updated_at ON app.jobs (updated_at DESC, job_id);
    CREATE INDEX ix_tasks_updated_at ON app.tasks (updated_at DESC, task_id);

    -- The newest failures, and all of the last hours: small, whatever the tables hold.
    CREATE INDEX ix_jobs_failed ON app.jobs (updated_at DESC, job_id) WHERE status = 'failed';
    CREATE INDEX ix_tasks_failed ON app.tasks (updated_at DESC, task_id) WHERE status = 'failed';

    -- Jobs by duration: the ended ones by the time they took, the others by when they began.
    CREATE INDEX ix_jobs_duration ON app.jobs ((updated_at - created_at) DESC, job_id)
     WHERE status IN ('completed', 'failed', 'completed_with_errors', 'cancelled', 'skipped');
    CREATE INDEX ix_jobs_running ON app.jobs (created_at, job_id)
     WHERE status NOT IN ('completed', 'failed', 'completed_with_errors', 'cancelled', 'skipped');

    -- The tasks that somebody works on, those first that were not heard of for longest.
    CREATE INDEX ix_tasks_processing ON app.tasks (heartbeat, task_id) WHERE status = 'processing';

    -- Tasks of one stage of whatever job, newest first.
    CREATE INDEX ix_tasks_stage ON app.tasks (stage, created_at DESC, task_id);

    -- What a job was asked to do: parameters @> '{"customer": 42}'.
    CREATE INDEX ix_jobs_parameters ON app.jobs USING gin (parameters jsonb_path_ops);
END
$migration$
