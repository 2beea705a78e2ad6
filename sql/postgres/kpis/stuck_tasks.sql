-- title: Stuck tasks
-- unit: tasks
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 2
-- connection: jobs
-- Tasks that are processing and of which nothing was heard for fifteen minutes. Whoever worked on
-- them is most likely gone: their jobs wait for ever.
SELECT count(*)
  FROM {schema}.tasks
 WHERE status::text = 'processing'
   AND greatest(updated_at, heartbeat) < now() - interval '15 minutes';
