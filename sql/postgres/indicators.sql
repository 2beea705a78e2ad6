-- name: claim
-- Take what is due, most urgent first, for as long as each may run and no longer.
UPDATE monitoring.indicators AS indicator
   SET lease_id = :lease_id::uuid,
       leased_until = clock_timestamp() + make_interval(
           secs => least(query.timeout_seconds, :timeout_seconds)
                   + connection.connection_timeout_seconds + :margin_seconds)
  FROM monitoring.database_queries AS query, monitoring.database_connections AS connection
 WHERE query.query_id = indicator.query_id
   AND connection.connection_id = indicator.connection_id
   AND indicator.indicator_id IN (
           SELECT due.indicator_id
             FROM monitoring.indicators AS due
             JOIN monitoring.database_queries AS q ON q.query_id = due.query_id
             JOIN monitoring.database_connections AS c ON c.connection_id = due.connection_id
            WHERE due.next_due_at <= clock_timestamp()
              AND (due.leased_until IS NULL OR due.leased_until < clock_timestamp())
              AND q.is_enabled AND c.is_enabled
              AND due.is_active                                           -- when active_only
            ORDER BY due.priority, due.next_due_at
            LIMIT :limit
              FOR UPDATE OF due SKIP LOCKED)
RETURNING indicator.indicator_id, indicator.indicator_name AS name, indicator.schedule,
          indicator.next_due_at AS slot_at, indicator.lease_id, clock_timestamp() AS claimed_at,
          connection.connection_name, connection.provider, connection.environment,
          connection.connection_string, connection.is_encrypted,
          connection.connection_timeout_seconds, query.sql_query, query.result_type, query.unit,
          query.expected_value, query.comparison_operator, query.warning_threshold,
          query.critical_threshold, query.on_empty, query.timeout_seconds;

-- name: find
-- One KPI as it would run now, by its name, whatever its state.
SELECT indicator.indicator_id, indicator.indicator_name AS name, indicator.schedule,
       NULL::timestamptz AS slot_at, NULL::uuid AS lease_id, clock_timestamp() AS claimed_at,
       connection.connection_name, connection.provider, connection.environment,
       connection.connection_string, connection.is_encrypted,
       connection.connection_timeout_seconds, query.sql_query, query.result_type, query.unit,
       query.expected_value, query.comparison_operator, query.warning_threshold,
       query.critical_threshold, query.on_empty, query.timeout_seconds
  FROM monitoring.indicators AS indicator
  JOIN monitoring.database_queries AS query USING (query_id)
  JOIN monitoring.database_connections AS connection USING (connection_id)
 WHERE indicator.indicator_name = :name;

-- name: release
-- Give a lease back with the next slot. No row: the lease had ended and someone else has it.
UPDATE monitoring.indicators
   SET next_due_at = :next_due_at, lease_id = NULL, leased_until = NULL
 WHERE indicator_id = :indicator_id::uuid
   AND lease_id = :lease_id::uuid;

-- name: overview
-- Every KPI with its newest result.
SELECT indicator.indicator_name AS name, indicator.description, query.unit,
       connection.connection_name AS connection, indicator.schedule, indicator.priority,
       indicator.owner, indicator.is_active, indicator.next_due_at,
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
   AND indicator.indicator_name = :name                                          -- when name
   AND indicator.indicator_name > :after                                        -- when after
 ORDER BY indicator.indicator_name
 LIMIT :limit;

-- name: add
-- A KPI with its query, where no KPI has its name yet.
WITH query AS (
    INSERT INTO monitoring.database_queries
           (query_name, query_type, description, sql_query, result_type, unit, expected_value,
            comparison_operator, warning_threshold, critical_threshold, on_empty,
            timeout_seconds, created_by, modified_by)
    VALUES (:name, :query_type, :description, :sql_query, :result_type, :unit, :expected_value,
            :comparison_operator, :warning_threshold::numeric, :critical_threshold::numeric,
            :on_empty, :timeout_seconds, :actor, :actor)
    ON CONFLICT (query_name) DO NOTHING
    RETURNING query_id)
INSERT INTO monitoring.indicators
       (indicator_name, description, connection_id, query_id, schedule, priority, owner,
        created_by, modified_by)
SELECT :name, :description, connection.connection_id, query.query_id, :schedule, :priority,
       :owner, :actor, :actor
  FROM query
  JOIN monitoring.database_connections AS connection
    ON connection.connection_name = :connection_name
ON CONFLICT (indicator_name) DO NOTHING;

-- name: add_connection
INSERT INTO monitoring.database_connections
       (connection_name, provider, connection_string, environment, created_by, modified_by)
VALUES (:name, :provider, :connection_string, :environment, :actor, :actor)
ON CONFLICT (connection_name) DO NOTHING;

-- name: summary
-- How many KPIs stand at which verdict, and how many are late by more than a minute. Those that
-- cannot have a value where they run are counted by themselves.
SELECT CASE WHEN newest.error_type = 'not_available' THEN 'NotAvailable'
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
