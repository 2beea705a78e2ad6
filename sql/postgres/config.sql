-- name: find
SELECT config_value FROM monitoring.config WHERE config_key = :key;

-- name: put
INSERT INTO monitoring.config (config_key, config_value, description, modified_by)
VALUES (:key, :value, :description, :actor)
ON CONFLICT (config_key) DO UPDATE
   SET config_value = excluded.config_value,
       modified_at = clock_timestamp(),
       modified_by = excluded.modified_by;
