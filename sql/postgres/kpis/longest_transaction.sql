-- title: Longest transaction
-- unit: s
-- warning: 300
-- critical: 1800
-- every: 30
-- priority: 2
-- How long the oldest open transaction of a client has been open. While it is, vacuum cannot remove
-- what died after it began, and its locks are held: find its pid and ask its owner.
SELECT coalesce(round(max(extract(epoch FROM clock_timestamp() - xact_start))::numeric, 1), 0)
  FROM pg_stat_activity
 WHERE backend_type = 'client backend'
   AND pid <> pg_backend_pid();
