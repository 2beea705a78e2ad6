-- The jobs database, which is only ever read. {jobs} is its schema.

-- name: newest
-- The newest jobs first, each with its tasks counted by status.
SELECT job.job_id, job.job_type, job.status::text AS status, job.stage, job.total_stages,
       job.parameters, job.stage_results,
       job.result_data, job.error_details, job.created_at, job.updated_at,
       CAST(1000 * extract(epoch FROM
                CASE WHEN job.status::text IN ('completed', 'failed', 'completed_with_errors',
                                              'cancelled', 'skipped')
                     THEN job.updated_at ELSE now() END - job.created_at) AS bigint) AS duration_ms,
       coalesce(counted.task_counts, '{"total": 0}') AS task_counts
  FROM {jobs}.jobs AS job
  LEFT JOIN LATERAL (
           SELECT jsonb_object_agg(by_status.status, by_status.tasks)
                  || jsonb_build_object('total', sum(by_status.tasks)) AS task_counts
             FROM (SELECT task.status::text AS status, count(*) AS tasks
                     FROM {jobs}.tasks AS task
                    WHERE task.parent_job_id = job.job_id
                    GROUP BY task.status) AS by_status) AS counted ON true
 WHERE TRUE
   AND job.job_id = :job_id                                                    -- when job_id
   AND job.status::text = ANY (:statuses)                                    -- when statuses
   AND job.job_type = :job_type                                              -- when job_type
   AND job.created_at >= now() - make_interval(hours => :hours)                 -- when hours
   AND job.created_at <= :before_at                                             -- when before_at
   AND (job.created_at < :before_at OR job.job_id > :before_id)                 -- when before_at
 ORDER BY job.created_at DESC, job.job_id
 LIMIT :limit;

-- name: newest_tasks
-- The newest tasks first, of any job.
SELECT task.task_id, task.parent_job_id, task.task_type, task.status::text AS status, task.stage,
       task.task_index::text AS task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.created_at, task.updated_at,
       CAST(1000 * extract(epoch FROM
                CASE WHEN task.status::text IN ('completed', 'failed', 'completed_with_errors',
                                              'cancelled', 'skipped')
                     THEN task.updated_at ELSE now() END - task.created_at) AS bigint) AS duration_ms
  FROM {jobs}.tasks AS task
 WHERE TRUE
   AND task.status::text = ANY (:statuses)                                   -- when statuses
   AND task.stage = :stage                                                      -- when stage
   AND task.task_type = :task_type                                          -- when task_type
   AND task.created_at >= now() - make_interval(hours => :hours)                -- when hours
   AND task.created_at <= :before_at                                            -- when before_at
   AND (task.created_at < :before_at OR task.task_id > :before_id)              -- when before_at
 ORDER BY task.created_at DESC, task.task_id
 LIMIT :limit;

-- name: tasks_of
-- One job's tasks, in the order in which they are meant to run.
SELECT task.task_id, task.parent_job_id, task.task_type, task.status::text AS status, task.stage,
       task.task_index::text AS task_index, task.parameters,
       task.result_data, task.error_details, task.retry_count,
       task.heartbeat, task.created_at, task.updated_at,
       CAST(1000 * extract(epoch FROM
                CASE WHEN task.status::text IN ('completed', 'failed', 'completed_with_errors',
                                              'cancelled', 'skipped')
                     THEN task.updated_at ELSE now() END - task.created_at) AS bigint) AS duration_ms
  FROM {jobs}.tasks AS task
 WHERE task.parent_job_id = :job_id
   AND task.status::text = ANY (:statuses)                                   -- when statuses
   AND (task.stage, task.task_id) > (:after_stage, :after_id)             -- when after_stage
 ORDER BY task.stage, task.task_id
 LIMIT :limit;

-- name: stages
-- The progress of each stage of one job.
SELECT task.stage, count(*) AS total,
       count(*) FILTER (WHERE task.status::text = 'completed') AS completed,
       count(*) FILTER (WHERE task.status::text = 'failed') AS failed,
       count(*) FILTER (WHERE task.status::text = 'processing') AS processing,
       count(*) FILTER (WHERE task.status::text NOT IN ('completed', 'failed', 'processing'))
           AS waiting,
       min(task.created_at) AS created_at, max(task.updated_at) AS updated_at
  FROM {jobs}.tasks AS task
 WHERE task.parent_job_id = :job_id
 GROUP BY task.stage
 ORDER BY task.stage;

-- name: job_counts
SELECT job.status::text AS status, count(*) AS jobs
  FROM {jobs}.jobs AS job
 WHERE job.created_at >= now() - make_interval(hours => :hours)
 GROUP BY job.status;

-- name: task_counts
SELECT task.status::text AS status, count(*) AS tasks
  FROM {jobs}.tasks AS task
 WHERE task.created_at >= now() - make_interval(hours => :hours)
 GROUP BY task.status;

-- name: functions
-- Which of the three functions the schema has.
SELECT DISTINCT routine.proname::text AS name
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = routine.pronamespace
 WHERE namespace.nspname = lower('{jobs}')
   AND routine.proname IN (
           'complete_task_and_check_stage', 'advance_job_stage', 'check_job_completion')
 ORDER BY 1;
