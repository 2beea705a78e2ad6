-- name: find
SELECT ConfigValue AS config_value FROM monitoring.Config WHERE ConfigKey = :key;

-- name: put
DECLARE @key nvarchar(100) = :key, @value nvarchar(max) = :value, @actor nvarchar(100) = :actor;
BEGIN TRANSACTION;
UPDATE monitoring.Config WITH (UPDLOCK, SERIALIZABLE)
   SET ConfigValue = @value, ModifiedAt = SYSUTCDATETIME(), ModifiedBy = @actor
 WHERE ConfigKey = @key;
IF @@ROWCOUNT = 0
    INSERT INTO monitoring.Config (ConfigKey, ConfigValue, Description, ModifiedBy)
    VALUES (@key, @value, :description, @actor);
COMMIT TRANSACTION;
SELECT 1 AS changed;
