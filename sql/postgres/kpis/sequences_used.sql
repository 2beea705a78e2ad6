-- title: Sequences used
-- unit: %
-- warning: 75
-- critical: 90
-- every: 300
-- priority: 5
-- How far the sequence that is nearest to its end has come. At 100 % inserts fail: make the column
-- bigint in time.
SELECT coalesce(max(round(100.0 * last_value / max_value, 1)), 0)
  FROM pg_sequences
 WHERE NOT cycle
   AND increment_by > 0;
