-- title: Cache hit ratio
-- unit: %
-- warning: 95
-- critical: 85
-- every: 60
-- priority: 5
-- Of the blocks this database asked for, those found in shared_buffers, since the statistics were
-- reset. Below: memory is short for the working set, or a query reads whole tables. Fewer than a
-- hundred thousand blocks in all say nothing yet, and count as 100 %.
SELECT CASE WHEN blks_hit + blks_read < 100000 THEN 100
            ELSE round(100.0 * blks_hit / (blks_hit + blks_read), 2) END
  FROM pg_stat_database
 WHERE datname = current_database();
