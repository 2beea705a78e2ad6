-- title: Age towards wraparound
-- unit: %
-- warning: 40
-- critical: 75
-- every: 300
-- priority: 3
-- How much of the two thousand million transaction ids the oldest database of the server has used
-- since it was last frozen. At 100 % the server stops writing: let VACUUM (FREEZE) finish.
SELECT round(100.0 * max(age(datfrozenxid)) / 2000000000, 2)
  FROM pg_database;
