"""What only SQL Server's batches can do: procedures, several statements, transactions."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from repositories.errors import NotAllowed
from repositories.records.kpis import ResultType
from repositories.sqlserver.connections import connect
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
]
NOT_REFUSED = [
    "SELECT 'COMMIT' AS n",
    "SELECT 1 AS [commit]",
    "SELECT 1 AS n -- COMMIT",
    "SELECT 1 AS n /* ROLLBACK */",
    "DECLARE @commit int = 1; SELECT @commit AS n",
    "SELECT 1 AS commit_count",
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
def test_a_batch_that_ends_the_transaction_is_not_run(sql: str) -> None:
    target = open_target("Server=127.0.0.1,1", connect_seconds=1)
    with pytest.raises(NotAllowed, match="a Scalar or DataSet cannot"):
        target.ask(sql, result_type=ResultType.SCALAR, timeout_seconds=1, keep=1)


@pytest.mark.parametrize("sql", NOT_REFUSED)
def test_the_words_of_a_transaction_may_stand_in_names_and_texts(
    server: Server, run: Run, sql: str
) -> None:
    assert run(server.url, sql).error_type is None


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
