-- name: add
INSERT INTO monitoring.AuditLog
       (Actor, Action, EntityType, EntityId, OldValues, NewValues, Reason, CorrelationId)
SELECT entry.actor, entry.action, entry.entity_type, entry.entity_id, entry.old_values,
       entry.new_values, entry.reason, entry.correlation_id
  FROM OPENJSON(:entries)
       WITH (actor nvarchar(100) '$.actor', action nvarchar(50) '$.action',
             entity_type nvarchar(50) '$.entity_type', entity_id nvarchar(200) '$.entity_id',
             old_values nvarchar(max) '$.old_values' AS JSON,
             new_values nvarchar(max) '$.new_values' AS JSON,
             reason nvarchar(500) '$.reason',
             correlation_id nvarchar(128) '$.correlation_id') AS entry;
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
