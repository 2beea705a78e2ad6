-- name: list
-- A connection has the status of every KPI that is active there.
SELECT connection.connection_id AS id, connection.connection_name AS name, connection.description,
       connection.provider, connection.environment, connection.connection_string AS address,
       connection.is_encrypted, connection.tags,
       connection.connection_timeout_seconds AS timeout_seconds,
       connection.command_timeout_seconds, connection.max_parallel, connection.is_enabled,
       connection.version, connection.created_at, connection.created_by, connection.modified_at,
       connection.modified_by
  FROM monitoring.database_connections AS connection
 WHERE TRUE
   AND connection.connection_name = :name                                            -- when name
   AND connection.environment = :environment                                  -- when environment
   AND connection.provider = :provider                                           -- when provider
   AND strpos(',' || connection.tags || ',', ',' || :tag || ',') > 0                  -- when tag
   AND connection.is_enabled = :enabled                                           -- when enabled
   AND EXISTS (SELECT FROM monitoring.indicators AS indicator                      -- when status
                 LEFT JOIN LATERAL (                                               -- when status
                          SELECT result.status                                     -- when status
                            FROM monitoring.database_monitoring_results AS result  -- when status
                           WHERE result.indicator_id = indicator.indicator_id      -- when status
                           ORDER BY result.executed_at DESC, result.result_id DESC -- when status
                           LIMIT 1) AS newest ON true                              -- when status
                WHERE indicator.connection_id = connection.connection_id           -- when status
                  AND indicator.is_active                                          -- when status
                  AND coalesce(newest.status, 'Unknown') = :status)                -- when status
   AND connection.connection_name > :after                                          -- when after
 ORDER BY connection.connection_name
 LIMIT :limit;

-- name: add
INSERT INTO monitoring.database_connections AS connection
       (connection_name, description, provider, environment, connection_string, is_encrypted, tags,
        connection_timeout_seconds, command_timeout_seconds, max_parallel, is_enabled, created_by,
        modified_by)
SELECT one.name, one.description, one.provider, one.environment, one.address, one.is_encrypted,
       one.tags, one.timeout_seconds, one.command_timeout_seconds, one.max_parallel,
       one.is_enabled, :actor, :actor
  FROM json_to_recordset(:rows::json) AS one
       (name text, description text, provider text, environment text, address text,
        is_encrypted boolean, tags text, timeout_seconds integer, command_timeout_seconds integer,
        max_parallel integer, is_enabled boolean)
ON CONFLICT (connection_name) DO NOTHING
RETURNING connection.connection_name AS name;

-- name: replace
UPDATE monitoring.database_connections AS connection
   SET description = one.description,
       provider = one.provider,
       environment = one.environment,
       connection_string = one.address,
       is_encrypted = one.is_encrypted,
       tags = one.tags,
       connection_timeout_seconds = one.timeout_seconds,
       command_timeout_seconds = one.command_timeout_seconds,
       max_parallel = one.max_parallel,
       is_enabled = one.is_enabled,
       version = connection.version + 1,
       modified_at = clock_timestamp(),
       modified_by = :actor
  FROM json_to_recordset(:rows::json) AS one
       (name text, version integer, description text, provider text, environment text,
        address text, is_encrypted boolean, tags text, timeout_seconds integer,
        command_timeout_seconds integer, max_parallel integer, is_enabled boolean)
 WHERE connection.connection_name = one.name
   AND connection.version = one.version
RETURNING connection.connection_name AS name;

-- name: remove
DELETE FROM monitoring.database_connections AS connection
 USING json_to_recordset(:rows::json) AS one (name text, version integer)
 WHERE connection.connection_name = one.name
   AND connection.version = one.version
   AND NOT EXISTS (SELECT FROM monitoring.indicators AS indicator
                    WHERE indicator.connection_id = connection.connection_id)
RETURNING connection.connection_name AS name;

-- name: users
SELECT indicator.indicator_name AS name
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_connections AS connection USING (connection_id)
 WHERE connection.connection_name = :name
 ORDER BY indicator.indicator_name
 LIMIT :limit;

-- name: encrypted
SELECT count(*) AS connections FROM monitoring.database_connections WHERE is_encrypted;
