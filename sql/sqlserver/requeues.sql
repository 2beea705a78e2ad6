-- The way back of failed tasks, in the jobs database. What is written here goes to the tables
-- themselves, and only names columns that these have: the flags say which.

-- name: failures
SELECT TOP (:limit) task.task_id, task.task_type, task.status, task.stage, task.retry_count,
       task.error_details, task.updated_at AS failed_at
  FROM {tasks} AS task
 WHERE task.parent_job_id = :job_id
   AND task.status = N'failed'                                              -- when not task_ids
   AND task.task_id IN (SELECT chosen.value FROM OPENJSON(:task_ids)            -- when task_ids
                        WITH (value nvarchar(100) '$') AS chosen)               -- when task_ids
 ORDER BY task.stage DESC, task.task_id;

-- name: lock
-- A change, and no mere lock: who waits for the job with an older snapshot must not go on with it.
UPDATE [{schema}].jobs
   SET status = status
 WHERE job_id = :job_id;
SELECT @@ROWCOUNT AS changed;

-- name: put_back
DECLARE @moved TABLE (task_id nvarchar(100));
UPDATE task
   SET status = N'queued',
       error_details = NULL,
       heartbeat = NULL,                                                    -- when has_heartbeat
       started_at = NULL,                                                  -- when has_started_at
       retry_count = task.retry_count + 1,
       updated_at = SYSUTCDATETIME()
OUTPUT inserted.task_id INTO @moved (task_id)
  FROM [{schema}].tasks AS task
  JOIN OPENJSON(:tasks)
       WITH (known_id nvarchar(100) '$.task_id', known_count int '$.retry_count') AS known
    ON known.known_id = task.task_id
   AND known.known_count = task.retry_count
 WHERE task.parent_job_id = :job_id
   AND task.status = N'failed';
SELECT moved.task_id FROM @moved AS moved;

-- name: take_up
UPDATE [{schema}].jobs
   SET status = :after,
       error_details = NULL,                                            -- when has_error_details
       updated_at = SYSUTCDATETIME()
 WHERE job_id = :job_id
   AND stage = :stage
   AND status = :before;
SELECT @@ROWCOUNT AS changed;
