-- Lists of rows come as one JSON text. Nothing here decides when a KPI is due next: only what is due.

-- name: due
-- KPIs whose slot has come, the most urgent first and of those the oldest, locked until the
-- transaction ends: whoever asks at the same time gets others. One look at the index for each
-- priority, so what is not due costs nothing.
WITH due AS MATERIALIZED (
    SELECT one.indicator_id, one.priority, one.next_due_at
      FROM generate_series(1, 10) AS urgency
     CROSS JOIN LATERAL (
               SELECT indicator.indicator_id, indicator.priority, indicator.next_due_at
                 FROM monitoring.indicators AS indicator
                WHERE indicator.priority = urgency
                  AND indicator.next_due_at <= now()
                  AND indicator.connection_id::text <> ALL (:busy)               -- when busy
                ORDER BY indicator.next_due_at
                LIMIT :limit
                  FOR NO KEY UPDATE SKIP LOCKED) AS one
     LIMIT :limit)
SELECT due.indicator_id, due.next_due_at AS slot_at,
       (SELECT count(*)
          FROM monitoring.worker_jobs AS job
         WHERE job.indicator_id = due.indicator_id
           AND job.dead_letter_id IS NULL
           AND job.status IN ('Queued', 'Running')) AS unfinished
  FROM due
 ORDER BY due.priority, due.next_due_at;

-- name: waiting
-- Unfinished executions that nobody runs: those whose time for another try has come, and those of
-- a process that did not end them before its lease did. Locked in the same way. Dead letters of one
-- KPI are tried one after another.
SELECT job.job_id, job.indicator_id, job.slot_at, job.retry_count, job.attempts,
       job.available_at AS since, job.dead_letter_id
  FROM monitoring.worker_jobs AS job
  JOIN monitoring.indicators AS indicator USING (indicator_id)
 WHERE job.status IN ('Queued', 'Running')
   AND job.available_at <= now()
   AND (job.dead_letter_id IS NULL
        OR NOT EXISTS (
               SELECT FROM monitoring.worker_jobs AS sooner
                WHERE sooner.indicator_id = job.indicator_id
                  AND sooner.dead_letter_id IS NOT NULL
                  AND sooner.status IN ('Queued', 'Running')
                  AND (sooner.scheduled_at, sooner.job_id) < (job.scheduled_at, job.job_id)))
   AND indicator.connection_id::text <> ALL (:busy)                              -- when busy
 ORDER BY job.priority, job.available_at
 LIMIT :limit
   FOR NO KEY UPDATE OF job SKIP LOCKED;

-- name: overtake
-- Tries that wait for an earlier slot of these KPIs, under a lease: they end as they failed the last
-- time. One that is being taken at this moment is left to whoever takes it.
UPDATE monitoring.worker_jobs AS job
   SET status = 'Running',
       lease_id = :lease_id::uuid,
       worker_instance_id = :worker_instance_id::uuid
 WHERE job.job_id IN (
           SELECT waiting.job_id
             FROM monitoring.worker_jobs AS waiting
            WHERE waiting.indicator_id = ANY (:indicator_ids::uuid[])
              AND waiting.status = 'Queued'
              AND waiting.error_type IS NOT NULL
              AND waiting.dead_letter_id IS NULL
              AND waiting.slot_at IS NOT NULL
              FOR NO KEY UPDATE SKIP LOCKED)
RETURNING job.job_id, job.indicator_id, job.slot_at, job.retry_count, job.attempts,
          job.error_message, job.error_type, job.started_at;

-- name: advance
UPDATE monitoring.indicators AS indicator
   SET next_due_at = slot.next_due_at
  FROM json_to_recordset(:slots::json) AS slot (indicator_id uuid, next_due_at timestamptz)
 WHERE indicator.indicator_id = slot.indicator_id;

-- name: add
INSERT INTO monitoring.worker_jobs
       (job_id, worker_instance_id, job_type, job_name, status, priority, scheduled_at, started_at,
        completed_at, result_message, max_retries, indicator_id, slot_at, dead_letter_id, lease_id,
        available_at, attempts)
SELECT job.job_id,
       CASE WHEN job.status <> 'Queued' THEN :worker_instance_id::uuid END,
       'DatabaseMonitoring', job.name, job.status, job.priority, coalesce(job.slot_at, clock.at),
       CASE WHEN job.status = 'Running' THEN clock.at END,
       CASE WHEN job.status = 'Cancelled' THEN clock.at END,
       job.message, job.max_retries, job.indicator_id, job.slot_at, job.dead_letter_id,
       job.lease_id,
       CASE WHEN job.status <> 'Cancelled'
            THEN clock.at + make_interval(secs => job.lease_seconds) END,
       CASE WHEN job.status = 'Running' THEN 1 ELSE 0 END
  FROM (SELECT clock_timestamp() AS at) AS clock
 CROSS JOIN json_to_recordset(:jobs::json) AS job
            (job_id uuid, indicator_id uuid, name text, status text, priority integer,
             slot_at timestamptz, max_retries integer, dead_letter_id uuid, lease_id uuid,
             lease_seconds double precision, message text);

-- name: resume
UPDATE monitoring.worker_jobs AS job
   SET status = 'Running',
       worker_instance_id = :worker_instance_id::uuid,
       lease_id = :lease_id::uuid,
       available_at = clock_timestamp() + make_interval(secs => lease.seconds),
       started_at = clock_timestamp(),
       next_retry_at = NULL,
       attempts = job.attempts + 1
  FROM json_to_recordset(:leases::json) AS lease (job_id uuid, seconds double precision)
 WHERE job.job_id = lease.job_id;

-- name: finish
-- What became of jobs; only of those whose lease is still theirs.
UPDATE monitoring.worker_jobs AS job
   SET status = ended.status,
       completed_at = clock_timestamp(),
       duration_ms = round(ended.duration_ms),
       result_status = ended.result_status,
       result_message = ended.result_message,
       error_message = ended.error_message,
       error_type = ended.error_type,
       retry_count = ended.retry_count,
       available_at = NULL
  FROM json_to_recordset(:jobs::json) AS ended
            (job_id uuid, lease_id uuid, status text, duration_ms double precision,
             result_status text, result_message text, error_message text, error_type text,
             retry_count integer)
 WHERE job.job_id = ended.job_id
   AND job.lease_id = ended.lease_id
   AND job.status = 'Running'
RETURNING job.job_id;

-- name: postpone
-- Jobs that are tried once more later; only those whose lease is still theirs.
UPDATE monitoring.worker_jobs AS job
   SET status = 'Queued',
       retry_count = later.retry_count,
       next_retry_at = clock_timestamp() + make_interval(secs => later.delay_seconds),
       available_at = clock_timestamp() + make_interval(secs => later.delay_seconds),
       error_message = later.error_message,
       error_type = later.error_type,
       lease_id = NULL
  FROM json_to_recordset(:jobs::json) AS later
            (job_id uuid, lease_id uuid, retry_count integer, delay_seconds double precision,
             error_message text, error_type text)
 WHERE job.job_id = later.job_id
   AND job.lease_id = later.lease_id
   AND job.status = 'Running'
RETURNING job.job_id;

-- name: give_back
-- Jobs that were taken and not begun: anybody may take them at once.
UPDATE monitoring.worker_jobs AS job
   SET status = 'Queued', available_at = clock_timestamp(), lease_id = NULL, started_at = NULL,
       attempts = job.attempts - 1
  FROM json_array_elements_text(:job_ids::json) AS taken (job_id)
 WHERE job.job_id = taken.job_id::uuid
   AND job.lease_id = :lease_id::uuid
   AND job.status = 'Running';

-- name: cancel_of
UPDATE monitoring.worker_jobs
   SET status = 'Cancelled', completed_at = clock_timestamp(), result_message = :message,
       available_at = NULL, lease_id = NULL
 WHERE indicator_id = :indicator_id::uuid
   AND status IN ('Queued', 'Running');

-- name: jobs_of
SELECT job.job_id, job.worker_instance_id, job.job_type, job.job_name, job.status, job.priority,
       job.scheduled_at, job.slot_at, job.started_at, job.completed_at, job.duration_ms,
       job.result_status, job.result_message, job.error_message, job.error_type, job.retry_count,
       job.max_retries, job.attempts, job.next_retry_at, job.dead_letter_id
  FROM monitoring.worker_jobs AS job
 WHERE job.worker_instance_id = :worker_instance_id::uuid
   AND job.status = :status                                                      -- when status
   AND job.scheduled_at <= :before_at                                         -- when before_at
   AND (job.scheduled_at < :before_at                                         -- when before_at
        OR job.scheduled_at = :before_at AND job.job_id > :before_id::uuid)   -- when before_at
 ORDER BY job.scheduled_at DESC, job.job_id
 LIMIT :limit;

-- name: depth
SELECT job.status, count(*) AS jobs
  FROM monitoring.worker_jobs AS job
 WHERE job.status IN ('Queued', 'Running')
   AND job.available_at IS NOT NULL
 GROUP BY job.status;
