-- How the jobs as a whole are doing. {jobs} and {tasks} are in relations.sql.

-- name: failure_rate
-- Tasks that ended in the last hour, and in the seven days before it: there the completed ones are
-- counted by when they were made, which an index gives without the tasks themselves.
DECLARE @hour_ago datetime2(7) = DATEADD(hour, -1, SYSUTCDATETIME());
DECLARE @week_ago datetime2(7) = DATEADD(hour, -169, SYSUTCDATETIME());
SELECT COALESCE(recent.failed, 0) AS recent_failed,
       COALESCE(recent.completed, 0) AS recent_completed,
       failed.tasks AS normal_failed, completed.tasks AS normal_completed
  FROM (SELECT SUM(CASE WHEN task.status = N'failed' THEN 1 ELSE 0 END) AS failed,
               SUM(CASE WHEN task.status = N'completed' THEN 1 ELSE 0 END) AS completed
          FROM {tasks} AS task
         WHERE task.updated_at >= @hour_ago) AS recent
 CROSS JOIN (SELECT COUNT(*) AS tasks
               FROM {tasks} AS task
              WHERE task.status = N'failed'
                AND task.updated_at >= @week_ago
                AND task.updated_at < @hour_ago) AS failed
 CROSS JOIN (SELECT COUNT(*) AS tasks
               FROM {tasks} AS task
              WHERE task.status = N'completed'
                AND task.created_at >= @week_ago
                AND task.created_at < @hour_ago) AS completed;

-- name: oldest_queued
-- The task that has waited longest for somebody to take it.
SELECT TOP (1) oldest.task_id, oldest.parent_job_id AS job_id, oldest.task_type, oldest.status,
       oldest.created_at,
       CAST(DATEDIFF_BIG(millisecond, oldest.created_at, SYSUTCDATETIME()) / 1000.0 AS float)
           AS age_seconds
  FROM (SELECT queued.* FROM (
               SELECT TOP (1) task.* FROM {tasks} AS task
                WHERE task.status = N'queued'
                ORDER BY task.created_at, task.task_id DESC) AS queued
        UNION ALL
        SELECT pending.* FROM (
               SELECT TOP (1) task.* FROM {tasks} AS task
                WHERE task.status = N'pending'
                ORDER BY task.created_at, task.task_id DESC) AS pending
        UNION ALL
        SELECT ready.* FROM (
               SELECT TOP (1) task.* FROM {tasks} AS task
                WHERE task.status = N'ready'
                ORDER BY task.created_at, task.task_id DESC) AS ready) AS oldest
 ORDER BY oldest.created_at;

-- name: row_security
-- The tables of which this login sees only the rows that a policy shows it: a policy's predicate
-- holds for everyone, whoever owns the table.
SELECT OBJECT_NAME(hidden.target_object_id) AS table_name
  FROM sys.security_predicates AS hidden
  JOIN sys.security_policies AS policy ON policy.object_id = hidden.object_id
 WHERE policy.is_enabled = 1
   AND hidden.predicate_type = 0
   AND hidden.target_object_id IN (OBJECT_ID(N'[{schema}].jobs'), OBJECT_ID(N'[{schema}].tasks'))
 ORDER BY table_name;
