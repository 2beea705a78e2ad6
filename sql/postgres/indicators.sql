-- name: list
SELECT indicator.indicator_id AS id, indicator.indicator_name AS name, indicator.description,
       connection.connection_name AS connection, query.query_name AS query, indicator.schedule,
       indicator.jitter_seconds, indicator.priority, indicator.max_retries, indicator.owner,
       indicator.tags, indicator.is_active, indicator.max_consecutive, indicator.recover_after,
       indicator.per_second, indicator.compare_to, indicator.deviation_unit,
       indicator.deviation_side, indicator.warning_deviation, indicator.critical_deviation,
       indicator.forecast_hours, indicator.version, indicator.created_at, indicator.created_by,
       indicator.modified_at, indicator.modified_by
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_queries AS query USING (query_id)
  JOIN monitoring.database_connections AS connection USING (connection_id)
  LEFT JOIN LATERAL (                                                              -- when status
           SELECT result.status                                                    -- when status
             FROM monitoring.database_monitoring_results AS result                 -- when status
            WHERE result.indicator_id = indicator.indicator_id                     -- when status
            ORDER BY result.executed_at DESC, result.result_id DESC                -- when status
            LIMIT 1) AS newest ON true                                             -- when status
 WHERE TRUE
   AND indicator.indicator_name = :name                                              -- when name
   AND connection.environment = :environment                                  -- when environment
   AND connection.provider = :provider                                           -- when provider
   AND strpos(',' || indicator.tags || ',', ',' || :tag || ',') > 0                   -- when tag
   AND coalesce(newest.status, 'Unknown') = :status                                -- when status
   AND (indicator.is_active AND connection.is_enabled                             -- when enabled
        AND query.is_enabled) = :enabled                                          -- when enabled
   AND connection.connection_name = :connection                                -- when connection
   AND query.query_name = :query                                                    -- when query
   AND indicator.indicator_name > :after                                            -- when after
 ORDER BY indicator.indicator_name
 LIMIT :limit;

-- name: add
INSERT INTO monitoring.indicators AS indicator
       (indicator_name, description, connection_id, query_id, schedule, jitter_seconds, priority,
        max_retries, owner, tags, is_active, max_consecutive, recover_after, per_second,
        compare_to, deviation_unit, deviation_side, warning_deviation, critical_deviation,
        forecast_hours, created_by, modified_by)
SELECT one.name, one.description, connection.connection_id, query.query_id, one.schedule,
       one.jitter_seconds, one.priority, one.max_retries, one.owner, one.tags, one.is_active,
       one.max_consecutive, one.recover_after, one.per_second, one.compare_to, one.deviation_unit,
       one.deviation_side, one.warning_deviation, one.critical_deviation, one.forecast_hours,
       :actor, :actor
  FROM json_to_recordset(:rows::json) AS one
       (name text, description text, connection text, query text, schedule text,
        jitter_seconds integer, priority integer, max_retries integer, owner text, tags text,
        is_active boolean, max_consecutive integer, recover_after integer, per_second boolean,
        compare_to text, deviation_unit text, deviation_side text,
        warning_deviation numeric(18, 4), critical_deviation numeric(18, 4),
        forecast_hours integer)
  JOIN monitoring.database_connections AS connection ON connection.connection_name = one.connection
  JOIN monitoring.database_queries AS query ON query.query_name = one.query
ON CONFLICT (indicator_name) DO NOTHING
RETURNING indicator.indicator_name AS name;

-- name: replace
UPDATE monitoring.indicators AS indicator
   SET description = one.description,
       connection_id = connection.connection_id,
       query_id = query.query_id,
       schedule = one.schedule,
       jitter_seconds = one.jitter_seconds,
       priority = one.priority,
       max_retries = one.max_retries,
       owner = one.owner,
       tags = one.tags,
       is_active = one.is_active,
       max_consecutive = one.max_consecutive,
       recover_after = one.recover_after,
       per_second = one.per_second,
       compare_to = one.compare_to,
       deviation_unit = one.deviation_unit,
       deviation_side = one.deviation_side,
       warning_deviation = one.warning_deviation,
       critical_deviation = one.critical_deviation,
       forecast_hours = one.forecast_hours,
       version = indicator.version + 1,
       modified_at = clock_timestamp(),
       modified_by = :actor
  FROM json_to_recordset(:rows::json) AS one
       (name text, version integer, description text, connection text, query text, schedule text,
        jitter_seconds integer, priority integer, max_retries integer, owner text, tags text,
        is_active boolean, max_consecutive integer, recover_after integer, per_second boolean,
        compare_to text, deviation_unit text, deviation_side text,
        warning_deviation numeric(18, 4), critical_deviation numeric(18, 4),
        forecast_hours integer)
  JOIN monitoring.database_connections AS connection ON connection.connection_name = one.connection
  JOIN monitoring.database_queries AS query ON query.query_name = one.query
 WHERE indicator.indicator_name = one.name
   AND indicator.version = one.version
RETURNING indicator.indicator_name AS name;

-- name: remove
-- What is left of its results goes with it.
DELETE FROM monitoring.indicators AS indicator
 USING json_to_recordset(:rows::json) AS one (name text, version integer)
 WHERE indicator.indicator_name = one.name
   AND indicator.version = one.version
RETURNING indicator.indicator_name AS name;

-- name: schedule_at
UPDATE monitoring.indicators AS indicator
   SET next_due_at = one.due_at
  FROM json_to_recordset(:rows::json) AS one (name text, due_at timestamptz)
 WHERE indicator.indicator_name = one.name;

-- name: overview
-- Every KPI with its newest result.
SELECT indicator.indicator_name AS name, indicator.description,
       CASE WHEN indicator.per_second THEN coalesce(query.unit, '') || '/s' ELSE query.unit END
           AS unit,
       connection.connection_name AS connection, connection.environment, connection.provider,
       query.query_name AS query, indicator.schedule, indicator.priority, indicator.owner,
       indicator.tags, indicator.is_active, connection.is_enabled AS is_connection_enabled,
       query.is_enabled AS is_query_enabled, indicator.next_due_at,
       newest.status, newest.value_number, newest.value_text, newest.message,
       newest.error_type, newest.executed_at AS checked_at, newest.duration_ms
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_queries AS query USING (query_id)
  JOIN monitoring.database_connections AS connection USING (connection_id)
  LEFT JOIN LATERAL (
           SELECT result.status, result.value_number, result.value_text, result.message,
                  result.error_type, result.executed_at, result.duration_ms
             FROM monitoring.database_monitoring_results AS result
            WHERE result.indicator_id = indicator.indicator_id
            ORDER BY result.executed_at DESC, result.result_id DESC
            LIMIT 1) AS newest ON true
 WHERE TRUE
   AND indicator.indicator_name = :name                                              -- when name
   AND connection.environment = :environment                                  -- when environment
   AND connection.provider = :provider                                           -- when provider
   AND strpos(',' || indicator.tags || ',', ',' || :tag || ',') > 0                   -- when tag
   AND coalesce(newest.status, 'Unknown') = :status                                -- when status
   AND (indicator.is_active AND connection.is_enabled                             -- when enabled
        AND query.is_enabled) = :enabled                                          -- when enabled
   AND connection.connection_name = :connection                                -- when connection
   AND query.query_name = :query                                                    -- when query
   AND indicator.indicator_name > :after                                            -- when after
 ORDER BY indicator.indicator_name
 LIMIT :limit;

-- name: summary
-- How many KPIs stand at which verdict, and how many are late by more than a minute. Those that
-- cannot have a value where they run are counted by themselves.
SELECT CASE WHEN newest.status = 'Error' AND newest.error_type = 'not_available'
            THEN 'NotAvailable'
            ELSE coalesce(newest.status, 'Unknown') END AS status, count(*) AS kpis,
       count(*) FILTER (WHERE indicator.is_active
                          AND indicator.next_due_at < now() - interval '60 seconds') AS overdue
  FROM monitoring.indicators AS indicator
  LEFT JOIN LATERAL (
           SELECT result.status, result.error_type
             FROM monitoring.database_monitoring_results AS result
            WHERE result.indicator_id = indicator.indicator_id
            ORDER BY result.executed_at DESC, result.result_id DESC
            LIMIT 1) AS newest ON true
 WHERE indicator.is_active
 GROUP BY 1;
