"""What is said of trouble where a part of it cannot be asked, and when a rate is too high."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from repositories.errors import BadStatement, NotAllowed, StatementTimeout, Unavailable
from repositories.records.trouble import FailureRate
from services.caching import Cache
from services.failures import trend_of
from services.job_health import JobHealthService, fails_too_often
from services.parts import NotAvailable
from services.poison import PoisonService
from tests.fakes import FakeJobsDatabase, FakeStore


class Failing(FakeJobsDatabase):
    """The sessions of these numbers fail, counted from 1."""

    def __init__(self, error: Exception, *sessions: int) -> None:
        super().__init__()
        self._error, self._failing, self._opened = error, sessions, 0

    @contextmanager
    def read(self) -> Iterator[FakeJobsDatabase]:
        self._opened += 1
        if self._opened in self._failing:
            raise self._error
        yield self


def poison_of(jobs: FakeJobsDatabase, store: FakeStore | None = None) -> PoisonService:
    return PoisonService(store or FakeStore(), jobs, cache=Cache(0))


@pytest.mark.parametrize("error", [NotAllowed(), BadStatement(), StatementTimeout()])
def test_a_part_that_cannot_be_had_leaves_the_others(error: Exception) -> None:
    report = poison_of(Failing(error, 1)).report(limit=5).value
    assert report.stuck_tasks == NotAvailable(str(error))
    assert not isinstance(report.stalled_jobs, NotAvailable)
    assert not isinstance(report.orphans, NotAvailable)


def test_a_database_that_is_too_slow_for_the_first_parts_is_for_all() -> None:
    with pytest.raises(StatementTimeout):
        poison_of(Failing(StatementTimeout(), 1, 2)).report(limit=5)


def test_a_jobs_database_that_is_gone_leaves_nothing_to_say() -> None:
    with pytest.raises(Unavailable):
        poison_of(Failing(Unavailable(), 4)).report(limit=5)


def test_a_store_that_is_gone_takes_the_dead_letters_with_it_only() -> None:
    store = FakeStore()
    store.fail_with = Unavailable()
    report = poison_of(FakeJobsDatabase(), store).report(limit=5).value
    assert isinstance(report.dead_letters, NotAvailable)
    assert not isinstance(report.stuck_tasks, NotAvailable)


def test_health_is_degraded_where_a_part_cannot_be_asked_and_unhealthy_where_none_can() -> None:
    partly = JobHealthService(Failing(StatementTimeout(), 2), cache=Cache(0)).report().value
    assert (partly.status, partly.components["tasks"].status) == ("degraded", "degraded")
    gone = JobHealthService(Failing(Unavailable(), 1), cache=Cache(0)).report().value
    assert (gone.status, set(gone.components)) == ("unhealthy", {"database"})


def test_policies_that_a_server_does_not_know_hide_nothing() -> None:
    report = JobHealthService(Failing(BadStatement(), 7), cache=Cache(0)).report().value
    access = report.components["access"]
    assert access.status == "healthy"
    assert isinstance(access.facts["tables_with_row_security"], NotAvailable)


@pytest.mark.parametrize(
    ("recent", "normal", "too_often"),
    [
        ((0, 0), (0, 0), False),
        ((4, 0), (0, 100), False),
        ((5, 0), (0, 0), True),
        ((5, 95), (0, 100), True),
        ((5, 96), (0, 100), False),
        ((10, 90), (5, 95), True),
        ((10, 90), (6, 94), False),
        ((50, 50), (50, 50), False),
    ],
)
def test_a_failure_rate_is_too_high_where_it_is_not_small_and_twice_the_normal(
    recent: tuple[int, int], normal: tuple[int, int], too_often: bool
) -> None:
    rate = FailureRate(
        recent_failed=recent[0],
        recent_completed=recent[1],
        normal_failed=normal[0],
        normal_completed=normal[1],
    )
    assert fails_too_often(rate) is too_often


@pytest.mark.parametrize(
    ("count", "before", "direction"),
    [
        *((1, 0, "new"), (3, 2, "rising"), (2, 3, "falling"), (14, 10, "steady")),
        *((5, 5, "steady"), (7, 10, "steady"), (1, 100, "falling")),
    ],
)
def test_a_trend_is_by_half_as_many_again(count: int, before: int, direction: str) -> None:
    assert trend_of(count, before).direction == direction
