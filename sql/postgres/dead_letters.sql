-- name: pending
-- What failed for good and waits for another try, newest first, and how many there are in all.
SELECT dead_letter_id, job_id, event_data, error, metadata, status, attempts, last_attempt_at,
       processed_at, created_at, updated_at, count(*) OVER () AS total
  FROM monitoring.dead_letter_queue
 WHERE status = 'PENDING'
   AND created_at >= now() - make_interval(hours => :hours)                     -- when hours
 ORDER BY created_at DESC, dead_letter_id
 LIMIT :limit;
