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

-- name: hold
-- Alone, until the transaction ends. It is waited for as long as for any other lock.
DECLARE @result int, @resource nvarchar(255) = N'watchkeeper:' + :name;
EXEC @result = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive',
     @LockOwner = N'Transaction';
SELECT CAST(CASE WHEN @result >= 0 THEN 1 ELSE 0 END AS bit) AS held;

-- name: share
-- With others who share it, until the transaction ends.
DECLARE @result int, @resource nvarchar(255) = N'watchkeeper:' + :name;
EXEC @result = sp_getapplock @Resource = @resource, @LockMode = N'Shared',
     @LockOwner = N'Transaction';
SELECT CAST(CASE WHEN @result >= 0 THEN 1 ELSE 0 END AS bit) AS held;
