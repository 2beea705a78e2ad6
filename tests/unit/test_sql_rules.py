"""Which statements may be stored, in the words of each kind of database."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import sqlglot
from hypothesis import given, settings, target
from hypothesis import strategies as st
from sqlglot import exp

from repositories.records.kpis import ResultType
from services.definitions.sql_rules import find_fault
from services.definitions.sql_words import Dialect, Token, Unreadable, read_tokens
from services.pack import read_pack

POSTGRES, T_SQL, MYSQL, ORACLE = Dialect
EVERY = tuple(Dialect)
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
    ],
)
def test_what_writes_or_hides_something_is_refused(sql: str, dialect: Dialect, reason: str) -> None:
    assert reason in fault(sql, dialect)


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
    assert fault("DROP TABLE x").startswith("begins with DROP")


@pytest.mark.parametrize(("engine", "dialect"), [("postgres", POSTGRES), ("sqlserver", T_SQL)])
def test_the_checks_that_come_with_it_are_allowed(engine: str, dialect: Dialect) -> None:
    for check in read_pack(engine, "app"):
        assert fault(check.query.sql, dialect) == "", check.name


def test_a_text_is_told_apart_into_words_marks_and_quoted_names() -> None:
    assert read_tokens('Select "a""b", \'c\' from d -- e', POSTGRES) == [
        Token("SELECT"),
        Token('a""b', is_quoted=True),
        Token(","),
        Token("FROM"),
        Token("D"),
    ]


CHANGES = (
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
SPACES = st.sampled_from([" ", "\n", "\t", " /* a */ ", " -- b\n", "/**/ "])


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(CHANGES),
    st.sampled_from(PLACES),
    st.sampled_from(EVERY),
    SPACES,
    st.sampled_from([str, str.lower, str.title]),
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


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=60), st.sampled_from(EVERY))
def test_any_text_is_read_or_refused(sql: str, dialect: Dialect) -> None:
    with suppress(Unreadable):
        assert all(token.text or token.is_quoted for token in read_tokens(sql, dialect))
    assert isinstance(fault(sql, dialect), str)


@pytest.mark.parametrize("piece", ["(", "'", '"', "/*", "$a$b", "q'[", "[", "`", "--", "$1$"])
def test_a_text_of_fifty_thousand_characters_is_read_in_no_time(piece: str) -> None:
    for dialect in EVERY:
        assert isinstance(fault(piece * (50_000 // len(piece)), dialect), str)
