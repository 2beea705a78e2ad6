"""How much time a statement has on Oracle, whose driver limits each round trip; on a fake of it."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from repositories import oracle
from repositories.contracts.databases import Answer
from repositories.errors import StatementTimeout
from repositories.records.kpis import ResultType
from repositories.targets import open_target


@dataclass
class FakeConnection:
    """Each statement takes `seconds`, and so does each row."""

    seconds: float
    rows: int = 3
    call_timeout: int = 0
    limits: list[int] = field(default_factory=list)
    is_committed: bool = False
    is_closed: bool = False

    def cursor(self) -> "FakeConnection":
        return self

    description = (("n",),)
    rowcount = 1

    def execute(self, sql: str, **_: Any) -> None:
        self._round_trip()

    def fetchone(self) -> tuple[int] | None:
        self._round_trip()
        self.rows -= 1
        return (self.rows,) if self.rows >= 0 else None

    def commit(self) -> None:
        self.is_committed = True

    def close(self) -> None:
        self.is_closed = True

    def _round_trip(self) -> None:
        self.limits.append(self.call_timeout)
        time.sleep(self.seconds)


@pytest.fixture(autouse=True)
def _driver(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        Error = ZeroDivisionError

    monkeypatch.setattr(oracle, "load_driver", lambda: Driver)


def ask(
    monkeypatch: pytest.MonkeyPatch, connection: FakeConnection, result_type: ResultType, sql: str
) -> Answer:
    monkeypatch.setattr(oracle.OracleTarget, "_connect", lambda _: connection)
    target = open_target("oracle://u:p@h/s", connect_seconds=1)
    try:
        return target.ask(sql, result_type=result_type, timeout_seconds=1, keep=2)
    finally:
        assert connection.is_closed


def test_each_round_trip_has_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = FakeConnection(seconds=0.05)
    answer = ask(monkeypatch, connection, ResultType.DATA_SET, "SELECT n FROM t")
    assert answer.row_count == 3
    assert connection.limits == sorted(connection.limits, reverse=True)
    assert 0 < connection.limits[-1] < connection.limits[0] <= 1000


def test_rows_that_come_too_late_are_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StatementTimeout):
        ask(monkeypatch, FakeConnection(0.2, rows=99), ResultType.DATA_SET, "SELECT n FROM t")


def test_a_change_that_took_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    late, in_time = FakeConnection(1.1), FakeConnection(0.01)
    with pytest.raises(StatementTimeout):
        ask(monkeypatch, late, ResultType.NON_QUERY, "DELETE FROM t")
    ask(monkeypatch, in_time, ResultType.NON_QUERY, "DELETE FROM t")
    assert (late.is_committed, in_time.is_committed) == (False, True)
