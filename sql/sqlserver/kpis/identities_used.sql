-- title: Identities used
-- unit: %
-- warning: 75
-- critical: 90
-- every: 300
-- priority: 5
-- How far the identity column that is nearest to its end has come. At 100 % inserts fail: make the
-- column bigint in time.
SELECT CAST(COALESCE(MAX(100.0 * identities.used / identities.most), 0) AS decimal(18, 2))
           AS used_percent
  FROM (SELECT CAST(ids.last_value AS decimal(38, 0)) AS used,
               CASE TYPE_NAME(ids.system_type_id)
                   WHEN N'tinyint' THEN CAST(255 AS decimal(38, 0))
                   WHEN N'smallint' THEN 32767
                   WHEN N'int' THEN 2147483647
                   WHEN N'bigint' THEN 9223372036854775807
                   ELSE POWER(CAST(10 AS decimal(38, 0)), ids.[precision]) - 1 END AS most
          FROM sys.identity_columns AS ids
         WHERE ids.last_value IS NOT NULL
           AND CAST(ids.increment_value AS bigint) > 0) AS identities;
