-- title: WAL size
-- unit: % of max_wal_size
-- warning: 150
-- critical: 400
-- every: 60
-- priority: 4
-- The WAL on disk. Far above max_wal_size: archiving fails, a slot holds it, or checkpoints cannot
-- keep up. Needs the right to run pg_ls_waldir (role pg_monitor).
SELECT round(100.0 * sum(size) / pg_size_bytes(current_setting('max_wal_size')), 1)
  FROM pg_ls_waldir();
