-- title: Invalid indexes
-- unit: indexes
-- warning: 1
-- every: 300
-- priority: 7
-- Indexes that a CREATE INDEX CONCURRENTLY left unfinished: they cost every write and serve no
-- query. Drop them, and build them again. One that is being built right now counts too.
SELECT count(*)
  FROM pg_index
 WHERE NOT indisvalid;
