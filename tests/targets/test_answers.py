"""What each kind of server answers is judged the same way."""

import json
import threading
from decimal import Decimal

import psutil
import pytest

from repositories.records.kpis import OnEmpty, Operator, ResultType, Rule, Verdict
from tests.targets.conftest import Run, of_type
from tests.targets.servers import Server

MEGABYTE = 2**20


@pytest.mark.parametrize(
    ("value", "verdict"), [("1", "Healthy"), ("5", "Warning"), ("9.5", "Critical")]
)
def test_a_scalar_is_held_against_its_thresholds(
    server: Server, run: Run, value: str, verdict: str
) -> None:
    rule = Rule(warning_threshold=Decimal(5), critical_threshold=Decimal(9))
    result = run(server.url, f"SELECT {value} AS n", rule)
    assert (result.status, result.value) == (verdict, Decimal(value))


def test_a_scalar_may_be_a_text(server: Server, run: Run) -> None:
    rule = Rule(expected_value="up", comparison_operator=Operator.EQ)
    assert run(server.url, "SELECT 'up' AS state", rule).status is Verdict.HEALTHY
    assert run(server.url, "SELECT 'down' AS state", rule).status is Verdict.CRITICAL


def test_more_rows_than_one_are_noted(server: Server, run: Run) -> None:
    result = run(server.url, server.rows.format(count=1000))
    assert result.status is Verdict.HEALTHY
    assert "more rows than one" in result.message


@pytest.mark.parametrize("sql", ["SELECT NULL AS n", "SELECT id FROM notes"])
def test_no_value_is_an_error_unless_the_kpi_says_otherwise(
    server: Server, run: Run, sql: str
) -> None:
    assert run(server.url, sql).error_type == "no_value"
    assert run(server.url, sql, Rule(on_empty=OnEmpty.HEALTHY)).status is Verdict.HEALTHY


def test_a_data_set_is_counted_and_its_first_fifty_rows_are_kept(server: Server, run: Run) -> None:
    result = run(server.url, server.rows.format(count=2000), of_type(ResultType.DATA_SET))
    assert result.value == 2000
    details = json.loads(result.details or "")
    assert (len(details["rows"]), details["row_count"]) == (50, 2000)
    assert details["rows"][0]["word"] == "word"


def test_a_non_query_changes_rows_and_counts_them(server: Server, run: Run) -> None:
    sql = "INSERT INTO notes (id) VALUES (1), (2), (3)"
    assert run(server.url, sql, of_type(ResultType.NON_QUERY)).value == 3
    assert server.count_notes() == 3


def test_a_non_query_that_fails_changes_nothing(server: Server, run: Run) -> None:
    sql = "INSERT INTO notes (id) VALUES (1), (1)"
    result = run(server.url, sql, of_type(ResultType.NON_QUERY))
    assert (result.status, result.error_type) == ("Error", "conflict")
    assert server.count_notes() == 0


@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO notes (id) VALUES (1)",
        "INSERT INTO notes (id) VALUES (1); SELECT 1",
        "INSERT INTO notes (id) VALUES (1); COMMIT; SELECT 1",
    ],
)
def test_only_a_non_query_can_change_anything(
    server: Server, run: Run, sql: str, result_type: ResultType
) -> None:
    run(server.url, sql, of_type(result_type))
    assert server.count_notes() == 0


@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
@pytest.mark.parametrize(
    "sql", ["SELECT nothing FROM nowhere", "SELECT FROM WHERE", "", "DROP TABLE nowhere"]
)
def test_what_the_server_does_not_understand_is_an_error_of_its_own(
    server: Server, run: Run, sql: str, result_type: ResultType
) -> None:
    result = run(server.url, sql, of_type(result_type))
    assert result.status is Verdict.ERROR
    assert result.error_type in {"bad_sql", "not_allowed"}
    assert "nowhere" not in result.message


def test_a_refused_login_is_an_error_of_its_own(server: Server, run: Run) -> None:
    result = run(server.wrong_password, "SELECT 1")
    assert (result.status, result.error_type) == ("Error", "login_refused")
    assert "wrong" not in result.message


def test_a_server_that_is_not_there_is_an_error_of_its_own(server: Server, run: Run) -> None:
    result = run(server.unreachable, "SELECT 1", connect_seconds=2)
    assert (result.status, result.error_type) == ("Error", "connection_lost")
    assert result.duration_ms < 5000


@pytest.mark.slow
@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
def test_a_statement_that_hangs_is_ended_in_time(
    server: Server, run: Run, result_type: ResultType
) -> None:
    result = run(server.url, server.hangs, of_type(result_type), timeout_seconds=2)
    assert (result.status, result.error_type) == ("Error", "timeout")
    assert 1900 < result.duration_ms < 5000


@pytest.mark.slow
def test_a_million_rows_take_no_memory(server: Server, run: Run) -> None:
    sql, rule = server.rows, of_type(ResultType.DATA_SET)
    run(server.url, sql.format(count=20_000), rule)
    with Watched() as watched:
        result = run(server.url, sql.format(count=1_000_000), rule, timeout_seconds=60)
    assert result.value == 1_000_000
    assert watched.growth < 16 * MEGABYTE


class Watched:
    """How far the memory of this process rose above what it was."""

    def __enter__(self) -> "Watched":
        self._process, self._is_over = psutil.Process(), threading.Event()
        self._start, self.growth = self._process.memory_info().rss, 0
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.01):
            self.growth = max(self.growth, self._process.memory_info().rss - self._start)
