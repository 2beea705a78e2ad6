"""The frame around a timer, on the fakes."""

import logging

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from repositories.errors import Unavailable
from services.timers import TimerService
from tests.fakes import FakeStore
from triggers.tick import tick

ON_TIME: func.TimerRequest = TimerRequest(past_due=False)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def timers(store: FakeStore) -> TimerService:
    return TimerService(store, {"x": "0 * * * * *"}, clock=store.clock)


def test_a_tick_is_recorded_with_its_outcome(store: FakeStore, timers: TimerService) -> None:
    tick(timers, "x", ON_TIME, lambda: 7, alone=False)
    (metric,) = store.metrics.totals()
    assert (metric.job_id, metric.success_count, metric.failure_count) == ("timer:x", 1, 0)


def test_a_tick_is_known_to_run_until_it_is_recorded(timers: TimerService) -> None:
    seen = []
    tick(timers, "x", ON_TIME, lambda: seen.append(timers.states()[0].running_since), alone=False)
    assert None not in seen
    assert timers.states()[0].running_since is None


def test_a_failure_is_recorded_logged_and_raised_again(
    store: FakeStore, timers: TimerService, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        tick(timers, "x", ON_TIME, fail, alone=False)
    (metric,) = store.metrics.totals()
    assert metric.failure_count == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_alone_means_that_a_second_one_ends_at_once(
    store: FakeStore, timers: TimerService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with store.lock("timer:x"):
        tick(timers, "x", ON_TIME, lambda: pytest.fail("it ran"), alone=True)
    assert "skipped" in caplog.text
    assert store.metrics.totals() == []


def test_the_outcome_stands_where_it_cannot_be_recorded(
    store: FakeStore, timers: TimerService, caplog: pytest.LogCaptureFixture
) -> None:
    def act() -> None:
        store.fail_with = Unavailable()

    tick(timers, "x", ON_TIME, act, alone=False)
    assert "tick not recorded" in caplog.text
