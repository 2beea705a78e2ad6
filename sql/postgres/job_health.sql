-- How the jobs as a whole are doing. {jobs} and {tasks} are in relations.sql.

-- name: failure_rate
-- Tasks that ended in the last hour, and in the seven days before it: there the completed ones are
-- counted by when they were made, which an index gives without the tasks themselves.
SELECT recent.failed AS recent_failed, recent.completed AS recent_completed,
       failed.tasks AS normal_failed, completed.tasks AS normal_completed
  FROM (SELECT count(*) FILTER (WHERE task.status = 'failed') AS failed,
               count(*) FILTER (WHERE task.status = 'completed') AS completed
          FROM {tasks} AS task
         WHERE task.updated_at >= now() - interval '1 hour') AS recent
 CROSS JOIN (SELECT count(*) AS tasks
               FROM {tasks} AS task
              WHERE task.status = 'failed'
                AND task.updated_at >= now() - interval '169 hours'
                AND task.updated_at < now() - interval '1 hour') AS failed
 CROSS JOIN (SELECT count(*) AS tasks
               FROM {tasks} AS task
              WHERE task.status = 'completed'
                AND task.created_at >= now() - interval '169 hours'
                AND task.created_at < now() - interval '1 hour') AS completed;

-- name: oldest_queued
-- The task that has waited longest for somebody to take it.
SELECT oldest.task_id, oldest.parent_job_id AS job_id, oldest.task_type, oldest.status,
       oldest.created_at,
       CAST(extract(epoch FROM now() - oldest.created_at) AS double precision) AS age_seconds
  FROM ((SELECT task.* FROM {tasks} AS task
         WHERE task.status = 'queued'
         ORDER BY task.created_at, task.task_id DESC LIMIT 1)
        UNION ALL
        (SELECT task.* FROM {tasks} AS task
         WHERE task.status = 'pending'
         ORDER BY task.created_at, task.task_id DESC LIMIT 1)
        UNION ALL
        (SELECT task.* FROM {tasks} AS task
         WHERE task.status = 'ready'
         ORDER BY task.created_at, task.task_id DESC LIMIT 1)) AS oldest
 ORDER BY oldest.created_at
 LIMIT 1;

-- name: row_security
-- The tables of which this login sees only the rows that a policy shows it.
SELECT tables.relname::text AS table_name
  FROM pg_catalog.pg_class AS tables
 WHERE tables.oid IN (to_regclass('{schema}.jobs'), to_regclass('{schema}.tasks'))
   AND row_security_active(tables.oid)
 ORDER BY tables.relname;
