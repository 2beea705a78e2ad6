-- name: add
INSERT INTO monitoring.audit_log
       (actor, action, entity_type, entity_id, old_values, new_values, reason, correlation_id)
SELECT entry.actor, entry.action, entry.entity_type, entry.entity_id, entry.old_values::jsonb,
       entry.new_values::jsonb, entry.reason, entry.correlation_id
  FROM json_to_recordset(:entries::json) AS entry
       (actor text, action text, entity_type text, entity_id text, old_values text,
        new_values text, reason text, correlation_id text);

-- name: recent
SELECT audit.audit_id, audit.happened_at, audit.actor, audit.action, audit.entity_type,
       audit.entity_id, audit.old_values, audit.new_values, audit.reason, audit.correlation_id
  FROM monitoring.audit_log AS audit
 WHERE TRUE
   AND audit.entity_type = :entity_type                                       -- when entity_type
   AND audit.entity_id = :entity_id                                           -- when entity_id
   AND audit.audit_id < :before                                               -- when before
 ORDER BY audit.audit_id DESC
 LIMIT :limit;
