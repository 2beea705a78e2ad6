-- title: Replication lag
-- unit: s
-- warning: 30
-- critical: 300
-- every: 30
-- priority: 3
-- On a replica, how old what it shows is; on a primary, how far its slowest replica is behind.
-- Without replicas it is 0.
SELECT round(CASE
           WHEN NOT pg_is_in_recovery() THEN coalesce(
               (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication), 0)
           WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
           ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END::numeric, 1);
