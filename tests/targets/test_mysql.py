"""What only MySQL's statements can do."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from importlib.util import find_spec

import pytest

from repositories.contracts.databases import PoolUse, Target
from repositories.errors import (
    BadStatement,
    Conflict,
    LoginRefused,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.mysql import load_driver, meaning_of
from repositories.records.kpis import ResultType, Verdict
from repositories.targets import open_target
from tests.targets.conftest import Run, of_type
from tests.targets.servers import Server


@pytest.fixture(scope="module")
def server(mysql_target: Server) -> Iterator[Server]:
    mysql_target.change("CREATE PROCEDURE doubled (n int) BEGIN SELECT n * 2 AS n; SELECT 1; END")
    mysql_target.change("CREATE PROCEDURE late_error () BEGIN SELECT 1; SELECT 1 FROM nowhere; END")
    mysql_target.change(
        "CREATE PROCEDURE leaving () BEGIN SET @mine = 7; SET SESSION sql_mode = 'ANSI';"
        " SET SESSION time_zone = '+05:00'; SET NAMES latin1; DO get_lock('mine', 1); SELECT 1; END"
    )
    mysql_target.change(
        "CREATE FUNCTION leave_function () RETURNS int READS SQL DATA"
        " BEGIN SET @mine = 7; SET SESSION sql_mode = 'ANSI'; DO get_lock('mine', 1); RETURN 1; END"
    )
    mysql_target.change("CREATE PROCEDURE removing () BEGIN DELETE FROM notes; SELECT 1; END")
    mysql_target.change(
        "CREATE PROCEDURE dripping () BEGIN DECLARE i INT DEFAULT 0; WHILE i < 20 DO"
        " SELECT i; DO sleep(0.4); SET i = i + 1; END WHILE; END"
    )
    mysql_target.change(
        "CREATE PROCEDURE adding_late () BEGIN INSERT INTO notes VALUES (77); DO sleep(0.8);"
        " DO sleep(0.8); END"
    )
    yield mysql_target
    for name in ("doubled", "late_error", "removing", "leaving", "dripping", "adding_late"):
        mysql_target.change(f"DROP PROCEDURE {name}")
    mysql_target.change("DROP FUNCTION leave_function")


@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
def test_a_procedure_may_be_called_and_its_first_result_counts(
    server: Server, run: Run, result_type: ResultType
) -> None:
    expected = 42 if result_type is ResultType.SCALAR else 1
    assert run(server.url, "CALL doubled(21)", of_type(result_type)).value == expected


@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
def test_an_error_after_the_first_result_is_an_error(
    server: Server, run: Run, result_type: ResultType
) -> None:
    result = run(server.url, "CALL late_error()", of_type(result_type))
    assert (result.status, result.error_type) == (Verdict.ERROR, "bad_sql")


def test_a_procedure_changes_nothing_either(server: Server, run: Run) -> None:
    assert run(server.url, "CALL removing()").error_type == "not_allowed"


def test_several_statements_are_not_taken(server: Server, run: Run) -> None:
    assert run(server.url, "SELECT 1; SELECT 2").error_type == "bad_sql"


def test_a_bit_is_a_number(server: Server, run: Run) -> None:
    server.change("CREATE TABLE flags (is_on bit(1), mask bit(10))")
    try:
        server.change("INSERT INTO flags VALUES (b'1', b'1000000001')")
        assert run(server.url, "SELECT is_on FROM flags").value == 1
        assert run(server.url, "SELECT mask FROM flags").value == 513
    finally:
        server.change("DROP TABLE flags")


@pytest.mark.parametrize("tls", ["verify", "yes"])
def test_a_server_without_encryption_is_not_talked_to_unless_the_url_says_so(
    server: Server, run: Run, tls: str
) -> None:
    if "tls=no" not in server.url:
        pytest.skip("MySQL: the one of TEST_MYSQL_URL encrypts")
    result = run(server.url.replace("tls=no", f"tls={tls}"), "SELECT 1")
    assert result.error_type == "connection_lost"
    assert "see tls= in its URL" in result.message


@pytest.mark.skipif(find_spec("pymysql") is None, reason="MySQL: PyMySQL is not installed")
def test_a_server_that_never_says_a_word_is_given_up(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = run(f"mysql://u:p@127.0.0.1:{port}/d?tls=no", "SELECT 1", connect_seconds=1)
    assert result.error_type == "connection_lost"
    assert result.duration_ms < 2000
    for thread in threading.enumerate():
        if thread.name == "target":
            thread.join(5)


@pytest.fixture
def target(server: Server) -> Iterator[Target]:
    with closing(open_target(server.url, connect_seconds=5)) as opened:
        yield opened


def ask(
    target: Target, sql: str, result_type: ResultType = ResultType.SCALAR, timeout_seconds: int = 10
) -> object:
    answer = target.ask(sql, result_type=result_type, timeout_seconds=timeout_seconds, keep=2)
    return answer.rows[0][0] if answer.rows else answer.row_count


STATE = """
SELECT concat_ws(' ', coalesce(@mine, '-'), @@session.time_zone, @@session.sql_mode,
    @@session.character_set_client, @@session.collation_connection, @@session.autocommit,
    @@session.sql_select_limit, @@session.lock_wait_timeout, connection_id(), database(),
    coalesce(is_used_lock('mine'), '-'))
"""


@pytest.mark.parametrize(
    "sql",
    [
        *("SELECT @mine := 7", "SELECT get_lock('mine', 1)", "CALL leaving()"),
        *("SELECT leave_function()", "SELECT 1; SELECT 2", "SELECT nothing FROM nowhere"),
        "SELECT 'more' UNION ALL SELECT 'than' UNION ALL SELECT 'two' UNION ALL SELECT 'rows'",
    ],
)
@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
def test_the_next_statement_has_the_connection_and_sees_nothing_of_the_one_before(
    target: Target, sql: str, result_type: ResultType
) -> None:
    before = ask(target, STATE)
    with suppress(StorageError):
        ask(target, sql, result_type)
    assert ask(target, STATE) == before


@pytest.mark.parametrize("sql", ["USE mysql", "SET @mine = 7", "SET autocommit = 1"])
@pytest.mark.parametrize("result_type", ResultType)
def test_what_gives_no_rows_is_the_last_on_its_connection(
    server: Server, target: Target, sql: str, result_type: ResultType
) -> None:
    first = ask(target, "SELECT connection_id()")
    with suppress(StorageError):
        ask(target, sql, result_type)
    assert ask(target, "SELECT connection_id()") != first
    assert str(ask(target, "SELECT database()")) in server.url


def test_text_of_any_kind_comes_back_after_a_reset(target: Target) -> None:
    assert [ask(target, "SELECT 'ä€😀'") for _ in range(3)] == ["ä€😀"] * 3


@pytest.mark.slow
def test_each_statement_has_its_own_time_on_a_connection_that_is_kept(target: Target) -> None:
    assert ask(target, "SELECT 1", timeout_seconds=60) == 1
    first, started = ask(target, "SELECT connection_id()"), time.monotonic()
    with pytest.raises(StatementTimeout):
        ask(target, "SELECT sleep(30) FROM (SELECT 1 UNION SELECT 2) AS t", timeout_seconds=1)
    assert time.monotonic() - started < 3
    assert ask(target, "SELECT connection_id()", timeout_seconds=60) != first


@pytest.mark.slow
@pytest.mark.parametrize("result_type", ResultType)
def test_a_procedure_has_no_more_time_than_a_statement(
    target: Target, result_type: ResultType
) -> None:
    """The server's own limit is for each statement in it."""
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        ask(target, "CALL dripping()", result_type, timeout_seconds=1)
    assert time.monotonic() - started < 4


@pytest.mark.slow
def test_what_a_procedure_changed_after_its_time_was_over_is_not_kept(
    server: Server, target: Target
) -> None:
    with pytest.raises(StatementTimeout):
        ask(target, "CALL adding_late()", ResultType.NON_QUERY, timeout_seconds=1)
    assert server.count_notes() == 0
    ask(target, "CALL adding_late()", ResultType.NON_QUERY, timeout_seconds=10)
    assert server.count_notes() == 1
    server.change("DELETE FROM notes")


def test_a_scalar_of_many_rows_is_not_read_to_its_end(target: Target) -> None:
    many = "SELECT 7 FROM information_schema.columns a, information_schema.columns b LIMIT 3000000"
    tracemalloc.start()
    try:
        assert ask(target, many) == 7
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert ask(target, "SELECT 8") == 8


def test_no_more_connections_are_opened_than_are_allowed(server: Server) -> None:
    with (
        closing(open_target(server.url, connect_seconds=5, size=3)) as target,
        ThreadPoolExecutor(9) as threads,
    ):
        answers = threads.map(lambda n: ask(target, f"SELECT {n} + sleep(0.01)"), range(30))
        assert list(answers) == list(range(30))
        assert target.use() == PoolUse(in_use=0, idle=3, size=3)


@pytest.mark.skipif(find_spec("pymysql") is None, reason="MySQL: PyMySQL is not installed")
@pytest.mark.parametrize(
    ("number", "sqlstate", "meaning"),
    [
        (1045, "28000", LoginRefused),
        (1146, "42S02", BadStatement),
        (1062, "23000", Conflict),
        (1213, "40001", Conflict),
        (3024, "HY000", StatementTimeout),
        (1969, "70100", StatementTimeout),
        (1040, "08004", Unavailable),
        (2006, None, Unavailable),
    ],
)
def test_an_error_means_what_its_number_or_its_state_says(
    number: int, sqlstate: str | None, meaning: type[Exception]
) -> None:
    found = meaning_of(load_driver().err.OperationalError(number, "words", sqlstate=sqlstate))
    assert type(found) is meaning
    assert str(number) in (found.code or "")
    assert "words" not in str(found)
