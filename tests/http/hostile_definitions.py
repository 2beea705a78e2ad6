"""Definitions that must not be stored, each with the members that are to be blamed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CONNECTION: Mapping[str, Any] = {
    "provider": "PostgreSQL",
    "environment": "Test",
    "address": "setting:STORE_URL",
}
QUERY: Mapping[str, Any] = {"sql": "SELECT 1"}
KPI: Mapping[str, Any] = {"connection": "target", "query": "good", "schedule": "60"}


@dataclass(frozen=True)
class Hostile:
    """`body` is what is PUT, as it is or as JSON."""

    path: str
    body: Any
    blamed: frozenset[str]

    def __str__(self) -> str:
        return f"{self.path} {self.body!r}"[:80]


TWO_STATEMENTS = """
SELECT 1; SELECT 2
SELECT 1; DROP TABLE monitoring.indicators
SELECT 1 ;; DELETE FROM monitoring.indicators
SELECT ';'; DROP TABLE x
SELECT 1 -- first\\n; DROP TABLE x
SELECT 1 /* ; */ ; DROP TABLE x
SELECT ''';'; TRUNCATE x
SELECT "a;b"; DROP TABLE x
SELECT 1; COMMIT
BEGIN; SELECT 1; COMMIT
SELECT 1; SELECT set_config('role', 'postgres', false)
SELECT 1;\\tVACUUM
WITH a AS (SELECT 1) SELECT * FROM a; DROP TABLE x
SELECT 1\\n;\\nINSERT INTO x VALUES (1)
SELECT 1; GRANT ALL ON x TO public
(SELECT 1); (SELECT 2)
VALUES (1); VALUES (2)
"""
WRITES = """
DROP TABLE monitoring.indicators
DROP DATABASE postgres
drop schema monitoring cascade
dRoP/**/TABLE x
/* harmless */ DROP TABLE x
-- harmless\\nDROP TABLE x
DELETE FROM monitoring.config
UPDATE monitoring.config SET config_value = '1'
INSERT INTO x VALUES (1)
MERGE INTO x USING y ON x.a = y.a WHEN MATCHED THEN DELETE
TRUNCATE monitoring.audit_log
CREATE TABLE x (y integer)
CREATE TEMP TABLE x AS SELECT 1
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
ALTER ROLE postgres SUPERUSER
ALTER SYSTEM SET fsync = off
GRANT ALL ON ALL TABLES IN SCHEMA monitoring TO public
REVOKE ALL ON x FROM public
COPY x FROM '/etc/passwd'
COPY (SELECT 1) TO PROGRAM 'rm -rf /'
DO $$ BEGIN DELETE FROM x; END $$
SET default_transaction_read_only = off
RESET ALL
LOCK TABLE x
VACUUM FULL
REINDEX TABLE x
CLUSTER x
REFRESH MATERIALIZED VIEW x
DISCARD ALL
LISTEN x
NOTIFY x
PREPARE a AS DELETE FROM x
COMMENT ON TABLE x IS 'y'
SECURITY LABEL ON TABLE x IS 'y'
IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z
BEGIN
COMMIT
ROLLBACK
START TRANSACTION
SAVEPOINT a
DECLARE c CURSOR FOR SELECT 1
FETCH ALL FROM c
REASSIGN OWNED BY a TO b
EXPLAIN ANALYZE DELETE FROM x
EXPLAIN (ANALYZE) UPDATE x SET y = 1
WITH a AS (DELETE FROM x RETURNING y) SELECT * FROM a
WITH a AS (INSERT INTO x VALUES (1) RETURNING y) SELECT count(*) FROM a
WITH a AS (UPDATE x SET y = 1 RETURNING y), b AS (SELECT 1) SELECT * FROM b
WITH a AS MATERIALIZED (MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE) SELECT 1
WITH a AS (SELECT 1) INSERT INTO x SELECT * FROM a
WITH RECURSIVE a (n) AS (SELECT 1) DELETE FROM x USING a
SELECT * INTO x FROM y
SELECT 1INTO x
SELECT * FROM x FOR UPDATE
SELECT * FROM x FOR NO KEY UPDATE SKIP LOCKED
SELECT * FROM x FOR SHARE
SELECT * FROM x LOCK IN SHARE MODE
SELECT set_config('default_transaction_read_only', 'off', false)
SELECT pg_catalog.set_config('a', 'b', true)
SELECT nextval('x')
SELECT setval('x', 1)
SELECT lo_import('/etc/passwd')
SELECT lo_export(1, '/tmp/x')
SELECT dblink_exec('dbname=x', 'DROP TABLE y')
SELECT pg_terminate_backend(1)
SELECT 1 DROP TABLE x
SHUTDOWN
KILL 5
LOAD DATA INFILE '/etc/passwd' INTO TABLE x
SELECT 1 INTO OUTFILE '/tmp/x'
REPLACE INTO x VALUES (1)
HANDLER x OPEN
EXECUTE IMMEDIATE 'DROP TABLE x'
"""
BATCHES = [
    *("EXEC('DROP TABLE monitoring.indicators')", "EXECUTE (N'DELETE FROM dbo.orders')"),
    *("EXEC('DROP TABLE x') AT other", "DECLARE @a nvarchar(9) = N'x'; EXEC (@a)"),
    *("DECLARE @a sysname = N'xp_cmdshell'; EXEC @a 'dir'", "EXEC @r = @a"),
    *("EXEC sp_executesql @a", "EXEC sp_executesql N'COMMIT; DELETE FROM dbo.orders'"),
    *("EXEC sys.sp_executesql N'SELECT 1; DROP TABLE x'", "sp_executesql N'DROP TABLE x'"),
    *("EXEC sp_executesql N'EXEC sp_executesql N''ROLLBACK'''", "EXEC sp_executesql [COMMIT]"),
    *("EXEC sp_executesql @params = N'SELECT 1', @stmt = @a", 'EXEC sp_executesql "COMMIT"'),
    *(r"xp_cmdshell 'del /q c:\*'", "EXEC xp_cmdshell 'dir'", "EXEC master..xp_cmdshell 'dir'"),
    *("EXEC [master].[dbo].[xp_cmdshell] 'dir'", "EXEC Xp_CmdShell 'dir'", "EXEC xp_regwrite"),
    *("EXEC \uff58p_cmdshell 'dir'", "EXEC [xp\u00ad_cmdshell] 'dir'", "EXEC [x\u0301p_cmdshell]"),
    *("EXEC sp_configure 'xp_cmdshell', 1", "EXEC sp_rename 'a', 'b'", "EXEC dbo.sp_addlogin 'a'"),
    *("EXEC sp_MSforeachtable 'DROP TABLE ?'", "EXEC msdb.dbo.sp_start_job 'x'"),
    *("sp_cycle_errorlog", "[sys].[sp_configure] 'a', 1", "EXEC @r = dbo . sp_addrole 'a'"),
    *("EXEC other.shop.dbo.remove_all", "other.shop.dbo.remove_all", "EXEC other.shop..remove_all"),
    *("EXECUTE AS LOGIN = 'sa' SELECT 1", "EXEC AS USER = 'dbo'; SELECT 1", "REVERT SELECT 1"),
    *("SELECT 1 SELECT 2", "SELECT 1 EXEC xp_cmdshell 'dir'", "(SELECT 1) SELECT 2"),
    *("DROP TABLE IF EXISTS #a, dbo.orders; SELECT 1", "DROP TABLE #a, orders SELECT 1"),
    *("DROP TABLE #a, [#b], [orders] SELECT 1", "DROP INDEX a ON #b, c ON orders SELECT 1"),
    *("CREATE PROCEDURE #a AS COMMIT", "CREATE LOGIN [#a] WITH PASSWORD = 'x' SELECT 1"),
    *("UPDATE #a SET b = 1 FROM dbo.orders AS #a SELECT 1", "UPDATE STATISTICS x SELECT 1"),
    *("DELETE #a FROM dbo.orders #a SELECT 1", "DELETE FROM #a OUTPUT deleted.b INTO c SELECT 1"),
    "INSERT x EXEC dbo.y",
    *("SELECT 1 DISABLE TRIGGER ALL ON DATABASE", "IF 1 = 1 ENABLE TRIGGER a ON b SELECT 1"),
    *("DBCC SHRINKDATABASE(x)", "DBCC FREEPROCCACHE", "DBCC CHECKIDENT(x, RESEED, 0)"),
    *("DBCC SQLPERF('sys.dm_os_wait_stats', CLEAR)", "DBCC TRACEON(3604)", "CHECKPOINT SELECT 1"),
    *("SELECT * FROM OPENQUERY(srv, 'DELETE FROM x')", "SELECT NEXT VALUE FOR numbers"),
    *("SELECT * FROM OPENROWSET(BULK 'c:/x', SINGLE_CLOB) AS a", "KILL 51 SELECT 1", "DUMP x"),
    *("SELECT * FROM OPENDATASOURCE('MSOLEDBSQL', 'x').a.b.c", "INSERT OPENQUERY(a, 'b') SELECT 1"),
    *("BACKUP DATABASE x TO DISK = 'y' SELECT 1"),
    *("RAISERROR('x', 16, 1) WITH LOG; SELECT 1", "SET IMPLICIT_TRANSACTIONS ON SELECT 1"),
    *("BEGIN TRAN SELECT 1", "SAVE TRAN a SELECT 1", "BEGIN DISTRIBUTED TRAN"),
    *("SELECT * FROM x FOR UPDATE", "DECLARE @h uniqueidentifier; SEND ON CONVERSATION @h"),
    *("RECEIVE * FROM x", "IF 1 = 1 RECEIVE TOP (1) * FROM x", "SET IDENTITY_INSERT x ON SELECT 1"),
    *("ALTER TABLE #a ADD b int SELECT 1", "BULK INSERT #a FROM 'c:/x' SELECT 1", "SELECT 1; GO"),
    *("DECLARE @a int; x", "SETUSER SELECT 1", "RECONFIGURE SELECT 1", "(VACUUM)", "USE x"),
]
ONLY_BATCHES = [
    *("SELECT 1 COMMIT", "SELECT 1 BACKUP LOG x TO DISK = 'NUL'", "SELECT 1 SET NOCOUNT ON"),
    "SELECT * FROM x WITH (XLOCK)",
    "WITH #a AS (SELECT * FROM dbo.orders) DELETE FROM #a SELECT 1",
    "WITH b AS (SELECT 1 AS n), #a (n) AS (SELECT n FROM c) DELETE FROM #a; SELECT 1",
]
"""To the other kinds of databases these are aliases and comments."""
DOING = [
    *("SELECT dblink('dbname=x', 'DELETE FROM y')", "SELECT * FROM dblink('x', 'y') AS a (b int)"),
    *("SELECT dblink_connect('x')", "SELECT pg_create_physical_replication_slot('x')"),
    *("SELECT pg_drop_replication_slot('x')", "SELECT pg_copy_logical_replication_slot('a', 'b')"),
    *("SELECT * FROM pg_logical_slot_get_changes('x', NULL, NULL)", "SELECT pg_stat_reset()"),
    *("SELECT pg_stat_reset_shared('bgwriter')", "SELECT public.pg_stat_statements_reset()"),
    *("SELECT pg_create_restore_point('x')", "SELECT pg_switch_wal()", "SELECT pg_promote()"),
    *("SELECT pg_backup_start('x')", "SELECT pg_start_backup('x')", "SELECT pg_wal_replay_pause()"),
    *("SELECT pg_replication_origin_create('x')", "SELECT pg_logical_emit_message(true, 'a', 'b')"),
    *("SELECT pg_notify('a', 'b')", "SELECT pg_rotate_logfile()", "SELECT pg_reload_conf()"),
    *(
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('x')",
        "SELECT ts_stat('x')",
    ),
    *(
        "SELECT pg_file_write('a', 'b', true)",
        "SELECT lo_put(1, 0, 'x')",
        "SELECT lo_open(1, 131072)",
    ),
    *("SELECT query_to_xml('SELECT pg_promote()', true, true, '')", "SELECT setseed(0.5)"),
    *(
        "SELECT * FROM crosstab('SELECT f()') AS a (b int)",
        "SELECT pg_log_backend_memory_contexts(1)",
    ),
    *(r'SELECT U&"\0070g_terminate_backend"(1)', "SELECT u&\"!0070g_promote\" UESCAPE '!' ()"),
    *('SELECT "pg_terminate_backend"(1)', 'SELECT pg_catalog . "pg_reload_conf" ( )'),
    *("SELECT pg_cancel_backend /* ( */ (1)", "SELECT brin_summarize_new_values('x')"),
    *("EXPLAIN ANALYZE SELECT pg_terminate_backend(1)", "VALUES (pg_stat_reset())"),
    *("EXPLAIN (ANALYZE, FORMAT json) SELECT nextval('x')", "EXPLAIN EXECUTE x"),
    "WITH a AS (WITH b AS (SELECT 1) DELETE FROM x RETURNING y) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT 1 AS n) CYCLE n SET m USING p DELETE FROM x",
    *(
        "SELECT load_file('/etc/passwd')",
        "SELECT sys_exec('x')",
        "SELECT numbers.NEXTVAL FROM dual",
    ),
    *("EXPLAIN FORMAT=JSON INTO @a SELECT 1", "DESC DELETE FROM x", "CALL pg_terminate_backend(1)"),
]
UNREADABLE = [
    "",
    "   ",
    ";",
    "-- nothing",
    "/* nothing */",
    "SELECT 'open",
    'SELECT "open',
    "SELECT 1 /* open",
    "SELECT 1 /* a /* b */ ; DROP TABLE x */",
    "SELECT 1 /* a /* b */ c */",
    "SELECT 1 /*! ; DROP TABLE x */",
    "SELECT 1 /*M!100000 ; DROP TABLE x */",
    "SELECT 1 -- a\rDROP TABLE x",
    "SELECT 1\u2028DROP TABLE x",
    "SELECT 1\x07",
    "SELECT 1" + " " * 50_000,
    "SELECT '" + "x" * 60_000 + "'",
    "nonsense",
    "SELEC 1",
    "\N{FIRE}",
    "\\gexec",
]
SCHEDULES = [
    *("", "0", "-1", "1.5", "31622401", "9" * 30, "9" * 200, "x", "* * *", "* * * * * * *"),
    *("60 * * * * *", "* 60 * * * *", "* * 24 * * *", "* * * 32 * *", "* * * 0 * *"),
    *("* * * * 13 *", "* * * * * 7", "? * * * * *", "* * * L * *", "* * * * * 5#2"),
    *("*/0 * * * * *", "a-b * * * * *", "0 0 0 31 2 *", "0 0 0 30 FEB *", "@daily"),
    *("every minute", "\N{FULLWIDTH DIGIT SIX}0", "60s", "H * * * * *", "0 0 0 1W * *"),
    *("1,,2 * * * * *", "1--2 * * * * *", "0x10 * * * * *", " ", "\x00"),
]
NUMBERS = [
    *("1e15", 10**14, -(10**14), 1e300, 1.23456, "NaN", "Infinity", "1e5", "0x1", "", "1 2"),
    [1],
]
SECRET = "me:secret@db/x"
ADDRESSES = [
    *("", " ", "x", "nonsense://a", "http://a/b", "file:///etc/passwd", "postgresql://"),
    *("setting:", "setting:A B", "setting:" + "A" * 200, "keyvault:x"),
    *("keyvault:http://v.vault.azure.net/secrets/a", "keyvault:https://v.vault.azure.net/keys/a"),
    *(f"mysql://{SECRET}", f"oracle://{SECRET}", f"mssql://{SECRET}", "postgresql://h:99999/x"),
    *("postgresql://h/x#y", "(stored)", "postgresql://h/x?auth=password"),
    *("postgresql://h/x?nonsense=1", "postgresql://h/x?sslmode=bogus"),
    *("postgresql://h/x?AUTH=entra", "postgresql://h/x?target_session_attrs=any,x"),
    *("postgresql://me:" + "x" * 700 + "@h/x", "Server=h;PWD=secret"),
]


def lines(text: str) -> list[str]:
    return [line.encode().decode("unicode_escape") for line in text.strip().splitlines()]


HOSTILE_SQL = [*lines(TWO_STATEMENTS), *lines(WRITES), *BATCHES, *DOING, *UNREADABLE]


def hostile_definitions() -> Iterator[Hostile]:
    for sql in HOSTILE_SQL:
        yield Hostile("queries/bad", {**QUERY, "sql": sql}, frozenset({"sql"}))
    for sql in (*BATCHES, *ONLY_BATCHES):
        yield Hostile("queries/of_sqlserver", {**QUERY, "sql": sql}, frozenset({"sql"}))
    for sql in DOING:
        yield Hostile("queries/of_postgresql", {**QUERY, "sql": sql}, frozenset({"sql"}))
    for schedule in SCHEDULES:
        yield Hostile("kpis/bad", {**KPI, "schedule": schedule}, frozenset({"schedule"}))
    for number in NUMBERS:
        for member in ("warning_threshold", "critical_threshold"):
            yield Hostile("queries/bad", {**QUERY, member: number}, frozenset({member}))
    for address in ADDRESSES:
        body = {**CONNECTION, "address": address}
        yield Hostile("connections/bad", body, frozenset({"address"}))
    for provider in ("MySQL", "SqlServer", "Oracle"):
        body = {**CONNECTION, "provider": provider}
        yield Hostile("connections/bad", body, frozenset({"address"}))
    yield from _members()
    yield from _pairs()
    yield from _cycles()


def _members() -> Iterator[Hostile]:
    for path, body, wrong in (
        ("connections/bad", CONNECTION, {"provider": "DB2", "environment": "", "max_parallel": 0}),
        ("connections/bad", CONNECTION, {"timeout_seconds": 3601, "is_enabled": "yes"}),
        ("connections/bad", CONNECTION, {"tags": ["a b"], "bogus": 1}),
        ("queries/bad", QUERY, {"result_type": "Table", "on_empty": "maybe", "query_type": "x"}),
        ("queries/bad", QUERY, {"comparison_operator": "like", "timeout_seconds": 0}),
        ("queries/bad", QUERY, {"unit": "x" * 21, "expected_value": [5], "name": "x"}),
        ("kpis/bad", KPI, {"priority": 11, "max_retries": 21, "owner": "a\nb"}),
        ("kpis/bad", KPI, {"jitter_seconds": 86401, "tags": ["a", "a"], "is_active": 1}),
        ("kpis/bad", KPI, {"max_consecutive": 0, "recover_after": 101, "per_second": None}),
        ("kpis/bad", KPI, {"compare_to": "tomorrow", "deviation_unit": "x", "deviation_side": "x"}),
        ("kpis/bad", KPI, {"forecast_hours": 8761, "description": "x" * 4001}),
        ("kpis/bad", KPI, {"connection": "", "query": " padded "}),
    ):
        yield Hostile(path, {**body, **wrong}, frozenset(wrong))
    for name in ("%20bad", "bad%20", "x" * 101, "bad%07", "password=sesame"):
        yield Hostile(f"kpis/{name}", KPI, frozenset({"name"}))


def _pairs() -> Iterator[Hostile]:
    for wrong, blamed in (
        ({"connection": "nowhere"}, {"connection"}),
        ({"query": "nothing"}, {"query"}),
        ({"connection": "nowhere", "query": "nothing"}, {"connection", "query"}),
        ({"connection": "kpis/bad"}, {"connection"}),
        ({"query": "bad"}, {"query"}),
        ({"jitter_seconds": 61}, {"jitter_seconds"}),
        ({"compare_to": "previous"}, {"compare_to"}),
        ({"warning_deviation": 5}, {"warning_deviation"}),
        ({"warning_deviation": 0, "compare_to": "previous"}, {"warning_deviation"}),
        ({"deviation_unit": "deviations"}, {"deviation_unit"}),
        ({"forecast_hours": 5}, {"forecast_hours"}),
        ({"query": "rows", "per_second": True}, {"per_second"}),
        ({"connection": "mysql", "query": "good"}, {"query"}),
    ):
        yield Hostile("kpis/bad", {**KPI, **wrong}, frozenset(blamed))
    empty = {"comparison_operator": "contains", "expected_value": ""}
    yield Hostile("queries/bad", {**QUERY, **empty}, frozenset({"expected_value"}))
    same = {"warning_threshold": 5, "critical_threshold": "5.0"}
    yield Hostile("queries/bad", {**QUERY, **same}, frozenset({"warning_threshold"}))
    for wrong in ({"comparison_operator": "eq"}, {"comparison_operator": "contains"}):
        yield Hostile("queries/bad", {**QUERY, **wrong}, frozenset(wrong))


def _cycles() -> Iterator[Hostile]:
    """Bodies that are no definition: too deep, too long, or of YAML that refers to itself."""
    for body in (
        *(b"", b"null", b"[]", b"&a {connection: *a}", b"connection: &a [*a]", b"{", b"\xff\xfe"),
        *(b"[" * 60_000, b'{"connection":' * 20_000, b'{"connection": "\\ud800"}', b"x" * 600_000),
    ):
        yield Hostile("kpis/bad", body, frozenset())
