-- name: take
-- Held until it is released or the connection ends.
DECLARE @result int, @resource nvarchar(255) = N'watchkeeper:' + :name;
EXEC @result = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive',
     @LockOwner = N'Session', @LockTimeout = 0;
SELECT CAST(CASE WHEN @result >= 0 THEN 1 ELSE 0 END AS bit) AS held;

-- name: release
DECLARE @result int, @resource nvarchar(255) = N'watchkeeper:' + :name;
EXEC @result = sp_releaseapplock @Resource = @resource, @LockOwner = N'Session';
SELECT CAST(CASE WHEN @result >= 0 THEN 1 ELSE 0 END AS bit) AS released;
