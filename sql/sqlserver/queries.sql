-- name: list
SELECT TOP (:limit) query.QueryId AS id, query.QueryName AS name,
       query.Description AS description, query.QueryType AS query_type, query.SqlQuery AS sql,
       query.ResultType AS result_type, query.Unit AS unit,
       query.ExpectedValue AS expected_value, query.ComparisonOperator AS comparison_operator,
       query.WarningThreshold AS warning_threshold, query.CriticalThreshold AS critical_threshold,
       query.OnEmpty AS on_empty, query.TimeoutSeconds AS timeout_seconds, query.Tags AS tags,
       query.IsEnabled AS is_enabled, query.Version AS version, query.CreatedAt AS created_at,
       query.CreatedBy AS created_by, query.ModifiedAt AS modified_at,
       query.ModifiedBy AS modified_by
  FROM monitoring.DatabaseQueries AS query
 WHERE 1 = 1
   AND query.QueryName = :name                                                       -- when name
   AND CHARINDEX(N',' + :tag + N',',                                                  -- when tag
                 (N',' + query.Tags + N',') COLLATE Latin1_General_BIN2) > 0          -- when tag
   AND query.IsEnabled = :enabled                                                 -- when enabled
   AND query.QueryName > :after                                                     -- when after
 ORDER BY query.QueryName;

-- name: add
DECLARE @actor nvarchar(100) = :actor;
INSERT INTO monitoring.DatabaseQueries
       (QueryName, Description, QueryType, SqlQuery, ResultType, Unit, ExpectedValue,
        ComparisonOperator, WarningThreshold, CriticalThreshold, OnEmpty, TimeoutSeconds, Tags,
        IsEnabled, Version, CreatedBy, ModifiedBy)
OUTPUT inserted.QueryName AS name
SELECT one.name, one.description, one.query_type, one.sql_query, one.result_type, one.unit,
       one.expected_value, one.comparison_operator, one.warning_threshold,
       one.critical_threshold, one.on_empty, one.timeout_seconds, one.tags, one.is_enabled, 1,
       @actor, @actor
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', description nvarchar(max) '$.description',
             query_type nvarchar(50) '$.query_type', sql_query nvarchar(max) '$.sql',
             result_type nvarchar(20) '$.result_type', unit nvarchar(20) '$.unit',
             expected_value nvarchar(100) '$.expected_value',
             comparison_operator nvarchar(10) '$.comparison_operator',
             warning_threshold decimal(18, 4) '$.warning_threshold',
             critical_threshold decimal(18, 4) '$.critical_threshold',
             on_empty nvarchar(10) '$.on_empty', timeout_seconds int '$.timeout_seconds',
             tags nvarchar(500) '$.tags', is_enabled bit '$.is_enabled') AS one
 WHERE NOT EXISTS (SELECT 1
                     FROM monitoring.DatabaseQueries AS there WITH (UPDLOCK, SERIALIZABLE)
                    WHERE there.QueryName = one.name);

-- name: replace
UPDATE monitoring.DatabaseQueries
   SET Description = one.description,
       QueryType = one.query_type,
       SqlQuery = one.sql_query,
       ResultType = one.result_type,
       Unit = one.unit,
       ExpectedValue = one.expected_value,
       ComparisonOperator = one.comparison_operator,
       WarningThreshold = one.warning_threshold,
       CriticalThreshold = one.critical_threshold,
       OnEmpty = one.on_empty,
       TimeoutSeconds = one.timeout_seconds,
       Tags = one.tags,
       IsEnabled = one.is_enabled,
       Version = DatabaseQueries.Version + 1,
       ModifiedAt = SYSUTCDATETIME(),
       ModifiedBy = :actor
OUTPUT inserted.QueryName AS name
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', known int '$.version',
             description nvarchar(max) '$.description', query_type nvarchar(50) '$.query_type',
             sql_query nvarchar(max) '$.sql', result_type nvarchar(20) '$.result_type',
             unit nvarchar(20) '$.unit', expected_value nvarchar(100) '$.expected_value',
             comparison_operator nvarchar(10) '$.comparison_operator',
             warning_threshold decimal(18, 4) '$.warning_threshold',
             critical_threshold decimal(18, 4) '$.critical_threshold',
             on_empty nvarchar(10) '$.on_empty', timeout_seconds int '$.timeout_seconds',
             tags nvarchar(500) '$.tags', is_enabled bit '$.is_enabled') AS one
 WHERE one.name = DatabaseQueries.QueryName
   AND one.known = DatabaseQueries.Version;

-- name: remove
DELETE FROM monitoring.DatabaseQueries
OUTPUT deleted.QueryName AS name
  FROM OPENJSON(:rows)
       WITH (name nvarchar(100) '$.name', known int '$.version') AS one
 WHERE one.name = DatabaseQueries.QueryName
   AND one.known = DatabaseQueries.Version
   AND NOT EXISTS (SELECT 1 FROM monitoring.Indicators AS indicator
                    WHERE indicator.QueryId = DatabaseQueries.QueryId);

-- name: users
SELECT TOP (:limit) indicator.IndicatorName AS name
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
 WHERE query.QueryName = :name
 ORDER BY indicator.IndicatorName;

-- name: providers
-- What kinds of database it runs on.
SELECT DISTINCT connection.Provider AS provider
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
  JOIN monitoring.DatabaseConnections AS connection
    ON connection.ConnectionId = indicator.ConnectionId
 WHERE query.QueryName = :name
 ORDER BY connection.Provider;
