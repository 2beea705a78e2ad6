-- What migrating a PostgreSQL database needs beside the migrations themselves.

-- name: session
-- A migration takes as long as it takes, and every name in it says its schema.
SELECT set_config('statement_timeout', '0', false), set_config('search_path', '', false);

-- name: applied
SELECT version_num FROM monitoring.schema_version;

-- name: times
SELECT revision, max(happened_at)
  FROM monitoring.schema_history
 WHERE action IN ('up', 'mark')
 GROUP BY revision;

-- name: try_lock
SELECT pg_try_advisory_lock(6296441724343119986);

-- name: lock
SELECT pg_advisory_lock(6296441724343119986);

-- name: prepare
-- CREATE ... IF NOT EXISTS would ask for the right to create even where nothing is to be made.
DO $$
BEGIN
    IF to_regnamespace('monitoring') IS NULL THEN
        CREATE SCHEMA monitoring;
    END IF;
    IF to_regclass('monitoring.schema_history') IS NULL THEN
        CREATE TABLE monitoring.schema_history (
            happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            revision    varchar(32) NOT NULL,
            action      varchar(8)  NOT NULL
        );
    END IF;
END
$$;

-- name: script_head
-- Run it with: psql -X -v ON_ERROR_STOP=1 -f FILE. A migration that fails is undone as a whole.
SELECT set_config('statement_timeout', '0', false), set_config('search_path', '', false);
SELECT pg_advisory_lock(6296441724343119986);

-- name: script_check
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM monitoring.schema_version WHERE version_num = :revision) THEN
        RAISE EXCEPTION 'this database is not at revision %', :revision;
    END IF;
END
$$;

-- name: script_tail
SELECT pg_advisory_unlock(6296441724343119986);

-- name: columns
SELECT format('%s.%s', n.nspname, c.relname), a.attname,
       jsonb_strip_nulls(jsonb_build_object(
           'type', format_type(a.atttypid, a.atttypmod),
           'nullable', NOT a.attnotnull,
           'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
           'collation', CASE WHEN a.attcollation <> t.typcollation
                             THEN a.attcollation::regcollation::text END))
  FROM pg_attribute AS a
  JOIN pg_class AS c ON c.oid = a.attrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE n.nspname IN ('monitoring', 'app')
   AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND a.attnum > 0 AND NOT a.attisdropped;

-- name: tables
SELECT NULL, format('%s.%s', n.nspname, c.relname),
       jsonb_strip_nulls(jsonb_build_object(
           'partitioned_by', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END))
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('monitoring', 'app')
   AND c.relkind IN ('r', 'p') AND NOT c.relispartition;

-- name: constraints
-- NOT NULL is a fact of the column; from version 18 on it is listed here as well.
SELECT format('%s.%s', n.nspname, c.relname), o.conname,
       jsonb_strip_nulls(jsonb_build_object(
           'kind', CASE o.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
                                  WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check'
                                  ELSE 'exclusion' END,
           -- A check has no order of columns: the versions disagree about it.
           'columns', CASE WHEN o.contype <> 'c' THEN (
               SELECT jsonb_agg(a.attname ORDER BY k.place)
                 FROM unnest(o.conkey) WITH ORDINALITY AS k(attnum, place)
                 JOIN pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = k.attnum) END,
           'expression', pg_get_expr(o.conbin, o.conrelid),
           'references', CASE WHEN o.contype = 'f' THEN o.confrelid::regclass::text END,
           'referenced_columns', (
               SELECT jsonb_agg(a.attname ORDER BY k.place)
                 FROM unnest(o.confkey) WITH ORDINALITY AS k(attnum, place)
                 JOIN pg_attribute AS a ON a.attrelid = o.confrelid AND a.attnum = k.attnum),
           'on_delete', CASE WHEN o.contype = 'f' THEN CASE o.confdeltype
               WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
               WHEN 'n' THEN 'set null' ELSE 'set default' END END,
           'on_update', CASE WHEN o.contype = 'f' THEN CASE o.confupdtype
               WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
               WHEN 'n' THEN 'set null' ELSE 'set default' END END,
           'deferrable', CASE WHEN o.condeferrable THEN true END,
           'initially_deferred', CASE WHEN o.condeferred THEN true END,
           'not_validated', CASE WHEN NOT o.convalidated THEN true END,
           'nulls_not_distinct', nullif(to_jsonb(i) -> 'indnullsnotdistinct', 'false')))
  FROM pg_constraint AS o
  JOIN pg_class AS c ON c.oid = o.conrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_index AS i ON i.indexrelid = o.conindid AND o.contype = 'u'
 WHERE n.nspname IN ('monitoring', 'app')
   AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND o.contype IN ('p', 'u', 'f', 'c', 'x');

-- name: indexes
SELECT format('%s.%s', n.nspname, c.relname), x.relname,
       jsonb_strip_nulls(jsonb_build_object(
           'method', m.amname,
           'unique', CASE WHEN i.indisunique THEN true END,
           'keys', (
               SELECT jsonb_agg(concat(
                          pg_get_indexdef(i.indexrelid, k.place::integer, false),
                          CASE WHEN NOT p.opcdefault THEN ' ' || p.opcname END,
                          CASE i.indoption[k.place - 1] & 3
                              WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST'
                              WHEN 3 THEN ' DESC' END) ORDER BY k.place)
                 FROM generate_series(1, i.indnkeyatts) AS k(place)
                 JOIN pg_opclass AS p ON p.oid = i.indclass[k.place - 1]),
           'include', (
               SELECT jsonb_agg(pg_get_indexdef(i.indexrelid, k.place, false) ORDER BY k.place)
                 FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS k(place)),
           'where', pg_get_expr(i.indpred, i.indrelid),
           'nulls_not_distinct', nullif(to_jsonb(i) -> 'indnullsnotdistinct', 'false'),
           'invalid', CASE WHEN NOT i.indisvalid THEN true END))
  FROM pg_index AS i
  JOIN pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_am AS m ON m.oid = x.relam
  JOIN pg_class AS c ON c.oid = i.indrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('monitoring', 'app')
   AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND NOT EXISTS (SELECT FROM pg_constraint AS o WHERE o.conindid = i.indexrelid
                      AND o.conrelid = i.indrelid AND o.contype IN ('p', 'u', 'x'));

-- name: triggers
SELECT format('%s.%s', n.nspname, c.relname), t.tgname,
       jsonb_strip_nulls(jsonb_build_object(
           'definition', pg_get_triggerdef(t.oid, false),
           'disabled', CASE WHEN t.tgenabled = 'D' THEN true END))
  FROM pg_trigger AS t
  JOIN pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('monitoring', 'app')
   AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT t.tgisinternal;

-- name: views
SELECT NULL, format('%s.%s', n.nspname, c.relname),
       jsonb_strip_nulls(jsonb_build_object(
           'materialized', CASE WHEN c.relkind = 'm' THEN true END,
           'columns', (
               SELECT jsonb_agg(concat(a.attname, ' ', format_type(a.atttypid, a.atttypmod))
                                ORDER BY a.attnum)
                 FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)))
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('monitoring', 'app') AND c.relkind IN ('v', 'm');

-- name: functions
SELECT NULL,
       format('%s.%s(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
       jsonb_strip_nulls(jsonb_build_object(
           'kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure'
                                  WHEN 'a' THEN 'aggregate' ELSE 'window' END,
           'arguments', pg_get_function_arguments(p.oid),
           'result', pg_get_function_result(p.oid),
           'language', l.lanname,
           'body_md5', md5(p.prosrc),
           'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable'
                                            ELSE 'volatile' END,
           'strict', CASE WHEN p.proisstrict THEN true END,
           'security_definer', CASE WHEN p.prosecdef THEN true END,
           'config', to_jsonb(p.proconfig)))
  FROM pg_proc AS p
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
 WHERE n.nspname IN ('monitoring', 'app');
