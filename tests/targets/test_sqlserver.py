"""What only SQL Server's batches can do: procedures, several statements, transactions."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from repositories.contracts.databases import PoolUse, Target
from repositories.errors import NotAllowed
from repositories.records.kpis import ResultType
from repositories.sqlserver.connections import connect
from repositories.sqlserver.target import only_selects
from repositories.targets import open_target
from repositories.urls import parse
from tests.targets.conftest import Run, of_type
from tests.targets.servers import Server

PROCEDURES = {
    "doubled": "@n int AS SELECT @n * 2 AS n",
    "told": "@n int, @answer int OUTPUT AS SET @answer = @n * 3",
    "noisy": "AS INSERT INTO notes (id) VALUES (1); SELECT 7 AS n",
    "late_error": "AS SELECT 1 AS n; RAISERROR('too late', 16, 1)",
    "committing": "AS INSERT INTO notes (id) VALUES (1); COMMIT; SELECT 1 AS n",
}
REFUSED = [
    "COMMIT; SELECT 1",
    "SELECT 1; commit transaction",
    "INSERT INTO notes (id) VALUES (1) COMMIT SELECT 1",
    "ROLLBACK; INSERT INTO notes (id) VALUES (1); SELECT 1",
    "SET IMPLICIT_TRANSACTIONS OFF; SELECT 1",
    "/* ' */ COMMIT -- ' \nSELECT 1",
    "SELECT 'it''s' COMMIT",
    "/* /* */ ' */ COMMIT SELECT ' '",
    *("EXEC sp_executesql N'COMMIT; DELETE FROM notes'", "sys.sp_executesql N'ROLLBACK'"),
    *("EXEC('COM' + 'MIT')", "DECLARE @a nvarchar(9) = N'COMMIT'; EXEC sp_executesql @a"),
    *("EXEC master..xp_cmdshell 'dir'", "EXEC sp_configure 'a', 1", "EXECUTE AS LOGIN = 'sa'"),
    *("EXEC other.shop.dbo.remove_all", "SELECT * FROM OPENQUERY(other, 'DELETE FROM notes')"),
    *("DBCC FREEPROCCACHE", "SELECT NEXT VALUE FOR numbers", "KILL 51", "SELECT 'open"),
]
NOT_REFUSED = [
    "SELECT 'COMMIT' AS n",
    "SELECT 1 AS [commit]",
    "SELECT 1 AS n -- COMMIT",
    "SELECT 1 AS n /* ROLLBACK */",
    "DECLARE @commit int = 1; SELECT @commit AS n",
    "SELECT 1 AS commit_count",
    "EXEC sp_executesql N'SELECT ''COMMIT'' AS n'",
]


@pytest.fixture(scope="module")
def with_procedures(sqlserver_target: Server) -> Iterator[Server]:
    for name, body in PROCEDURES.items():
        sqlserver_target.change(f"CREATE PROCEDURE {name} {body}")
    yield sqlserver_target
    for name in PROCEDURES:
        sqlserver_target.change(f"DROP PROCEDURE {name}")


@pytest.fixture
def server(with_procedures: Server) -> Server:
    with_procedures.change("DELETE FROM notes")
    return with_procedures


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("EXEC doubled @n = 21", 42),
        ("EXEC dbo.doubled 21;", 42),
        ("DECLARE @a int; EXEC told @n = 14, @answer = @a OUTPUT; SELECT @a AS a", 42),
        ("DECLARE @n int = 40; SET @n = @n + 2; SELECT @n AS n", 42),
        ("SELECT 42 AS first; SELECT 43 AS second", 42),
        ("IF 1 = 2 SELECT 1 AS n; ELSE SELECT 42 AS n", 42),
        ("EXEC noisy", 7),
    ],
)
def test_the_first_result_set_of_a_batch_is_its_answer(
    server: Server, run: Run, sql: str, value: int
) -> None:
    assert run(server.url, sql).value == value
    assert server.count_notes() == 0


def test_an_error_after_the_first_result_set_is_an_error(server: Server, run: Run) -> None:
    assert run(server.url, "EXEC late_error").error_type == "bad_sql"
    sql = "SELECT 1 AS n; SELECT nothing FROM nowhere"
    assert run(server.url, sql).status == "Error"


def test_a_batch_without_rows_is_no_scalar(server: Server, run: Run) -> None:
    result = run(server.url, "DECLARE @n int = 1")
    assert (result.error_type, result.message) == ("bad_sql", "the statement returns no rows")


def test_a_non_query_counts_what_all_its_statements_changed(server: Server, run: Run) -> None:
    sql = "INSERT INTO notes (id) VALUES (1), (2); UPDATE notes SET id = id + 10; SELECT 1"
    assert run(server.url, sql, of_type(ResultType.NON_QUERY)).value == 4
    assert server.count_notes() == 2


def test_a_non_query_is_kept_as_a_whole_or_not_at_all(server: Server, run: Run) -> None:
    sql = "INSERT INTO notes (id) VALUES (1); INSERT INTO notes (id) VALUES (1)"
    assert run(server.url, sql, of_type(ResultType.NON_QUERY)).error_type == "conflict"
    assert server.count_notes() == 0


def test_a_procedure_that_commits_ends_nothing(server: Server, run: Run) -> None:
    assert run(server.url, "EXEC committing").status == "Error"
    assert server.count_notes() == 0


@pytest.mark.parametrize("sql", REFUSED)
def test_a_batch_that_ends_the_transaction_or_outlasts_it_is_not_run(sql: str) -> None:
    with pytest.raises(NotAllowed, match="a Scalar or DataSet cannot"):
        open_target("Server=127.0.0.1,1", connect_seconds=1).ask(
            sql, result_type=ResultType.SCALAR, timeout_seconds=1, keep=1
        )


@pytest.mark.parametrize("sql", NOT_REFUSED)
def test_the_words_of_a_transaction_may_stand_in_names_and_texts(
    server: Server, run: Run, sql: str
) -> None:
    assert run(server.url, sql).error_type is None


ONLY_SELECTING = [
    *("SELECT 1", "select 1;", "-- why\nWITH x AS (SELECT 1 AS n) SELECT n FROM x"),
    *("SELECT 'SET' AS [set], \"into\" FROM t", "SELECT 1 /* SET */ ORDER BY 1 OFFSET 0 ROWS"),
    *("SELECT 1; SELECT @@SPID", "SELECT [a]]SET] FROM t -- SET", "SELECT 'it''s SET'"),
]
DOING_MORE = [
    *("SET LOCK_TIMEOUT 7 SELECT 1", "SELECT 1 SET LANGUAGE German", "EXEC doubled 21"),
    *("SELECT 1 AS n INTO #kept", "DECLARE @n int = 1; SELECT @n", "SELECT 1 USE master"),
    *("SELECT 'it''s' SET LOCK_TIMEOUT 7", "SELECT 1;exec doubled 21", "doubled 21", ""),
    "SELECT ' -- ' exec doubled 21 --'",
]


@pytest.mark.parametrize("sql", ONLY_SELECTING)
def test_what_only_selects_is_known(sql: str) -> None:
    assert only_selects(sql)


@pytest.mark.parametrize("sql", DOING_MORE)
def test_what_may_do_more_is_not_taken_for_a_select(sql: str) -> None:
    assert not only_selects(sql)


@pytest.fixture
def target(server: Server) -> Iterator[Target]:
    with closing(open_target(server.url, connect_seconds=5)) as opened:
        yield opened


def value_of(target: Target, sql: str, *, timeout_seconds: int = 10) -> object:
    answer = target.ask(sql, result_type=ResultType.SCALAR, timeout_seconds=timeout_seconds, keep=2)
    return answer.rows[0][0]


STATE = "SELECT CONCAT(@@LOCK_TIMEOUT, ' ', DB_NAME(), ' ', @@TRANCOUNT)"


@pytest.mark.parametrize(
    "sql",
    [
        *("SELECT 1", "SELECT 1; SELECT 2", "SELECT id FROM notes", "SET LOCK_TIMEOUT 7 SELECT 1"),
        *("USE master; SELECT 1", "EXEC noisy", "DECLARE @n int = 1 BEGIN TRANSACTION SELECT @n"),
    ],
)
def test_the_next_batch_sees_nothing_of_the_one_before(target: Target, sql: str) -> None:
    before = value_of(target, STATE)
    target.ask(sql, result_type=ResultType.DATA_SET, timeout_seconds=10, keep=2)
    assert value_of(target, STATE) == before


def test_what_only_selects_leaves_its_connection_and_anything_else_does_not(
    target: Target,
) -> None:
    first = value_of(target, "SELECT @@SPID")
    assert value_of(target, "SELECT @@SPID") == first
    assert target.use() == PoolUse(in_use=0, idle=1, size=1)
    assert value_of(target, "DECLARE @n int = @@SPID; SELECT @n") != first
    assert target.use() == PoolUse(in_use=0, idle=0, size=1)


def test_each_batch_has_its_own_time(target: Target) -> None:
    assert [
        value_of(target, "SELECT @@LOCK_TIMEOUT", timeout_seconds=seconds) for seconds in (7, 9, 7)
    ] == [7000, 9000, 7000]


def test_no_more_connections_are_opened_than_are_allowed(server: Server) -> None:
    with (
        closing(open_target(server.url, connect_seconds=5, size=2)) as target,
        ThreadPoolExecutor(6) as threads,
    ):
        answers = threads.map(lambda n: value_of(target, f"SELECT {n}"), range(30))
        assert list(answers) == list(range(30))
        assert target.use() == PoolUse(in_use=0, idle=2, size=2)


@pytest.mark.slow
def test_waiting_for_a_lock_ends_in_time(server: Server, run: Run) -> None:
    server.change("INSERT INTO notes (id) VALUES (1)")
    with closing(connect(parse(server.url), read_only=True)) as holder:
        holder.execute("UPDATE notes SET id = 2")
        sql = "UPDATE notes SET id = 3"
        result = run(server.url, sql, of_type(ResultType.NON_QUERY), timeout_seconds=2)
    assert result.error_type == "timeout"
    assert 1900 < result.duration_ms < 5000
    assert server.count_notes() == 1


@pytest.mark.slow
def test_many_at_once_hold_up_nobody(server: Server, run: Run) -> None:
    hanging = threading.Thread(target=run, args=(server.url, server.hangs), kwargs=TWO_SECONDS)
    hanging.start()
    started = time.monotonic()
    assert run(server.url, "SELECT 1 AS n").value == 1
    assert time.monotonic() - started < 2
    hanging.join()


TWO_SECONDS = {"timeout_seconds": 2}
