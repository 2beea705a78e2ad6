-- Jobs, their tasks, and the three procedures that move them on, for those who have none.

IF OBJECT_ID(N'app.jobs') IS NOT NULL OR OBJECT_ID(N'app.tasks') IS NOT NULL
    THROW 50000, N'schema app already has jobs or tasks of its own. They are left alone: mark this migration as applied instead (mark 0002).', 1;
GO

IF SCHEMA_ID(N'app') IS NULL
BEGIN
    EXEC (N'CREATE SCHEMA app');
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'0002', N'schema', N'', N'app');
END;
GO

CREATE TABLE app.jobs (
    job_id        nvarchar(64)  NOT NULL,
    job_type      nvarchar(50)  NOT NULL,
    status        nvarchar(25)  NOT NULL CONSTRAINT df_jobs_status DEFAULT N'queued',
    stage         int           NOT NULL CONSTRAINT df_jobs_stage DEFAULT 1,
    total_stages  int           NOT NULL CONSTRAINT df_jobs_total_stages DEFAULT 1,
    parameters    nvarchar(max) NOT NULL CONSTRAINT df_jobs_parameters DEFAULT N'{}',
    stage_results nvarchar(max) NOT NULL CONSTRAINT df_jobs_stage_results DEFAULT N'{}',
    result_data   nvarchar(max) NULL,
    error_details nvarchar(max) NULL,
    created_at    datetime2(7)  NOT NULL CONSTRAINT df_jobs_created_at DEFAULT SYSUTCDATETIME(),
    updated_at    datetime2(7)  NOT NULL CONSTRAINT df_jobs_updated_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT pk_jobs PRIMARY KEY (job_id),
    CONSTRAINT ck_jobs_job_id CHECK (
        LEN(job_id) = 64 AND job_id COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9a-f]%'),
    CONSTRAINT ck_jobs_job_type CHECK (
        LEN(job_type) > 0 AND job_type COLLATE Latin1_General_BIN2 NOT LIKE N'%[^a-z_]%'),
    CONSTRAINT ck_jobs_status CHECK (
        status IN (N'queued', N'processing', N'completed', N'failed', N'completed_with_errors')),
    CONSTRAINT ck_jobs_total_stages CHECK (total_stages BETWEEN 1 AND 100),
    CONSTRAINT ck_jobs_stage CHECK (stage BETWEEN 1 AND total_stages),
    CONSTRAINT ck_jobs_parameters CHECK (ISJSON(parameters) = 1),
    CONSTRAINT ck_jobs_stage_results CHECK (ISJSON(stage_results) = 1),
    CONSTRAINT ck_jobs_result_data CHECK (ISJSON(N'[' + result_data + N']') = 1)
);
CREATE INDEX ix_jobs_created_at ON app.jobs (created_at DESC, job_id);
CREATE INDEX ix_jobs_status ON app.jobs (status, created_at DESC, job_id);
CREATE INDEX ix_jobs_job_type ON app.jobs (job_type, created_at DESC, job_id);

CREATE TABLE app.tasks (
    task_id       nvarchar(100) NOT NULL,
    parent_job_id nvarchar(64)  NOT NULL,
    task_type     nvarchar(50)  NOT NULL,
    status        nvarchar(25)  NOT NULL CONSTRAINT df_tasks_status DEFAULT N'queued',
    stage         int           NOT NULL CONSTRAINT df_tasks_stage DEFAULT 1,
    task_index    nvarchar(50)  NOT NULL CONSTRAINT df_tasks_task_index DEFAULT N'0',
    parameters    nvarchar(max) NOT NULL CONSTRAINT df_tasks_parameters DEFAULT N'{}',
    result_data   nvarchar(max) NULL,
    error_details nvarchar(max) NULL,
    retry_count   int           NOT NULL CONSTRAINT df_tasks_retry_count DEFAULT 0,
    heartbeat     datetime2(7)  NULL,
    created_at    datetime2(7)  NOT NULL CONSTRAINT df_tasks_created_at DEFAULT SYSUTCDATETIME(),
    updated_at    datetime2(7)  NOT NULL CONSTRAINT df_tasks_updated_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT pk_tasks PRIMARY KEY (task_id),
    CONSTRAINT fk_tasks_jobs FOREIGN KEY (parent_job_id)
        REFERENCES app.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT ck_tasks_status CHECK (status IN (N'queued', N'processing', N'completed', N'failed')),
    CONSTRAINT ck_tasks_stage CHECK (stage BETWEEN 1 AND 100),
    CONSTRAINT ck_tasks_retry_count CHECK (retry_count BETWEEN 0 AND 10),
    CONSTRAINT ck_tasks_parameters CHECK (ISJSON(parameters) = 1),
    CONSTRAINT ck_tasks_result_data CHECK (ISJSON(N'[' + result_data + N']') = 1)
);
CREATE INDEX ix_tasks_parent_job_id ON app.tasks (parent_job_id, stage, status);
CREATE INDEX ix_tasks_created_at ON app.tasks (created_at DESC, task_id);
CREATE INDEX ix_tasks_status ON app.tasks (status, created_at DESC, task_id);
CREATE INDEX ix_tasks_task_type ON app.tasks (task_type, created_at DESC, task_id);
INSERT INTO monitoring.schema_made (revision, kind, owner, name) VALUES
    (N'0002', N'table', N'', N'app.jobs'),
    (N'0002', N'table', N'', N'app.tasks');
GO

-- unless it is there
-- End one task: completed, or failed where an error is given. Only a processing task moves.
--
-- The parent job's row is updated first, before the task's. Callers of one job thus stand in line,
-- and the one behind counts what the one before it committed; at SNAPSHOT its update of a row that
-- has changed since fails with error 3960, which the caller answers by trying again. The task is
-- looked up without keeping a lock, because two callers who both kept one would wait for each other.
CREATE PROCEDURE app.complete_task_and_check_stage
    @task_id nvarchar(100),
    @result  nvarchar(max) = NULL,
    @error   nvarchar(max) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @job_id nvarchar(64);
    DECLARE @stage int;
    DECLARE @moved int = 0;
    DECLARE @remaining int;

    SELECT @job_id = task.parent_job_id, @stage = task.stage
      FROM app.tasks AS task WITH (READCOMMITTED)
     WHERE task.task_id = @task_id;

    IF @job_id IS NOT NULL
    BEGIN
        BEGIN TRANSACTION;

        UPDATE app.jobs
           SET updated_at = CASE WHEN status IN (N'queued', N'processing') THEN SYSUTCDATETIME()
                                 ELSE updated_at END
         WHERE job_id = @job_id;

        UPDATE app.tasks
           SET status = CASE WHEN @error IS NULL THEN N'completed' ELSE N'failed' END,
               result_data = COALESCE(@result, result_data),
               error_details = COALESCE(@error, error_details),
               updated_at = SYSUTCDATETIME()
         WHERE task_id = @task_id
           AND status = N'processing';
        SET @moved = @@ROWCOUNT;

        SELECT @remaining = COUNT(*)
          FROM app.tasks AS task
         WHERE task.parent_job_id = @job_id
           AND task.stage = @stage
           AND task.status NOT IN (N'completed', N'failed');

        COMMIT TRANSACTION;
    END;

    SELECT CAST(@moved AS bit) AS task_updated,
           CAST(CASE WHEN @moved = 1 AND @remaining = 0 THEN 1 ELSE 0 END AS bit)
               AS is_last_task_in_stage,
           @job_id AS job_id,
           @stage AS stage_number,
           @remaining AS remaining_tasks;
END;
GO

-- unless it is there
-- Move a job on from the stage that just ended, once: compare and set on the stage. The final
-- stage ends the job, completed_with_errors where any of its tasks failed; its number stays.
-- JSON_MODIFY writes no JSON value of any kind, so a mark is written and then replaced by it.
CREATE PROCEDURE app.advance_job_stage
    @job_id        nvarchar(64),
    @current_stage int,
    @stage_results nvarchar(max) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @mark nvarchar(36) = CAST(NEWID() AS nvarchar(36));
    DECLARE @place nvarchar(20) = N'$."' + CAST(@current_stage AS nvarchar(11)) + N'"';
    DECLARE @moved int;
    DECLARE @stage int;
    DECLARE @total int;

    BEGIN TRANSACTION;

    UPDATE app.jobs
       SET stage = CASE WHEN stage < total_stages THEN stage + 1 ELSE total_stages END,
           status = CASE
                        WHEN stage < total_stages THEN N'processing'
                        WHEN EXISTS (SELECT 1 FROM app.tasks AS task
                                      WHERE task.parent_job_id = @job_id
                                        AND task.status = N'failed')
                            THEN N'completed_with_errors'
                        ELSE N'completed'
                    END,
           stage_results = CASE
                               WHEN @stage_results IS NULL THEN stage_results
                               ELSE REPLACE(JSON_MODIFY(stage_results, @place, @mark),
                                            N'"' + @mark + N'"', @stage_results)
                           END,
           updated_at = SYSUTCDATETIME()
     WHERE job_id = @job_id
       AND stage = @current_stage
       AND status IN (N'queued', N'processing');
    SET @moved = @@ROWCOUNT;

    SELECT @stage = job.stage, @total = job.total_stages
      FROM app.jobs AS job
     WHERE job.job_id = @job_id;

    COMMIT TRANSACTION;

    SELECT CAST(@moved AS bit) AS job_updated,
           @stage AS new_stage,
           CAST(CASE WHEN @stage IS NULL THEN NULL
                     WHEN @moved = 1 AND @current_stage >= @total THEN 1
                     WHEN @moved = 0 AND @stage >= @total THEN 1
                     ELSE 0 END AS bit) AS is_final_stage;
END;
GO

-- unless it is there
-- Whether every task of every stage of a job has ended, and their results in order. No such job:
-- job_complete is false and the rest is NULL or 0.
CREATE PROCEDURE app.check_job_completion
    @job_id nvarchar(64)
AS
BEGIN
    SET NOCOUNT ON;
    DECLARE @final int;
    DECLARE @reached int;
    DECLARE @total int;
    DECLARE @completed int;
    DECLARE @ended int;
    DECLARE @in_final int;
    DECLARE @results nvarchar(max);

    SELECT @final = job.total_stages, @reached = job.stage
      FROM app.jobs AS job
     WHERE job.job_id = @job_id;

    SELECT @total = COUNT(*),
           @completed = COALESCE(SUM(CASE WHEN task.status = N'completed' THEN 1 ELSE 0 END), 0),
           @ended = SUM(CASE WHEN task.status IN (N'completed', N'failed') THEN 1 ELSE 0 END),
           @in_final = SUM(CASE WHEN task.stage = @final THEN 1 ELSE 0 END),
           @results = STRING_AGG(
               CAST(N'{"task_id": "' + STRING_ESCAPE(task.task_id, N'json')
                    + N'", "stage": ' + CAST(task.stage AS nvarchar(11))
                    + N', "status": "' + STRING_ESCAPE(task.status, N'json')
                    + N'", "result": ' + COALESCE(task.result_data, N'null')
                    + N', "error": '
                    + COALESCE(N'"' + STRING_ESCAPE(task.error_details, N'json') + N'"', N'null')
                    + N'}' AS nvarchar(max)), N', ')
               WITHIN GROUP (ORDER BY task.stage, task.task_index, task.task_id)
      FROM app.tasks AS task
     WHERE task.parent_job_id = @job_id;

    SELECT CAST(CASE WHEN @reached = @final AND @total > 0 AND @ended = @total AND @in_final > 0
                     THEN 1 ELSE 0 END AS bit) AS job_complete,
           @final AS final_stage,
           @total AS total_tasks,
           @completed AS completed_tasks,
           N'[' + COALESCE(@results, N'') + N']' AS task_results;
END;
