-- What looking into jobs needs: when a task was started, and the order of each list. Only where the
-- tables are those of 0002: tables of an earlier system are left alone.
--
-- Whoever claims a task sets started_at, and whoever puts it back as queued sets it to NULL: a
-- trigger that did so would break every UPDATE with an OUTPUT clause and no INTO, which is how
-- workers claim. The indexes have no filter: a session with QUOTED_IDENTIFIER off may not change a
-- table that has one with a filter. There is none by duration, nor within parameters: both would
-- need a computed column, which `SELECT *` and `INSERT` without column names would meet.

IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0002' AND kind = N'table' AND name = N'app.tasks')
BEGIN
    ALTER TABLE app.tasks ADD started_at datetime2(7) NULL;

    -- A job's tasks in order, page by page, and their statuses without a look at the tasks; what the
    -- index that goes was for, this one is for as well.
    CREATE INDEX ix_tasks_of_job ON app.tasks (parent_job_id, stage, task_id) INCLUDE (status);
    DROP INDEX IF EXISTS ix_tasks_parent_job_id ON app.tasks;

    -- Lists by the last change, the newest failures, and the tasks of one stage of whatever job.
    CREATE INDEX ix_jobs_updated_at ON app.jobs (updated_at DESC, job_id);
    CREATE INDEX ix_tasks_updated_at ON app.tasks (updated_at DESC, task_id);
    CREATE INDEX ix_jobs_failed ON app.jobs (status, updated_at DESC, job_id);
    CREATE INDEX ix_tasks_failed ON app.tasks (status, updated_at DESC, task_id);
    CREATE INDEX ix_tasks_stage ON app.tasks (stage, created_at DESC, task_id);

    INSERT INTO monitoring.schema_made (revision, kind, owner, name) VALUES
        (N'0003', N'column', N'app.tasks', N'started_at'),
        (N'0003', N'index', N'app.tasks', N'ix_tasks_of_job'),
        (N'0003', N'index', N'app.jobs', N'ix_jobs_updated_at'),
        (N'0003', N'index', N'app.tasks', N'ix_tasks_updated_at'),
        (N'0003', N'index', N'app.jobs', N'ix_jobs_failed'),
        (N'0003', N'index', N'app.tasks', N'ix_tasks_failed'),
        (N'0003', N'index', N'app.tasks', N'ix_tasks_stage');
END;
