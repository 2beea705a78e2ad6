-- name: server
-- Which server answers. Of the connections a login sees those of others only with PROCESS.
SELECT version() AS version,
       database() AS database_name,
       (SELECT count(*) FROM information_schema.processlist) AS connections,
       @@max_connections AS max_connections;
