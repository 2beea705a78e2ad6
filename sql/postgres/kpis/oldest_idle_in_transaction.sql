-- title: Oldest idle in transaction
-- unit: s
-- warning: 120
-- critical: 900
-- every: 30
-- priority: 2
-- A session that began a transaction and does nothing in it. Mostly an application that forgot to
-- commit; idle_in_transaction_session_timeout ends such sessions by itself.
SELECT coalesce(round(max(extract(epoch FROM clock_timestamp() - state_change))::numeric, 1), 0)
  FROM pg_stat_activity
 WHERE state LIKE 'idle in transaction%';
