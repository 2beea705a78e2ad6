DROP FUNCTION app.check_job_completion(varchar);
DROP FUNCTION app.advance_job_stage(varchar, integer, jsonb);
DROP FUNCTION app.complete_task_and_check_stage(varchar, jsonb, text);
DROP TABLE app.tasks;
DROP TABLE app.jobs;
DO $$
BEGIN
    DROP SCHEMA app;
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE NOTICE 'schema app stays: it holds objects of others';
END
$$;
