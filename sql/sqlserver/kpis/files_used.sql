-- title: Fullest file
-- unit: %
-- warning: 85
-- critical: 95
-- every: 300
-- priority: 3
-- How much of what its files may grow to a filegroup has used, the fullest of this database. Files
-- without a limit count as empty: volume_free looks after those. At 100 % inserts fail: raise the
-- limit, or add a file.
SELECT CAST(COALESCE(MAX(100.0 * groups.used / groups.most), 0) AS decimal(18, 2)) AS used_percent
  FROM (SELECT SUM(CAST(FILEPROPERTY(name, 'SpaceUsed') AS bigint)) AS used,
               SUM(CASE WHEN growth = 0 THEN CAST(size AS bigint)
                        WHEN max_size > 0 THEN CAST(max_size AS bigint)
                        ELSE CAST(268435456 AS bigint) * 64 END) AS most
          FROM sys.database_files
         WHERE type = 0
         GROUP BY data_space_id) AS groups;
