-- What failed for good. The same failure of the same job waits once: uq_dead_letter_queue_pending.

-- name: add
-- One that waits already is counted, and has the newest input from now on.
INSERT INTO monitoring.dead_letter_queue AS waiting
       (job_id, fingerprint, event_data, error, error_type, metadata, occurrences)
SELECT one.job_id, one.fingerprint, CAST(one.event_data AS jsonb), one.error, one.error_type,
       CAST(one.metadata AS jsonb), one.occurrences
  FROM json_to_recordset(CAST(:letters AS json))
           AS one (job_id text, fingerprint text, event_data text, error text, error_type text,
                   metadata text, occurrences integer)
 ORDER BY one.job_id, one.fingerprint
    ON CONFLICT (job_id, fingerprint) WHERE status = 'PENDING'
    DO UPDATE SET event_data = excluded.event_data,
                  error = excluded.error,
                  error_type = excluded.error_type,
                  occurrences = waiting.occurrences + excluded.occurrences,
                  last_occurred_at = clock_timestamp(),
                  updated_at = clock_timestamp();

-- name: find
SELECT letter.dead_letter_id, letter.job_id, letter.fingerprint, letter.event_data, letter.error,
       letter.error_type, letter.metadata, letter.status, letter.attempts, letter.occurrences,
       letter.last_occurred_at, letter.last_attempt_at, letter.processed_at, letter.created_at,
       letter.updated_at
  FROM monitoring.dead_letter_queue AS letter
 WHERE letter.dead_letter_id = CAST(:dead_letter_id AS uuid);

-- name: list
-- By when each failed last. One that does so again comes to the front: whoever turns pages sees each
-- at most once.
SELECT letter.dead_letter_id, letter.job_id, letter.fingerprint, letter.event_data, letter.error,
       letter.error_type, letter.metadata, letter.status, letter.attempts, letter.occurrences,
       letter.last_occurred_at, letter.last_attempt_at, letter.processed_at, letter.created_at,
       letter.updated_at
  FROM monitoring.dead_letter_queue AS letter
 WHERE TRUE
   AND letter.status = :status                                                       -- when status
   AND letter.job_id = :job_id                                                       -- when job_id
   AND letter.fingerprint = :fingerprint                                        -- when fingerprint
   AND letter.last_occurred_at >= now() - make_interval(hours => :hours)              -- when hours
   AND letter.last_occurred_at <= :before_at                                      -- when before_at
   AND (letter.last_occurred_at < :before_at                                      -- when before_at
        OR letter.dead_letter_id > CAST(:before_id AS uuid))                      -- when before_at
 ORDER BY letter.last_occurred_at DESC, letter.dead_letter_id
 LIMIT :limit;

-- name: pending
-- What waits for another try, newest first, and how many there are in all.
SELECT letter.dead_letter_id, letter.job_id, letter.fingerprint, letter.event_data, letter.error,
       letter.error_type, letter.metadata, letter.status, letter.attempts, letter.occurrences,
       letter.last_occurred_at, letter.last_attempt_at, letter.processed_at, letter.created_at,
       letter.updated_at,
       count(*) OVER () AS total
  FROM monitoring.dead_letter_queue AS letter
 WHERE letter.status = 'PENDING'
   AND letter.last_occurred_at >= now() - make_interval(hours => :hours)              -- when hours
 ORDER BY letter.last_occurred_at DESC, letter.dead_letter_id
 LIMIT :limit;

-- name: take
-- Whoever takes at the same time does not wait for these, and gets none of them.
WITH taken AS (
    UPDATE monitoring.dead_letter_queue AS letter
       SET status = 'PROCESSING', last_attempt_at = now(), updated_at = clock_timestamp()
     WHERE letter.dead_letter_id IN (
               SELECT waiting.dead_letter_id
                 FROM monitoring.dead_letter_queue AS waiting
                WHERE waiting.dead_letter_id = ANY (CAST(:dead_letter_ids AS uuid[]))
                  AND waiting.status = 'PENDING'
                  FOR UPDATE SKIP LOCKED)
    RETURNING letter.*
)
SELECT letter.dead_letter_id, letter.job_id, letter.fingerprint, letter.event_data, letter.error,
       letter.error_type, letter.metadata, letter.status, letter.attempts, letter.occurrences,
       letter.last_occurred_at, letter.last_attempt_at, letter.processed_at, letter.created_at,
       letter.updated_at
  FROM taken AS letter
 ORDER BY letter.created_at, letter.dead_letter_id;

-- name: succeed
UPDATE monitoring.dead_letter_queue AS letter
   SET status = 'SUCCEEDED',
       attempts = letter.attempts + 1,
       processed_at = now(),
       updated_at = clock_timestamp()
 WHERE letter.dead_letter_id = ANY (CAST(:dead_letter_ids AS uuid[]))
   AND letter.status = 'PROCESSING';

-- name: put_back
-- These wait once more. Where the same failure came again meanwhile, and waits, or several of these
-- are of the same, they become one: it keeps the id of the oldest that was tried, and all are
-- counted. To take a row out and put it in again is what never breaks the unique index, whoever
-- adds the same failure at the same time.
WITH tried AS (
    DELETE FROM monitoring.dead_letter_queue AS letter
     WHERE letter.dead_letter_id = ANY (CAST(:dead_letter_ids AS uuid[]))
       AND letter.status = 'PROCESSING'
    RETURNING letter.*
), numbered AS (
    SELECT tried.*,
           row_number() OVER same AS number,
           sum(tried.occurrences) OVER same_all AS all_occurrences,
           sum(tried.attempts + 1) OVER same_all AS all_attempts
      FROM tried
    WINDOW same AS (PARTITION BY tried.job_id,
                                 coalesce(tried.fingerprint, CAST(tried.dead_letter_id AS text))
                        ORDER BY tried.created_at, tried.dead_letter_id),
           same_all AS (PARTITION BY tried.job_id,
                                     coalesce(tried.fingerprint,
                                              CAST(tried.dead_letter_id AS text)))
)
INSERT INTO monitoring.dead_letter_queue AS waiting
       (dead_letter_id, job_id, fingerprint, event_data, error, error_type, metadata, status,
        attempts, occurrences, last_occurred_at, last_attempt_at, created_at)
SELECT one.dead_letter_id, one.job_id, one.fingerprint, one.event_data, one.error, one.error_type,
       one.metadata, 'PENDING', one.all_attempts, one.all_occurrences, clock_timestamp(),
       one.last_attempt_at, one.created_at
  FROM numbered AS one
 WHERE one.number = 1
 ORDER BY one.job_id, one.fingerprint
    ON CONFLICT (job_id, fingerprint) WHERE status = 'PENDING'
    DO UPDATE SET dead_letter_id = excluded.dead_letter_id,
                  metadata = excluded.metadata,
                  attempts = waiting.attempts + excluded.attempts,
                  occurrences = waiting.occurrences + excluded.occurrences,
                  last_occurred_at = excluded.last_occurred_at,
                  last_attempt_at = excluded.last_attempt_at,
                  created_at = least(waiting.created_at, excluded.created_at),
                  updated_at = clock_timestamp();

-- name: discard
UPDATE monitoring.dead_letter_queue AS letter
   SET status = 'FAILED',
       metadata = letter.metadata || jsonb_build_object('discarded', CAST(:metadata AS jsonb)),
       processed_at = now(),
       updated_at = clock_timestamp()
 WHERE letter.dead_letter_id = CAST(:dead_letter_id AS uuid)
   AND letter.status = 'PENDING';

-- name: discard_of
UPDATE monitoring.dead_letter_queue AS letter
   SET status = 'FAILED',
       metadata = letter.metadata || jsonb_build_object('discarded', CAST(:metadata AS jsonb)),
       processed_at = now(),
       updated_at = clock_timestamp()
 WHERE letter.job_id = :job_id
   AND letter.status IN ('PENDING', 'PROCESSING');

-- name: depth
SELECT letter.status, count(*) AS letters
  FROM monitoring.dead_letter_queue AS letter
 WHERE letter.fingerprint = :fingerprint                                        -- when fingerprint
 GROUP BY letter.status;
