-- name: list
-- A connection has the status of every KPI that is active there.
SELECT TOP (:limit) connection.ConnectionId AS id, connection.ConnectionName AS name,
       connection.Description AS description, connection.Provider AS provider,
       connection.Environment AS environment, connection.ConnectionString AS address,
       connection.IsEncrypted AS is_encrypted, connection.Tags AS tags,
       connection.ConnectionTimeoutSeconds AS timeout_seconds,
       connection.CommandTimeoutSeconds AS command_timeout_seconds,
       connection.MaxParallel AS max_parallel, connection.IsEnabled AS is_enabled,
       connection.Version AS version, connection.CreatedAt AS created_at,
       connection.CreatedBy AS created_by, connection.ModifiedAt AS modified_at,
       connection.ModifiedBy AS modified_by
  FROM monitoring.DatabaseConnections AS connection
 WHERE 1 = 1
   AND connection.ConnectionName = :name                                             -- when name
   AND connection.Environment = :environment                                  -- when environment
   AND connection.Provider = :provider                                           -- when provider
   AND CHARINDEX(N',' + :tag + N',',                                                  -- when tag
                 (N',' + connection.Tags + N',') COLLATE Latin1_General_BIN2) > 0     -- when tag
   AND connection.IsEnabled = :enabled                                            -- when enabled
   AND EXISTS (SELECT 1 FROM monitoring.Indicators AS indicator                    -- when status
                OUTER APPLY (                                                      -- when status
                          SELECT TOP (1) result.Status                             -- when status
                            FROM monitoring.DatabaseMonitoringResults AS result    -- when status
                           WHERE result.IndicatorId = indicator.IndicatorId        -- when status
                           ORDER BY result.ExecutedAt DESC, result.ResultId DESC)  -- when status
                      AS newest                                                    -- when status
                WHERE indicator.ConnectionId = connection.ConnectionId             -- when status
                  AND indicator.IsActive = 1                                       -- when status
                  AND COALESCE(newest.Status, N'Unknown') = :status)               -- when status
   AND connection.ConnectionName > :after                                           -- when after
 ORDER BY connection.ConnectionName;

-- name: add
DECLARE @actor nvarchar(100) = :actor;
INSERT INTO monitoring.DatabaseConnections
       (ConnectionName, Description, Provider, Environment, ConnectionString, IsEncrypted, Tags,
        ConnectionTimeoutSeconds, CommandTimeoutSeconds, MaxParallel, IsEnabled, Version,
        CreatedBy, ModifiedBy)
OUTPUT inserted.ConnectionName AS name
SELECT one.name, one.description, one.provider, one.environment, one.address, one.is_encrypted,
       one.tags, one.timeout_seconds, one.command_timeout_seconds, one.max_parallel,
       one.is_enabled, 1, @actor, @actor
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', description nvarchar(max) '$.description',
             provider nvarchar(50) '$.provider', environment nvarchar(50) '$.environment',
             address nvarchar(max) '$.address', is_encrypted bit '$.is_encrypted',
             tags nvarchar(500) '$.tags', timeout_seconds int '$.timeout_seconds',
             command_timeout_seconds int '$.command_timeout_seconds',
             max_parallel int '$.max_parallel', is_enabled bit '$.is_enabled') AS one
 WHERE NOT EXISTS (SELECT 1
                     FROM monitoring.DatabaseConnections AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.ConnectionName = one.name);

-- name: replace
UPDATE monitoring.DatabaseConnections
   SET Description = one.description,
       Provider = one.provider,
       Environment = one.environment,
       ConnectionString = one.address,
       IsEncrypted = one.is_encrypted,
       Tags = one.tags,
       ConnectionTimeoutSeconds = one.timeout_seconds,
       CommandTimeoutSeconds = one.command_timeout_seconds,
       MaxParallel = one.max_parallel,
       IsEnabled = one.is_enabled,
       Version = DatabaseConnections.Version + 1,
       ModifiedAt = SYSUTCDATETIME(),
       ModifiedBy = :actor
OUTPUT inserted.ConnectionName AS name
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', known int '$.version',
             description nvarchar(max) '$.description', provider nvarchar(50) '$.provider',
             environment nvarchar(50) '$.environment', address nvarchar(max) '$.address',
             is_encrypted bit '$.is_encrypted', tags nvarchar(500) '$.tags',
             timeout_seconds int '$.timeout_seconds',
             command_timeout_seconds int '$.command_timeout_seconds',
             max_parallel int '$.max_parallel', is_enabled bit '$.is_enabled') AS one
 WHERE one.name = DatabaseConnections.ConnectionName
   AND one.known = DatabaseConnections.Version;

-- name: remove
DELETE FROM monitoring.DatabaseConnections
OUTPUT deleted.ConnectionName AS name
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', known int '$.version') AS one
 WHERE one.name = DatabaseConnections.ConnectionName
   AND one.known = DatabaseConnections.Version
   AND NOT EXISTS (SELECT 1 FROM monitoring.Indicators AS indicator
                    WHERE indicator.ConnectionId = DatabaseConnections.ConnectionId);

-- name: users
SELECT TOP (:limit) indicator.IndicatorName AS name
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = indicator.ConnectionId
 WHERE connection.ConnectionName = :name
 ORDER BY indicator.IndicatorName;

-- name: encrypted
SELECT count(*) AS connections FROM monitoring.DatabaseConnections WHERE IsEncrypted = 1;
