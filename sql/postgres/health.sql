-- name: ping
SELECT 1 AS alive;

-- name: now
SELECT now() AS now;

-- name: server
-- Which server answers, and what it is doing for this database.
SELECT current_setting('server_version') AS version,
       current_database() AS database_name,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
       CAST(current_setting('max_connections') AS integer) AS max_connections;

-- name: revision
-- The newest migration that is applied; no row before the first.
SELECT version_num FROM monitoring.schema_version;
