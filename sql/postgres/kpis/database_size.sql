-- title: Database size
-- unit: MB
-- every: 300
-- priority: 8
-- The size of this database on disk. Without thresholds: it is there to be looked at over time.
SELECT round(pg_database_size(current_database()) / 1048576.0, 1);
