-- name: list
SELECT query.query_id AS id, query.query_name AS name, query.description, query.query_type,
       query.sql_query AS sql, query.result_type, query.unit, query.expected_value,
       query.comparison_operator, query.warning_threshold, query.critical_threshold,
       query.on_empty, query.timeout_seconds, query.tags, query.is_enabled, query.version,
       query.created_at, query.created_by, query.modified_at, query.modified_by
  FROM monitoring.database_queries AS query
 WHERE TRUE
   AND query.query_name = :name                                                      -- when name
   AND strpos(',' || query.tags || ',', ',' || :tag || ',') > 0                       -- when tag
   AND query.is_enabled = :enabled                                                -- when enabled
   AND query.query_name > :after                                                    -- when after
 ORDER BY query.query_name
 LIMIT :limit;

-- name: add
INSERT INTO monitoring.database_queries AS query
       (query_name, description, query_type, sql_query, result_type, unit, expected_value,
        comparison_operator, warning_threshold, critical_threshold, on_empty, timeout_seconds,
        tags, is_enabled, created_by, modified_by)
SELECT one.name, one.description, one.query_type, one.sql, one.result_type, one.unit,
       one.expected_value, one.comparison_operator, one.warning_threshold, one.critical_threshold,
       one.on_empty, one.timeout_seconds, one.tags, one.is_enabled, :actor, :actor
  FROM json_to_recordset(:rows::json) AS one
       (name text, description text, query_type text, sql text, result_type text, unit text,
        expected_value text, comparison_operator text, warning_threshold numeric(18, 4),
        critical_threshold numeric(18, 4), on_empty text, timeout_seconds integer, tags text,
        is_enabled boolean)
ON CONFLICT (query_name) DO NOTHING
RETURNING query.query_name AS name;

-- name: replace
UPDATE monitoring.database_queries AS query
   SET description = one.description,
       query_type = one.query_type,
       sql_query = one.sql,
       result_type = one.result_type,
       unit = one.unit,
       expected_value = one.expected_value,
       comparison_operator = one.comparison_operator,
       warning_threshold = one.warning_threshold,
       critical_threshold = one.critical_threshold,
       on_empty = one.on_empty,
       timeout_seconds = one.timeout_seconds,
       tags = one.tags,
       is_enabled = one.is_enabled,
       version = query.version + 1,
       modified_at = clock_timestamp(),
       modified_by = :actor
  FROM json_to_recordset(:rows::json) AS one
       (name text, version integer, description text, query_type text, sql text, result_type text,
        unit text, expected_value text, comparison_operator text, warning_threshold numeric(18, 4),
        critical_threshold numeric(18, 4), on_empty text, timeout_seconds integer, tags text,
        is_enabled boolean)
 WHERE query.query_name = one.name
   AND query.version = one.version
RETURNING query.query_name AS name;

-- name: remove
DELETE FROM monitoring.database_queries AS query
 USING json_to_recordset(:rows::json) AS one (name text, version integer)
 WHERE query.query_name = one.name
   AND query.version = one.version
   AND NOT EXISTS (SELECT FROM monitoring.indicators AS indicator
                    WHERE indicator.query_id = query.query_id)
RETURNING query.query_name AS name;

-- name: users
SELECT indicator.indicator_name AS name
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_queries AS query USING (query_id)
 WHERE query.query_name = :name
 ORDER BY indicator.indicator_name
 LIMIT :limit;

-- name: providers
-- What kinds of database it runs on.
SELECT DISTINCT connection.provider
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_queries AS query USING (query_id)
  JOIN monitoring.database_connections AS connection USING (connection_id)
 WHERE query.query_name = :name
 ORDER BY connection.provider;
