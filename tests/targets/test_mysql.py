"""What only MySQL's statements can do."""

import socket
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from repositories.errors import BadStatement, Conflict, LoginRefused, StatementTimeout, Unavailable
from repositories.mysql import load_driver, meaning_of
from repositories.records.kpis import ResultType, Verdict
from tests.targets.conftest import Run, of_type
from tests.targets.servers import Server


@pytest.fixture(scope="module")
def server(mysql_target: Server) -> Iterator[Server]:
    mysql_target.change("CREATE PROCEDURE doubled (n int) BEGIN SELECT n * 2 AS n; SELECT 1; END")
    mysql_target.change("CREATE PROCEDURE late_error () BEGIN SELECT 1; SELECT 1 FROM nowhere; END")
    mysql_target.change("CREATE PROCEDURE removing () BEGIN DELETE FROM notes; SELECT 1; END")
    yield mysql_target
    for name in ("doubled", "late_error", "removing"):
        mysql_target.change(f"DROP PROCEDURE {name}")


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
        result = run(f"mysql://u:p@127.0.0.1:{port}/d?tls=no", "SELECT 1", timeout_seconds=1)
    assert result.error_type == "connection_lost"
    assert result.duration_ms < 5000


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
