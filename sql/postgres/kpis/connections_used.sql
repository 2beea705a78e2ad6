-- title: Connections used
-- unit: %
-- warning: 80
-- critical: 95
-- every: 30
-- priority: 1
-- Of max_connections. At 100 % nobody new gets in, Watchkeeper neither: look for an application that
-- opens without closing (activity by application_name), or for a pool that is too large.
SELECT round(100.0 * count(*) / current_setting('max_connections')::integer, 1)
  FROM pg_stat_activity
 WHERE backend_type = 'client backend';
