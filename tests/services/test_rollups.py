"""Rolling up by the hour: all that is over, and again what may have come late."""

from datetime import UTC, datetime, timedelta

from repositories.records.kpis import Verdict
from services.rollups import LONGEST_SECONDS, RollupService
from tests.definitions import check_of, define, result_of
from tests.fake_clocks import FakeClock
from tests.fakes import FakeStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def store_with(*hours_ago: float) -> FakeStore:
    """At five past twelve, with results of then."""
    store = FakeStore(FakeClock(NOON + timedelta(minutes=5)))
    define(store)
    check = check_of(store)
    results = [
        result_of(check, checked_at=NOON - timedelta(hours=hours), status=Verdict.HEALTHY)
        for hours in hours_ago
    ]
    store.results.add([(check, result) for result in results], worker_instance_id=None)
    return store


def rolled_hours(store: FakeStore) -> list[int]:
    return sorted(hour.hour for _, hour in store.hours.rolled)


def test_every_hour_that_is_over_is_rolled_up_and_none_that_goes_on() -> None:
    store = store_with(3.5, 0.5, -0.05)
    assert RollupService(store).roll_up() == {"hours": 2, "summaries": 2}
    assert rolled_hours(store) == [8, 11]
    assert store.hours.rolled_until == NOON


def test_a_run_does_the_last_hour_once_more_and_no_other() -> None:
    store = store_with(3.5, 0.5)
    service = RollupService(store)
    service.roll_up()
    assert service.roll_up() == {"hours": 1, "summaries": 1}
    store.clock.move(hours=2)
    assert service.roll_up() == {"hours": 1, "summaries": 1}
    assert service.roll_up() == {"hours": 0, "summaries": 0}


def test_a_run_without_results_says_what_is_over() -> None:
    store = store_with()
    assert RollupService(store).roll_up() == {"hours": 0, "summaries": 0}
    assert store.hours.rolled_until == NOON


def test_a_long_run_stops_and_the_next_one_goes_on() -> None:
    store = store_with(*(hours + 0.5 for hours in range(10)))
    times = iter([0.0, 1.0, 2.0, LONGEST_SECONDS, LONGEST_SECONDS + 1])
    assert RollupService(store, clock=lambda: next(times)).roll_up()["hours"] == 2
    assert store.hours.rolled_until == NOON - timedelta(hours=8)
    assert RollupService(store).roll_up()["hours"] == 9
    assert store.hours.rolled_until == NOON
