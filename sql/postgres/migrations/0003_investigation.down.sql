DO $migration$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                    WHERE conname = 'ck_jobs_job_id' AND conrelid = to_regclass('app.jobs')) THEN
        RETURN;
    END IF;

    CREATE INDEX ix_tasks_parent_job_id ON app.tasks (parent_job_id, stage, status);
    DROP INDEX app.ix_tasks_of_job, app.ix_jobs_parameters, app.ix_tasks_stage,
               app.ix_tasks_processing, app.ix_jobs_running, app.ix_jobs_duration,
               app.ix_tasks_failed, app.ix_jobs_failed, app.ix_tasks_updated_at,
               app.ix_jobs_updated_at;
    DROP TRIGGER note_task_start ON app.tasks;
    DROP FUNCTION app.note_task_start();
    ALTER TABLE app.tasks DROP COLUMN started_at;
END
$migration$
