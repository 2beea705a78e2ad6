-- name: count
-- One more execution of a job: counters, durations in ms, and when it last went well or badly.
INSERT INTO monitoring.job_metrics AS job
       (job_id, total_executions, success_count, failure_count, total_duration_ms,
        min_duration_ms, max_duration_ms, last_execution_at, last_success_at, last_failure_at,
        metadata)
VALUES (:job_id, 1, CASE WHEN :succeeded THEN 1 ELSE 0 END, CASE WHEN :succeeded THEN 0 ELSE 1 END,
        :duration_ms, :duration_ms, :duration_ms, statement_timestamp(),
        CASE WHEN :succeeded THEN statement_timestamp() END,
        CASE WHEN :succeeded THEN NULL ELSE statement_timestamp() END, :metadata::jsonb)
ON CONFLICT (job_id) DO UPDATE
   SET total_executions = job.total_executions + 1,
       success_count = job.success_count + excluded.success_count,
       failure_count = job.failure_count + excluded.failure_count,
       total_duration_ms = job.total_duration_ms + excluded.total_duration_ms,
       min_duration_ms = least(job.min_duration_ms, excluded.min_duration_ms),
       max_duration_ms = greatest(job.max_duration_ms, excluded.max_duration_ms),
       last_execution_at = excluded.last_execution_at,
       last_success_at = coalesce(excluded.last_success_at, job.last_success_at),
       last_failure_at = coalesce(excluded.last_failure_at, job.last_failure_at),
       metadata = excluded.metadata,
       updated_at = statement_timestamp();

-- name: totals
SELECT job_id, total_executions, success_count, failure_count, total_duration_ms,
       min_duration_ms, max_duration_ms, last_execution_at, last_success_at, last_failure_at,
       now() AS read_at
  FROM monitoring.job_metrics
 ORDER BY job_id;
