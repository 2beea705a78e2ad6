-- title: Deadlocks
-- unit: per hour
-- warning: 1
-- critical: 10
-- every: 60
-- priority: 4
-- On average since the statistics were reset (or the server started). Each one cost somebody a
-- transaction: two code paths take the same locks in different order; the server log names both.
SELECT round((deadlocks / greatest(extract(epoch FROM clock_timestamp()
                   - coalesce(stats_reset, pg_postmaster_start_time())) / 3600.0, 1.0))::numeric, 2)
  FROM pg_stat_database
 WHERE datname = current_database();
