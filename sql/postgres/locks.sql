-- name: take
-- Held until it is released or the connection ends.
SELECT pg_try_advisory_lock(hashtextextended('watchkeeper:' || :name, 0)) AS held;

-- name: release
SELECT pg_advisory_unlock(hashtextextended('watchkeeper:' || :name, 0)) AS released;

-- name: hold
-- Alone, until the transaction ends.
SELECT true AS held FROM pg_advisory_xact_lock(hashtextextended('watchkeeper:' || :name, 0));

-- name: share
-- With others who share it, until the transaction ends.
SELECT true AS held FROM pg_advisory_xact_lock_shared(hashtextextended('watchkeeper:' || :name, 0));
