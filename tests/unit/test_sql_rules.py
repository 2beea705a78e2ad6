"""Which statements may be stored, in the words of each kind of database."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import sqlglot
from hypothesis import given, settings, target
from hypothesis import strategies as st
from sqlglot import exp

from repositories.records.kpis import ResultType
from repositories.sql_words import Dialect, Kind, Token, Unreadable, read_tokens
from repositories.sqlserver.batches import ENDS, LASTING
from services.definitions.batch_rules import CHANGES, LATER, NEVER
from services.definitions.sql_rules import find_fault
from services.pack import read_pack
from tests.http.hostile_definitions import BATCHES, HOSTILE_SQL, ONLY_BATCHES

POSTGRES, T_SQL, MYSQL, ORACLE = Dialect
EVERY = tuple(Dialect)
NOT_T_SQL = (POSTGRES, MYSQL, ORACLE)
"""T-SQL's words are reserved: brackets make names of them."""
SQLGLOT = {POSTGRES: "postgres", T_SQL: "tsql", MYSQL: "mysql", ORACLE: "oracle"}
WRITES = (
    *(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Drop, exp.Create, exp.Alter, exp.Into),
    exp.TruncateTable,
)


def fault(sql: str, *dialects: Dialect, result_type: ResultType = ResultType.SCALAR) -> str:
    return find_fault(sql, result_type, dialects or EVERY) or ""


@pytest.mark.parametrize(
    ("sql", "dialects"),
    [
        ("SELECT 1", EVERY),
        ("SELECT 1;", EVERY),
        (" -- why\n(SELECT 1) ; -- done", EVERY),
        ("WITH a AS (SELECT 1 AS n FROM b) SELECT n FROM a", EVERY),
        ("SELECT ';' AS semicolon, '--' AS dashes, 'it''s' AS quote", EVERY),
        ('SELECT "DROP TABLE x;" FROM y', EVERY),
        ("SELECT delete_at, updated, created, dropped FROM jobs", EVERY),
        ("SELECT replace(x, 'a', 'b'), (insert(x, 1, 2, 'c')) FROM y", [POSTGRES, MYSQL, ORACLE]),
        ("SELECT count(*) FROM jobs WHERE kind IN ('insert', 'update')", EVERY),
        ("SELECT substring(x FROM 1 FOR 3) FROM y", [POSTGRES, MYSQL]),
        ("VALUES (1)", [POSTGRES, MYSQL]),
        ("TABLE x", [POSTGRES, MYSQL]),
        ("SHOW server_version", [POSTGRES]),
        ("SHOW GLOBAL STATUS LIKE 'Threads_running'", [MYSQL]),
        ("EXPLAIN SELECT 1", [POSTGRES, MYSQL]),
        ("SELECT $$it's; -- /*$$, $a$ $$ $a$, E'\\'; --'", [POSTGRES]),
        ("SELECT data ->> 'a' #>> '{b}', x[1], y::text FROM z", [POSTGRES]),
        ("SELECT `DROP TABLE x;`, 'a\\'; b', 1 # ;\n, 2 -- ;\n, \"it's; \"", [MYSQL]),
        ("SELECT 1--1", [MYSQL]),
        ("SELECT q'[it's; ]', nq'{;}', q'!'; !' FROM dual", [ORACLE]),
        ("SELECT /*+ FIRST_ROWS */ 1 FROM v$session", [ORACLE]),
        ("SELECT TOP 1 [a;b], [c]]] FROM x WITH (NOLOCK) OPTION (MERGE JOIN)", [T_SQL]),
        ("SELECT @@VERSION", [T_SQL]),
        ("EXEC dbo.backlog @days = 7", [T_SQL]),
        ("dbo.backlog 7", [T_SQL]),
        ("sp_who", [T_SQL]),
        ("DECLARE @late int; EXEC dbo.backlog @late = @late OUTPUT; SELECT @late", [T_SQL]),
        ("DECLARE @x int = 1; SELECT @x = count(*) FROM y; SELECT @x", [T_SQL]),
        ("SET NOCOUNT ON; SELECT * INTO #t FROM x; SELECT count(*) FROM #t", [T_SQL]),
        ("CREATE TABLE #t (a int); INSERT INTO #t EXEC sp_who; SELECT count(*) FROM #t", [T_SQL]),
        ("DECLARE @t TABLE (a int); INSERT @t VALUES (1); SELECT count(*) FROM @t", [T_SQL]),
        ("SELECT 1 AS a INTO #t; DROP TABLE IF EXISTS #t; SELECT 1", [T_SQL]),
        ("CREATE TABLE #t (a int); CREATE INDEX ix ON #t (a); SELECT 1 FROM #t", [T_SQL]),
        ("IF 1 = 1 SELECT 1 ELSE SELECT 2", [T_SQL]),
        (
            "SELECT max(update), min(delete), (merge), (replace) FROM x WHERE (update > 5)",
            NOT_T_SQL,
        ),
        (
            "SELECT coalesce(update, insert), trim(delete FROM y), (delete IS NULL) FROM x",
            NOT_T_SQL,
        ),
        ("SELECT max(x) update FROM (SELECT 1 AS x) AS y", [POSTGRES, MYSQL]),
        ("WITH update AS (SELECT 1 AS n) SELECT delete.n FROM update AS delete", NOT_T_SQL),
        ("SELECT extract(epoch FROM (update - created)) FROM x", [POSTGRES]),
        ("EXPLAIN SELECT replace(x, 'a', 'b') FROM y", [POSTGRES, MYSQL]),
        ("EXPLAIN (FORMAT json) SELECT count(*) FROM y WHERE update IS NULL", [POSTGRES]),
        ("EXPLAIN ANALYZE VERBOSE WITH a AS (SELECT 1) SELECT * FROM a", [POSTGRES]),
        ("EXPLAIN (SELECT 1)", [POSTGRES, MYSQL]),
        ("EXPLAIN FORMAT=JSON SELECT 1", [MYSQL]),
        ("DESCRIBE shop.orders", [MYSQL]),
        ("DESC `orders`", [MYSQL]),
        ("SHOW CREATE TABLE orders", [MYSQL]),
        ("CALL backlog(7)", [POSTGRES, MYSQL]),
        ("SELECT dbms_lob.getlength(x), y.utl_id FROM y", [ORACLE]),
        ("SELECT pg_stat_get_db_stat_reset_time(1), pg_database_size('x')", [POSTGRES]),
        ("SELECT lo_count, dblink FROM http AS nextval", NOT_T_SQL),
        ("EXEC @r = [dbo].[backlog] 7", [T_SQL]),
        ("EXEC shop.dbo.backlog 7; SELECT 1", [T_SQL]),
        ("EXEC monitoring.sp_backlog", [T_SQL]),
        ("EXEC sp_helpdb", [T_SQL]),
        ("EXEC master.sys.sp_who2", [T_SQL]),
        ("EXEC sp_executesql N'SELECT @n = count(*) FROM x', N'@n int OUTPUT', @n OUTPUT", [T_SQL]),
        ("EXEC sp_executesql @stmt = N'SELECT ''COMMIT'' AS [commit]'", [T_SQL]),
        ("DECLARE @x int = 1 SELECT @x = count(*) FROM y SELECT @x", [T_SQL]),
        ("IF 1 = 1 BEGIN SELECT NULL AS a; RETURN END SELECT 1", [T_SQL]),
        ("BEGIN TRY SELECT 1 END TRY BEGIN CATCH SELECT 2 END CATCH", [T_SQL]),
        (
            "SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END AS a ORDER BY 1 OFFSET 0 ROWS FETCH NEXT 1"
            " ROWS ONLY",
            [T_SQL],
        ),
        ("SELECT 1 UNION ALL SELECT 2 EXCEPT (SELECT 3)", [POSTGRES, T_SQL, MYSQL]),
        ("WITH a AS (SELECT 1 AS n) INSERT INTO #t SELECT n FROM a; SELECT 1 FROM #t", [T_SQL]),
        ("INSERT #t SELECT 1 SELECT * FROM #t", [T_SQL]),
        ("DROP TABLE IF EXISTS #a, #b; SELECT 1", [T_SQL]),
        (
            "MERGE #t AS t USING #u AS u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT"
            " MATCHED THEN INSERT (a) VALUES (1); SELECT 1",
            [T_SQL],
        ),
        ("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SELECT 1", [T_SQL]),
        ("SET NOCOUNT ON SELECT 1", [T_SQL]),
        ("DBCC OPENTRAN WITH TABLERESULTS", [T_SQL]),
        ("DBCC SQLPERF(LOGSPACE)", [T_SQL]),
        (
            "DECLARE c CURSOR FOR SELECT 1 AS a FROM x FOR UPDATE; OPEN c; FETCH NEXT FROM c",
            [T_SQL],
        ),
        ("USE shop; SELECT SUSER_SNAME(), USER, LOG(10)", [T_SQL]),
    ],
)
def test_what_only_reads_is_allowed(sql: str, dialects: list[Dialect]) -> None:
    for dialect in dialects:
        assert fault(sql, dialect) == "", dialect


@pytest.mark.parametrize(
    ("sql", "dialect", "reason"),
    [
        ("SELECT 1; SELECT 2", POSTGRES, "2 statements"),
        ("SELECT 1; SELECT 2", T_SQL, "after the one that answers"),
        ("SELECT 1 --1; DROP TABLE x", MYSQL, "2 statements"),
        ("SELECT a#'\n; DROP TABLE x -- '", MYSQL, "2 statements"),
        ("SELECT '\\'; DROP TABLE x; -- '", POSTGRES, "statements"),
        ("SELECT $$a$$; DROP TABLE x; $$b$$", POSTGRES, "statements"),
        ("SELECT q'[a]'; DROP TABLE x; q'[b]'", ORACLE, "statements"),
        ("SELECT [a]; DROP TABLE x; SELECT [b]", T_SQL, "after the one that answers"),
        ("SELECT 1 /*! ; DROP TABLE x */", MYSQL, "MySQL runs"),
        ("SELECT 1 /* /* */ ; DROP TABLE x */", POSTGRES, "read differently"),
        ("SELECT 1 -- a\rDROP TABLE x", POSTGRES, "U+000D"),
        ("SELECT 'open", ORACLE, "not closed"),
        ("SELECT q'[open'", ORACLE, "not closed"),
        ("SELECT $a$ open", POSTGRES, "not closed"),
        ("SELECT [open", T_SQL, "not closed"),
        ("WITH a AS (DELETE FROM x RETURNING 1) SELECT * FROM a", POSTGRES, "DELETE"),
        ("WITH a AS (SELECT 1) UPDATE x SET y = 1", MYSQL, "UPDATE"),
        ("SELECT 1INTO x", POSTGRES, "INTO"),
        ("SELECT \"set_config\"('a', 'b', true)", POSTGRES, "set_config"),
        ("EXPLAIN ANALYZE INSERT INTO x VALUES (1)", POSTGRES, "explains INSERT"),
        ("DECLARE c CURSOR FOR SELECT 1", T_SQL, "nothing that answers"),
        ("SELECT 1 DROP TABLE x", T_SQL, "DROP"),
        ("IF 1 = 1 DELETE FROM x; SELECT 1", T_SQL, "DELETE"),
        ("DECLARE @x int; UPDATE dbo.t SET a = 1; SELECT @x", T_SQL, "UPDATE"),
        ("BEGIN TRAN; SELECT 1", T_SQL, "transactions"),
        ("SELECT * INTO t FROM x", T_SQL, "INTO"),
        ("COPY x TO 'y'", T_SQL, "EXEC calls a procedure"),
        ("BEGIN UPDATE x SET y = 1; END;", ORACLE, "begins with BEGIN: a block answers nothing"),
        ("DECLARE n int; BEGIN n := 1; END;", ORACLE, "a block answers nothing"),
        ("SELECT utl_http.request('http://x') FROM dual", ORACLE, "utl_http"),
        ("SELECT \"DBMS_XMLGEN\".getxml('SELECT 1') FROM dual", ORACLE, "dbms_xmlgen"),
        ("EXEC dbo.sp_backlog", T_SQL, "sp_backlog, which counts as the system's"),
    ],
)
def test_what_writes_or_hides_something_is_refused(sql: str, dialect: Dialect, reason: str) -> None:
    assert reason in fault(sql, dialect)


@pytest.mark.parametrize("dialect", EVERY)
def test_what_is_hostile_is_refused_for_every_kind_of_database(dialect: Dialect) -> None:
    short = [sql for sql in HOSTILE_SQL if len(sql) < LONGEST_SQL]
    assert [sql for sql in short if not fault(sql, dialect)] == []


def test_what_is_hostile_on_sql_server_alone_is_refused_there() -> None:
    assert [sql for sql in ONLY_BATCHES if not fault(sql, T_SQL)] == []


LONGEST_SQL = 50_000


def test_a_non_query_may_write_once() -> None:
    def of(sql: str, *dialects: Dialect) -> str:
        return fault(sql, *dialects, result_type=ResultType.NON_QUERY)

    assert of("DELETE FROM x WHERE old") == ""
    assert of("DO $$ BEGIN DELETE FROM x; END $$", POSTGRES) == ""
    assert of("BEGIN DELETE FROM x; COMMIT; END;", ORACLE) == ""
    assert of("DELETE FROM x; DELETE FROM y", T_SQL) == ""
    assert "2 statements" in of("DELETE FROM x; DELETE FROM y", POSTGRES)
    assert "transactions" in of("COMMIT", MYSQL)
    assert of(" ; ", ORACLE) == "there is no statement"


def test_a_query_that_nobody_runs_yet_must_suit_some_database() -> None:
    assert fault("SELECT `a`; SELECT $$;$$") != ""
    assert fault("SELECT `a;`") == ""
    assert fault("EXEC dbo.backlog") == ""
    assert fault("EXEC dbo.backlog", POSTGRES, MYSQL).startswith("begins with EXEC")
    assert fault("DROP TABLE x").startswith("begins with DROP")


@pytest.mark.parametrize(("engine", "dialect"), [("postgres", POSTGRES), ("sqlserver", T_SQL)])
def test_the_checks_that_come_with_it_are_allowed(engine: str, dialect: Dialect) -> None:
    for check in read_pack(engine, "app"):
        assert fault(check.query.sql, dialect) == "", check.name


def test_a_text_is_told_apart_into_words_marks_names_and_texts() -> None:
    assert read_tokens('Select "a""b", \'c\' from d -- e', POSTGRES) == [
        Token("SELECT"),
        Token('a""b', Kind.NAME),
        Token(",", Kind.MARK),
        Token("'c'", Kind.TEXT),
        Token("FROM"),
        Token("D"),
    ]


WRITTEN = (
    "DELETE FROM x",
    "DELETE FROM x WHERE y = ';' RETURNING z",
    "INSERT INTO x VALUES (1)",
    "INSERT INTO x SELECT 'SELECT 1' AS a",
    "UPDATE x SET y = '--'",
    "MERGE INTO x USING y ON x.a = y.a WHEN MATCHED THEN DELETE",
    "DROP TABLE x",
    "DROP TABLE IF EXISTS x",
    "CREATE TABLE x (y INT)",
    "CREATE VIEW x AS SELECT 1 AS a",
    "ALTER TABLE x ADD y INT",
    "SELECT 1 AS a INTO x FROM y",
    "TRUNCATE TABLE x",
)
PLACES = (
    "{}",
    "{};",
    "({})",
    "-- SELECT 1\n{}",
    "/* SELECT 1 */ {} -- ;",
    "SELECT 1; {}",
    "SELECT ';' AS a; {}; SELECT 2",
    "SELECT 'it''s' AS a -- it's\n; {}",
    'SELECT 1 AS "a;b"; {}',
    "WITH a AS ({}) SELECT * FROM a",
    "WITH a AS (SELECT 1 AS n), b AS ({}) SELECT * FROM b",
    "WITH a AS (SELECT 1 AS n) {}",
    "SELECT * FROM ({}) AS a",
    "EXPLAIN {}",
)
CASES = [str, str.lower, str.upper, str.title]
SPACES = st.sampled_from([" ", "\n", "\t", " /* a */ ", " -- b\n", "/**/ "])


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(WRITTEN),
    st.sampled_from(PLACES),
    st.sampled_from(EVERY),
    SPACES,
    st.sampled_from(CASES),
)
def test_what_a_parser_finds_to_write_is_refused(
    change: str, place: str, dialect: Dialect, space: str, write: Callable[[str], str]
) -> None:
    sql = write(place.format(change)).replace(" ", space)
    found = [tree for tree in _parsed(sql, dialect) if tree.find(*WRITES)]
    target(float(len(found)))
    if found:
        assert fault(sql, dialect) != ""


def _parsed(sql: str, dialect: Dialect) -> Iterator[exp.Expr]:
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        yield from filter(None, sqlglot.parse(sql, dialect=SQLGLOT[dialect]))
    except (sqlglot.errors.SqlglotError, ValueError):
        return


RESERVED = """
    add all alter and any as asc authorization backup begin between break browse bulk by cascade
    case check checkpoint close clustered coalesce collate column commit compute constraint contains
    containstable continue convert create cross current current_date current_time current_timestamp
    current_user cursor database dbcc deallocate declare default delete deny desc disk distinct
    distributed double drop dump else end errlvl escape except exec execute exists exit external
    fetch file fillfactor for foreign freetext freetexttable from full function goto grant group
    having holdlock identity identity_insert identitycol if in index inner insert intersect into is
    join key kill left like lineno load merge national nocheck nonclustered not null nullif of off
    offsets on open opendatasource openquery openrowset openxml option or order outer over percent
    pivot plan precision primary print proc procedure public raiserror read readtext reconfigure
    references replication restore restrict return revert revoke right rollback rowcount rowguidcol
    rule save schema securityaudit select semantickeyphrasetable semanticsimilaritydetailstable
    semanticsimilaritytable session_user set setuser shutdown some statistics system_user table
    tablesample textsize then to top tran transaction trigger truncate try_convert tsequal union
    unique unpivot update updatetext use user values varying view waitfor when where while with
    within writetext
""".upper()
"""Microsoft's list of them, up to SQL Server 2022."""
LOOKING = """
    all and any as asc between browse by cascade case check clustered coalesce collate column
    constraint contains containstable convert cross current current_date current_time
    current_timestamp current_user cursor default desc distinct double escape except exists file
    fillfactor for foreign freetext freetexttable from full group having holdlock identity
    identitycol in index inner intersect is join key left like national nonclustered not null nullif
    of off offsets on openxml option or order outer over percent pivot plan precision primary public
    read references restrict right rowcount rowguidcol semantickeyphrasetable
    semanticsimilaritydetailstable semanticsimilaritytable session_user some statistics system_user
    table tablesample textsize then to top transaction try_convert union unique unpivot user values
    varying when where within
""".upper()
ONE_TOO_MANY = ("SELECT 1 SELECT 2", "(SELECT 1) SELECT 2", "USE x", "(VACUUM)")
"""What is wrong with these is that they answer twice, or nothing."""


def can_stand_anywhere(sql: str) -> bool:
    """Other than a call of a procedure by its name alone, which only a batch may begin with."""
    return sql not in ONE_TOO_MANY and re.split(r"\W", sql)[0] in RESERVED.split()


BATCH_PLACES = (
    "{}",
    "{} ;",
    "SET NOCOUNT ON {}",
    "DECLARE @z int = 1; {}",
    "IF 1 = 1 {} ELSE SELECT 1",
    "IF 1 = 2 SELECT 1 ELSE {}",
    "IF 1 = 1 BEGIN SELECT 1; {} END",
    "BEGIN TRY {} END TRY BEGIN CATCH SELECT 1 END CATCH",
    "WHILE 1 = 1 {}",
    "INSERT INTO #z SELECT 1 {}",
    "SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END AS z INTO #z {} SELECT 1 FROM #z",
)


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from([sql for sql in BATCHES if can_stand_anywhere(sql)]),
    st.sampled_from(BATCH_PLACES),
    st.integers(0, 2),
    SPACES,
    st.sampled_from(CASES),
)
def test_what_is_hostile_in_a_batch_is_refused_wherever_it_stands(
    batch: str, place: str, texts: int, space: str, write: Callable[[str], str]
) -> None:
    sql = place.format(batch)
    for _ in range(texts):
        doubled = sql.replace("'", "''")
        sql = f"EXEC sys.sp_executesql N'{doubled}'"
    assert fault(write(sql).replace(" ", space), T_SQL) != ""


DOING_NAMES = """
    nextval setval set_config pg_terminate_backend pg_reload_conf pg_switch_wal pg_promote dblink
    dblink_exec dblink_send_query lo_import lo_put lowrite pg_drop_replication_slot pg_stat_reset
    pg_logical_slot_get_changes pg_create_restore_point pg_backup_start pg_read_file query_to_xml
    pg_replication_origin_drop pg_wal_replay_pause pg_notify pg_file_unlink crosstab ts_stat
""".split()


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(DOING_NAMES),
    st.sampled_from(["{}(1)", "{} ( 1 )", "pg_catalog.{}(1)", "pg_catalog . {} (1)"]),
    st.sampled_from(
        [
            "SELECT {}",
            "SELECT 1 WHERE 2 > ({})",
            "WITH a AS (SELECT {}) SELECT 1",
            "EXPLAIN ANALYZE SELECT {}",
            "VALUES ({})",
            "SELECT 1 FROM {} AS a",
            "SELECT 1 UNION SELECT {}",
            "TABLE a ORDER BY {}",
            "SELECT 'x' || {} -- a",
        ]
    ),
    st.booleans(),
    SPACES,
)
def test_a_function_that_does_something_is_refused_however_it_is_called(
    name: str, call: str, place: str, is_quoted: bool, space: str
) -> None:
    written = call.format(f'"{name}"' if is_quoted else name)
    assert name in fault(place.format(written).replace(" ", space), POSTGRES)


def test_every_reserved_word_of_sql_server_is_known_to_look_or_is_refused() -> None:
    begins, refused = LATER | CHANGES, NEVER | LASTING | ENDS
    assert sorted(set(RESERVED.split()) - begins - refused - set(LOOKING.split())) == []
    assert not refused & set(LOOKING.split())


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=60), st.sampled_from(EVERY))
def test_any_text_is_read_or_refused(sql: str, dialect: Dialect) -> None:
    with suppress(Unreadable):
        assert all(token.text or token.kind is Kind.NAME for token in read_tokens(sql, dialect))
    assert isinstance(fault(sql, dialect), str)


@pytest.mark.parametrize("piece", ["(", "'", '"', "/*", "$a$b", "q'[", "[", "`", "--", "$1$"])
def test_a_text_of_fifty_thousand_characters_is_read_in_no_time(piece: str) -> None:
    for dialect in EVERY:
        assert isinstance(fault(piece * (50_000 // len(piece)), dialect), str)
