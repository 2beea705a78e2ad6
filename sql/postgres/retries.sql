-- The failures of tasks that were put back as queued. The tasks may be in another database.

-- name: plan
INSERT INTO monitoring.task_retries
       (retry_id, job_id, task_id, task_type, stage, fingerprint, error_details, retry_count,
        failed_at, actor, reason, correlation_id)
VALUES (:retry_id, :job_id, :task_id, :task_type, :stage, :fingerprint, :error_details,
        :retry_count, :failed_at, :actor, :reason, :correlation_id);

-- name: finish
-- Of two plans for one failure, one was carried out.
UPDATE monitoring.task_retries AS retry
   SET state = 'done', settled_at = now()
 WHERE retry.retry_id = ANY (CAST(:retry_ids AS uuid[]))
   AND retry.state <> 'done'
   AND NOT EXISTS (SELECT FROM monitoring.task_retries AS other
                    WHERE other.job_id = retry.job_id
                      AND other.task_id = retry.task_id
                      AND other.retry_count = retry.retry_count
                      AND other.failed_at = retry.failed_at
                      AND other.state = 'done')
RETURNING retry.retry_id;

-- name: drop
UPDATE monitoring.task_retries AS retry
   SET state = 'dropped', settled_at = now()
 WHERE retry.retry_id = ANY (CAST(:retry_ids AS uuid[]))
   AND retry.state = 'planned';

-- name: of_job
SELECT retry.retry_id, retry.job_id, retry.task_id, retry.task_type, retry.stage,
       retry.fingerprint, retry.error_details, retry.retry_count, retry.failed_at, retry.actor,
       retry.reason, retry.correlation_id, retry.retried_at, retry.state, retry.settled_at
  FROM monitoring.task_retries AS retry
 WHERE retry.job_id = :job_id
 ORDER BY retry.retried_at DESC, retry.retry_id
 LIMIT :limit;

-- name: unsettled
SELECT retry.retry_id, retry.job_id, retry.task_id, retry.task_type, retry.stage,
       retry.fingerprint, retry.error_details, retry.retry_count, retry.failed_at, retry.actor,
       retry.reason, retry.correlation_id, retry.retried_at, retry.state, retry.settled_at
  FROM monitoring.task_retries AS retry
 WHERE retry.state = 'planned'
   AND retry.retried_at <= now() - make_interval(secs => :older_than_seconds)
   AND retry.job_id = :job_id                                                   -- when job_id
 ORDER BY retry.retried_at, retry.retry_id
 LIMIT :limit;
