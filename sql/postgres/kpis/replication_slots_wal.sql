-- title: WAL held by replication slots
-- unit: MB
-- warning: 4096
-- critical: 32768
-- every: 60
-- priority: 3
-- What the server must keep for the slot that is furthest behind. A slot that nobody reads fills
-- the disk: drop it, or bring its reader back. Without slots it is 0.
SELECT coalesce(round(max(pg_wal_lsn_diff(
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                ELSE pg_current_wal_lsn() END, restart_lsn)) / 1048576.0, 1), 0)
  FROM pg_replication_slots;
