-- name: add
-- At most one result for each slot of a KPI: a second one is not stored, nor one of a KPI that is
-- gone.
INSERT INTO monitoring.database_monitoring_results
       (indicator_id, slot_at, executed_at, status, raw_status, value_number, value_text,
        raw_number, message, error_type, duration_ms, details, environment, provider,
        worker_instance_id)
SELECT result.indicator_id, result.slot_at, result.executed_at, result.status, result.raw_status,
       result.value_number, result.value_text, result.raw_number, result.message,
       result.error_type, result.duration_ms, result.details::jsonb, result.environment,
       result.provider, :worker_instance_id::uuid
  FROM json_to_recordset(:results::json) AS result
            (indicator_id uuid, slot_at timestamptz, executed_at timestamptz, status text,
             raw_status text, value_number numeric, value_text text, raw_number numeric,
             message text, error_type text, duration_ms double precision, details text,
             environment text, provider text)
 WHERE EXISTS (SELECT FROM monitoring.indicators AS indicator
                WHERE indicator.indicator_id = result.indicator_id)
ON CONFLICT (indicator_id, slot_at) DO NOTHING;

-- name: remove_of
DELETE FROM monitoring.database_monitoring_results
 WHERE result_id IN (
           SELECT result_id FROM monitoring.database_monitoring_results
            WHERE indicator_id = :indicator_id::uuid
            LIMIT :batch);

-- name: history
-- `bad` where the status is another than Healthy: there is an index of those alone.
SELECT result.result_id, result.slot_at, result.executed_at AS checked_at, result.status,
       coalesce(result.raw_status, result.status) AS raw_status, result.value_number,
       result.value_text, result.message, result.error_type, result.duration_ms, result.details,
       result.environment, result.provider
  FROM monitoring.database_monitoring_results AS result
  JOIN monitoring.indicators AS indicator USING (indicator_id)
 WHERE indicator.indicator_name = :name
   AND result.status = :status                                                   -- when status
   AND result.status <> 'Healthy'                                                   -- when bad
   AND result.executed_at >= now() - make_interval(hours => :hours)              -- when hours
   AND (result.executed_at, result.result_id) < (:before_at, :before_id)     -- when before_at
 ORDER BY result.executed_at DESC, result.result_id DESC
 LIMIT :limit;

-- name: not_healthy
-- What was found bad on some connections between two times, newest first, at most so many of each
-- KPI. A check that cannot be run on such a server found nothing.
SELECT indicator.indicator_name AS name, connection.connection_name AS connection, bad.status,
       bad.value_number, bad.value_text, query.unit, bad.executed_at AS checked_at, bad.message
  FROM monitoring.database_connections AS connection
  JOIN monitoring.indicators AS indicator USING (connection_id)
  JOIN monitoring.database_queries AS query USING (query_id)
 CROSS JOIN LATERAL (
           SELECT result.status, result.value_number, result.value_text, result.message,
                  result.executed_at
             FROM monitoring.database_monitoring_results AS result
            WHERE result.indicator_id = indicator.indicator_id
              AND result.executed_at >= :since
              AND result.executed_at <= :until
              AND result.status <> 'Healthy'
              AND coalesce(result.error_type, '') <> 'not_available'
            ORDER BY result.executed_at DESC, result.result_id DESC
            LIMIT :limit_each) AS bad
 WHERE connection.connection_name = ANY (:connections)
 ORDER BY bad.executed_at DESC, indicator.indicator_name
 LIMIT :limit;
