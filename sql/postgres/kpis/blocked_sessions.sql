-- title: Blocked sessions
-- unit: sessions
-- warning: 1
-- critical: 10
-- every: 30
-- priority: 1
-- Sessions that have waited more than five seconds for a lock that another one holds.
-- pg_blocking_pids() of each names the one to look at.
SELECT count(*)
  FROM pg_stat_activity
 WHERE wait_event_type = 'Lock'
   AND state_change < clock_timestamp() - interval '5 seconds'
   AND cardinality(pg_blocking_pids(pid)) > 0;
