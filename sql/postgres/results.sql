-- name: add
-- At most one result for each slot of a KPI: a second one is not stored.
INSERT INTO monitoring.database_monitoring_results
       (indicator_id, slot_at, executed_at, status, value_number, value_text, message, error_type,
        duration_ms, details, environment, provider, worker_instance_id)
VALUES (:indicator_id::uuid, :slot_at::timestamptz, :executed_at, :status, :value_number::numeric,
        :value_text::text, :message, :error_type, :duration_ms, :details::jsonb, :environment,
        :provider, :worker_instance_id::uuid)
ON CONFLICT (indicator_id, slot_at) DO NOTHING;

-- name: history
SELECT result.result_id, result.slot_at, result.executed_at AS checked_at, result.status,
       result.value_number, result.value_text, result.message, result.error_type,
       result.duration_ms, result.details, result.environment, result.provider
  FROM monitoring.database_monitoring_results AS result
  JOIN monitoring.indicators AS indicator USING (indicator_id)
 WHERE indicator.indicator_name = :name
   AND result.executed_at >= now() - make_interval(hours => :hours)              -- when hours
   AND (result.executed_at, result.result_id) < (:before_at, :before_id)     -- when before_at
 ORDER BY result.executed_at DESC, result.result_id DESC
 LIMIT :limit;
