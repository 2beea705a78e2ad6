-- The way back of failed tasks, in the jobs database. What is written here goes to the tables
-- themselves, and only names columns that these have: the flags say which.

-- name: failures
SELECT task.task_id, task.task_type, task.status, task.stage, task.retry_count,
       task.error_details, task.updated_at AS failed_at
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
   AND task.status = 'failed'                                               -- when not task_ids
   AND task.task_id = ANY (:task_ids)                                           -- when task_ids
 ORDER BY task.stage DESC, task.task_id
 LIMIT :limit;

-- name: lock
-- A change, and no mere lock: who waits for the job with an older snapshot must not go on with it.
UPDATE {schema}.jobs AS job
   SET status = job.status
 WHERE job.job_id = :job_id;

-- name: put_back
UPDATE {schema}.tasks AS task
   SET status = 'queued',
       error_details = NULL,
       heartbeat = NULL,                                                    -- when has_heartbeat
       started_at = NULL,                                                  -- when has_started_at
       retry_count = task.retry_count + 1,
       updated_at = clock_timestamp()
  FROM jsonb_to_recordset(CAST(:tasks AS jsonb)) AS known (task_id text, retry_count integer)
 WHERE task.task_id = known.task_id
   AND task.parent_job_id = :job_id
   AND task.status = 'failed'
   AND task.retry_count = known.retry_count
RETURNING task.task_id;

-- name: take_up
UPDATE {schema}.jobs AS job
   SET status = :after,
       error_details = NULL,                                            -- when has_error_details
       updated_at = clock_timestamp()
 WHERE job.job_id = :job_id
   AND job.stage = :stage
   AND job.status = :before;
