-- title: Temporary files
-- unit: MB per hour
-- warning: 1024
-- critical: 10240
-- every: 60
-- priority: 6
-- What sorts and hashes wrote to disk because work_mem was too small for them, on average since
-- the statistics were reset (or the server started).
SELECT round((temp_bytes / 1048576.0 / greatest(extract(epoch FROM clock_timestamp()
                   - coalesce(stats_reset, pg_postmaster_start_time())) / 3600.0, 1.0))::numeric, 2)
  FROM pg_stat_database
 WHERE datname = current_database();
