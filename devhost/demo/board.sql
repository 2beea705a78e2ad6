-- What the demo's workers do to app.jobs and app.tasks. Only the three functions of the schema end
-- a task or move a job on; they have nothing for a job that fails as a whole, so `fail_job` stands
-- beside them.

-- name: isolate
SELECT set_config('default_transaction_isolation', :level, false);

-- name: is_migrated
SELECT count(*) = 3 AND to_regclass('app.jobs') IS NOT NULL
                    AND to_regclass('app.tasks') IS NOT NULL AS is_migrated
  FROM unnest(ARRAY['app.complete_task_and_check_stage', 'app.advance_job_stage',
                    'app.check_job_completion']) AS function
 WHERE to_regproc(function) IS NOT NULL;

-- name: wait_for_turn
SELECT pg_advisory_xact_lock(hashtext('watchkeeper demo'));

-- name: next_run
SELECT coalesce(max(CASE WHEN jsonb_typeof(job.parameters -> 'demo_run') = 'number'
                         THEN (job.parameters ->> 'demo_run')::integer END), 0) + 1 AS run
  FROM app.jobs AS job
 WHERE job.job_type = :job_type;

-- name: add_job
INSERT INTO app.jobs (job_id, job_type, total_stages, parameters, created_at, updated_at)
VALUES (:job_id, :job_type, :total_stages, :parameters, clock_timestamp(), clock_timestamp());

-- name: add_task
INSERT INTO app.tasks (task_id, parent_job_id, task_type, stage, task_index, parameters,
                       created_at, updated_at)
VALUES (:task_id, :job_id, :task_type, :stage, :task_index, :parameters,
        clock_timestamp(), clock_timestamp());

-- name: claim
-- The task that has waited longest; one that failed waits 0.2 s more after each try.
WITH next AS (
    SELECT task.task_id
      FROM app.tasks AS task
     WHERE task.parent_job_id = ANY (:job_ids)
       AND task.status = 'queued'
       AND task.updated_at <= clock_timestamp() - task.retry_count * interval '200 milliseconds'
     ORDER BY task.updated_at, task.task_id
     LIMIT 1
       FOR UPDATE SKIP LOCKED)
UPDATE app.tasks AS task
   SET status = 'processing', heartbeat = clock_timestamp(), updated_at = clock_timestamp()
  FROM next
 WHERE task.task_id = next.task_id
RETURNING task.task_id, task.parent_job_id AS job_id, task.stage,
          task.parameters::text AS parameters, task.retry_count;

-- name: start_job
UPDATE app.jobs
   SET status = 'processing', updated_at = clock_timestamp()
 WHERE job_id = :job_id
   AND status = 'queued';

-- name: beat
UPDATE app.tasks
   SET heartbeat = clock_timestamp(), updated_at = clock_timestamp()
 WHERE task_id = :task_id
   AND status = 'processing';

-- name: retry
UPDATE app.tasks
   SET status = 'queued', retry_count = retry_count + 1, error_details = :error,
       updated_at = clock_timestamp()
 WHERE task_id = :task_id
   AND status = 'processing';

-- name: complete
SELECT is_last_task_in_stage
  FROM app.complete_task_and_check_stage(:task_id, :result, :error);

-- name: ended_tasks
SELECT task.status, task.result_data::text AS result
  FROM app.tasks AS task
 WHERE task.parent_job_id = :job_id
   AND task.stage = :stage
 ORDER BY task.task_id;

-- name: advance
SELECT job_updated, new_stage, is_final_stage
  FROM app.advance_job_stage(:job_id, :stage, :stage_results);

-- name: check
SELECT job_complete, total_tasks, completed_tasks
  FROM app.check_job_completion(:job_id);

-- name: keep_result
UPDATE app.jobs
   SET result_data = :result, updated_at = clock_timestamp()
 WHERE job_id = :job_id;

-- name: fail_job
UPDATE app.jobs
   SET status = 'failed', error_details = :error, updated_at = clock_timestamp()
 WHERE job_id = :job_id
   AND stage = :stage
   AND status IN ('queued', 'processing');

-- name: open_tasks
SELECT task.task_id
  FROM app.tasks AS task
 WHERE task.parent_job_id = ANY (:job_ids)
   AND task.status IN ('queued', 'processing');

-- name: retried_tasks
SELECT count(*) AS tasks
  FROM app.tasks AS task
 WHERE task.parent_job_id = :job_id
   AND task.retry_count > 0;

-- name: outcomes
SELECT job.job_type, job.status, count(DISTINCT job.job_id) AS jobs, count(*) AS tasks,
       count(*) FILTER (WHERE task.status = 'failed') AS failed,
       count(*) FILTER (WHERE task.retry_count > 0 AND task.status = 'completed') AS recovered,
       count(*) FILTER (WHERE task.status = 'processing') AS processing
  FROM app.jobs AS job
  JOIN app.tasks AS task ON task.parent_job_id = job.job_id
 WHERE job.job_id = ANY (:job_ids)
 GROUP BY job.job_type, job.status
 ORDER BY job.job_type, job.status;

-- name: date_back_job
UPDATE app.jobs
   SET created_at = created_at - make_interval(mins => :minutes),
       updated_at = updated_at - make_interval(mins => :minutes)
 WHERE job_id = :job_id;

-- name: date_back_tasks
UPDATE app.tasks
   SET created_at = created_at - make_interval(mins => :minutes),
       updated_at = updated_at - make_interval(mins => :minutes),
       heartbeat = heartbeat - make_interval(mins => :minutes),
       started_at = started_at - make_interval(mins => :minutes)
 WHERE parent_job_id = :job_id;

-- name: remove
DELETE FROM app.jobs
 WHERE job_id = ANY (:job_ids);
