"""Who may start next, with a clock that is moved by hand."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from repositories.records.executions import Execution
from repositories.records.kpis import Check, Connection, Rule
from services.rounds.lanes import LONGEST_WAIT_SECONDS, SLOW_SECONDS, Lanes

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def execution(number: int, connection: str = "here", *, max_parallel: int = 5) -> Execution:
    there = Connection(
        connection_id=connection,
        name=connection,
        provider="PostgreSQL",
        environment="Test",
        address="setting:X",
        is_encrypted=False,
        timeout_seconds=5,
        max_parallel=max_parallel,
    )
    check = Check(
        indicator_id=str(number),
        name=f"kpi {number}",
        schedule="60",
        slot_at=NOW,
        claimed_at=NOW,
        connection=there,
        sql="SELECT 1",
        timeout_seconds=5,
        rule=Rule(),
    )
    return Execution(job_id=f"{connection} {number}", lease_id="lease", check=check)


def opened(limit: int, clock: Clock) -> Lanes:
    lanes = Lanes(clock)
    assert lanes.open(limit) == 1
    return lanes


def job_id(found: Execution | None) -> str:
    assert found is not None
    return found.job_id


def start(lanes: Lanes) -> list[str]:
    """All that may start now."""
    started = []
    lanes.close()
    while one := lanes.next(1):
        started.append(one.job_id)
    return started


def test_no_more_run_at_once_than_the_process_may(clock: Clock) -> None:
    lanes = opened(3, clock)
    lanes.add(execution(number) for number in range(5))
    assert start(lanes) == ["here 0", "here 1", "here 2"]
    assert lanes.waiting == 2
    lanes.done(execution(1))
    assert start(lanes) == ["here 3"]


def test_no_more_run_on_a_connection_than_it_allows_and_connections_take_turns(
    clock: Clock,
) -> None:
    lanes = opened(10, clock)
    lanes.add(execution(number, "a", max_parallel=2) for number in range(4))
    lanes.add(execution(number, "b", max_parallel=1) for number in range(4))
    assert start(lanes) == ["a 0", "b 0", "a 1"]
    lanes.done(execution(0, "b"))
    assert start(lanes) == ["b 1"]


def test_what_goes_on_for_long_counts_no_more_for_the_process(clock: Clock) -> None:
    lanes = opened(2, clock)
    lanes.add(execution(number, "hangs", max_parallel=2) for number in range(9))
    lanes.add(execution(number, "works") for number in range(9))
    assert start(lanes) == ["hangs 0", "works 0"]
    lanes.done(execution(0, "works"))
    assert start(lanes) == ["hangs 1"]
    clock.now += SLOW_SECONDS + 0.1
    lanes.overlook_slow()
    assert lanes.missing == 2
    assert lanes.supplied() == ["hangs"]
    assert start(lanes) == ["works 1", "works 2"]


def test_what_waits_where_something_is_slow_starts_after_everything_else(clock: Clock) -> None:
    lanes = opened(2, clock)
    lanes.add(execution(number, "hangs", max_parallel=3) for number in range(4))
    assert start(lanes) == ["hangs 0", "hangs 1"]
    lanes.add(execution(number, "works", max_parallel=1) for number in range(2))
    assert (lanes.waiting, lanes.waiting_elsewhere) == (4, 4)
    clock.now += SLOW_SECONDS + 0.1
    lanes.overlook_slow()
    assert (lanes.waiting, lanes.waiting_elsewhere) == (4, 2)
    assert start(lanes) == ["works 0", "hangs 2"]
    lanes.done(execution(0, "works"))
    assert start(lanes) == ["works 1"]
    assert (lanes.waiting, lanes.waiting_elsewhere) == (1, 0)
    assert not lanes.is_quiet
    lanes.done(execution(1, "works"))
    assert lanes.is_quiet
    for number in range(3):
        lanes.done(execution(number, "hangs"))
    assert lanes.waiting_elsewhere == 1


def test_one_that_was_slow_frees_its_place_on_its_connection_only(clock: Clock) -> None:
    lanes = opened(1, clock)
    lanes.add([execution(0, "slow", max_parallel=1), execution(1, "slow", max_parallel=1)])
    assert start(lanes) == ["slow 0"]
    clock.now += SLOW_SECONDS + 0.1
    lanes.overlook_slow()
    assert lanes.missing == 1
    assert start(lanes) == []
    lanes.done(execution(0, "slow"))
    assert lanes.supplied() == []
    assert start(lanes) == ["slow 1"]
    lanes.done(execution(1, "slow"))
    assert lanes.is_empty


def test_what_waits_for_too_long_is_withdrawn(clock: Clock) -> None:
    lanes = opened(1, clock)
    lanes.add([execution(0), execution(1)])
    start(lanes)
    clock.now += LONGEST_WAIT_SECONDS
    lanes.add([execution(2)])
    assert [one.job_id for one in lanes.withdraw()] == ["here 1"]
    assert lanes.waiting == 1
    assert [one.job_id for one in lanes.withdraw(waited_for=0)] == ["here 2"]
    lanes.done(execution(0))
    assert start(lanes) == []
    assert lanes.is_empty


def test_a_connection_whose_limit_was_lowered_holds_to_it(clock: Clock) -> None:
    lanes = opened(9, clock)
    lanes.add([execution(0, max_parallel=3), execution(1, max_parallel=1)])
    assert start(lanes) == ["here 0"]


def test_threads_run_everything_once_and_never_too_many_at_once() -> None:
    lanes, guard = Lanes(lambda: 0.0), threading.Lock()
    opening = lanes.open(4)
    running: dict[str, int] = {}
    most: dict[str, int] = {}
    ran: list[str] = []

    def note(name: str, by: int) -> None:
        with guard:
            running[name] = running.get(name, 0) + by
            most[name] = max(most.get(name, 0), running[name])

    def work() -> None:
        while one := lanes.next(opening):
            for name in ("all", one.check.connection.name):
                note(name, 1)
            ran.append(one.job_id)
            for name in ("all", one.check.connection.name):
                note(name, -1)
            lanes.done(one)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    expected = []
    for number in range(500):
        one = execution(number, "abc"[number % 3], max_parallel=1 + number % 3)
        expected.append(one.job_id)
        lanes.add([one])
    while not lanes.is_empty:
        lanes.add([])
    lanes.close()
    for thread in threads:
        thread.join(10)
    assert sorted(ran) == sorted(expected)
    assert most["all"] <= 4
    assert (most["a"], most["b"] <= 2, most["c"] <= 3) == (1, True, True)


def test_a_copy_of_an_execution_frees_the_same_place(clock: Clock) -> None:
    lanes = opened(1, clock)
    lanes.add([execution(0)])
    start(lanes)
    lanes.done(replace(execution(0), retry_count=3))
    assert lanes.is_empty


def test_what_outlives_its_round_is_known_as_slow_in_the_next_and_its_thread_gets_nothing(
    clock: Clock,
) -> None:
    lanes = opened(2, clock)
    lanes.add([execution(0, "hangs", max_parallel=1)])
    assert start(lanes) == ["hangs 0"]
    clock.now += SLOW_SECONDS + 0.1
    lanes.overlook_slow()
    following = lanes.open(1)
    assert lanes.running == 1
    assert lanes.supplied() == ["hangs"]
    lanes.add([execution(1, "hangs", max_parallel=1), execution(0, "works")])
    assert lanes.next(1) is None
    assert job_id(lanes.next(following)) == "works 0"
    lanes.done(execution(0, "hangs"))
    lanes.done(execution(0, "works"))
    assert job_id(lanes.next(following)) == "hangs 1"
