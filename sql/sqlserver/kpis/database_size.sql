-- title: Database size
-- unit: MB
-- every: 300
-- priority: 8
-- The size of this database's files, log included. Without thresholds: it is there to be looked at
-- over time.
SELECT CAST(SUM(CAST(size AS bigint)) / 128.0 AS decimal(18, 1)) AS megabytes
  FROM sys.database_files;
