"""Whether a timer was missed, on the fakes."""

import json
from pathlib import Path

import pytest

from services.timers import LONGEST_RUN, TimerService, TimerState
from tests.fake_clocks import FakeClock
from tests.fakes import FakeStore

HOST = json.loads((Path(__file__).parents[2] / "host.json").read_text("utf-8"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def timers(clock: FakeClock) -> TimerService:
    return TimerService(FakeStore(clock), {"x": "*/10 * * * * *"}, clock=clock)


def run(timers: TimerService, clock: FakeClock, seconds: float) -> None:
    timers.begin("x")
    clock.move(seconds=seconds)
    timers.record("x", succeeded=True, duration_ms=seconds * 1000, late=False)


def state_of(timers: TimerService) -> TimerState:
    (state,) = timers.states()
    return state


def test_a_run_that_goes_on_is_not_missed(timers: TimerService, clock: FakeClock) -> None:
    run(timers, clock, 1)
    clock.move(seconds=5)
    timers.begin("x")
    began = clock()
    for _ in range(5):
        clock.move(seconds=55)
        state = state_of(timers)
        assert (state.missed, state.overdue_seconds, state.running_since) == (False, 0, began)
        assert state.succeeded


def test_it_is_missed_where_none_begins_after_one_that_ended(
    timers: TimerService, clock: FakeClock
) -> None:
    run(timers, clock, 280)
    clock.move(seconds=60)
    assert (state_of(timers).missed, state_of(timers).running_since) == (False, None)
    clock.move(seconds=15)
    assert (state_of(timers).missed, state_of(timers).overdue_seconds) == (True, 65)


def test_a_run_of_a_process_that_is_gone_hides_nothing(
    timers: TimerService, clock: FakeClock
) -> None:
    run(timers, clock, 1)
    clock.move(seconds=9)
    timers.begin("x")
    clock.move(seconds=LONGEST_RUN.total_seconds())
    state = state_of(timers)
    assert (state.missed, state.running_since) == (True, None)
    assert state.overdue_seconds == LONGEST_RUN.total_seconds() - 10


def test_a_first_run_has_neither_succeeded_nor_failed(
    timers: TimerService, clock: FakeClock
) -> None:
    timers.begin("x")
    clock.move(seconds=90)
    state = state_of(timers)
    assert (state.succeeded, state.last_run_at, state.missed) == (None, None, False)


def test_no_run_lasts_longer_than_the_host_lets_it() -> None:
    assert HOST["functionTimeout"] == f"0{LONGEST_RUN}"
