-- title: Dead rows
-- unit: %
-- warning: 20
-- critical: 50
-- every: 300
-- priority: 6
-- The worst table's share of dead rows, of the tables with more than ten thousand. Autovacuum does
-- not keep up, or something holds it back: a long transaction, an unused replication slot, a lock.
SELECT coalesce(max(round(100.0 * n_dead_tup / (n_live_tup + n_dead_tup), 1)), 0)
  FROM pg_stat_user_tables
 WHERE n_dead_tup > 10000;
