-- name: server
-- Which server answers. How many connections there are is not for every login to see.
SELECT (SELECT max(version) FROM product_component_version) AS version,
       sys_context('USERENV', 'DB_NAME') AS database_name,
       CAST(NULL AS number) AS connections,
       CAST(NULL AS number) AS max_connections
  FROM dual;
