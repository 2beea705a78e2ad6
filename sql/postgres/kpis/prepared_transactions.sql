-- title: Oldest prepared transaction
-- unit: s
-- warning: 300
-- critical: 3600
-- every: 60
-- priority: 4
-- A two-phase commit that nobody finished. It holds its locks, and holds vacuum back, even across
-- a restart: COMMIT PREPARED or ROLLBACK PREPARED it (pg_prepared_xacts has its name).
SELECT coalesce(round(max(extract(epoch FROM clock_timestamp() - prepared))::numeric, 1), 0)
  FROM pg_prepared_xacts;
