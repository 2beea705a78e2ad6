-- name: take
-- Held until it is released or the connection ends.
SELECT pg_try_advisory_lock(hashtextextended('watchkeeper:' || :name, 0)) AS held;

-- name: release
SELECT pg_advisory_unlock(hashtextextended('watchkeeper:' || :name, 0)) AS released;
