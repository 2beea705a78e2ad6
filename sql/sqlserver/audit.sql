-- name: add
INSERT INTO monitoring.AuditLog
       (Actor, Action, EntityType, EntityId, OldValues, NewValues, Reason, CorrelationId)
VALUES (:actor, :action, :entity_type, :entity_id, :old_values, :new_values, :reason,
        :correlation_id);
SELECT @@ROWCOUNT AS changed;

-- name: recent
-- A row that another application put into the table has no action, and is none of ours.
SELECT TOP (:limit) audit.AuditId AS audit_id, audit.HappenedAt AS happened_at,
       audit.Actor AS actor, audit.Action AS action, audit.EntityType AS entity_type,
       audit.EntityId AS entity_id, audit.OldValues AS old_values, audit.NewValues AS new_values,
       audit.Reason AS reason, audit.CorrelationId AS correlation_id
  FROM monitoring.AuditLog AS audit
 WHERE audit.Action IS NOT NULL
   AND audit.EntityType = :entity_type                                        -- when entity_type
   AND audit.EntityId = :entity_id                                            -- when entity_id
   AND audit.AuditId < :before                                                -- when before
 ORDER BY audit.AuditId DESC;
