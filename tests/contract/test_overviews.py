"""What is summed up of results, before and after they are rolled up by the hour."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from repositories.contracts.store import Store
from repositories.records.definitions import EVERY, DefinitionFilter
from repositories.records.executions import JobStatus, NewJob, Postponed
from repositories.records.kpis import Check, Result, Verdict
from repositories.records.overviews import DatabaseSummary, Series, WorkerOverview
from repositories.records.processes import Worker
from tests.contract.conftest import Lab
from tests.definitions import CONNECTION, KPI, check_of, define, result_of

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Found = tuple[str, Result]


@pytest.fixture(autouse=True)
def no_hour_ends() -> None:
    """A test asks several times, and compares: the hour must not end in between."""
    left = 3600 - time.time() % 3600
    if left < 30:
        time.sleep(left + 1)


def this_hour(store: Store) -> datetime:
    with store.read() as work:
        return work.hours.unrolled().until


def keep_all(store: Store, found: Sequence[Found]) -> None:
    checks = {name: check_of(store, name) for name in {name for name, _ in found}}
    pairs: list[tuple[Check, Result]] = [(checks[name], result) for name, result in found]
    with store.work() as work:
        assert work.results.add(pairs, worker_instance_id=None) == len(pairs)


def found_at(store: Store, name: str, at: datetime, **changes: object) -> Found:
    return name, result_of(check_of(store, name), checked_at=at, **changes)


def roll_up(store: Store, *, until: datetime | None = None) -> int:
    """As the service does; how many hours it was."""
    rolled, since = 0, None
    while True:
        with store.work() as work:
            unrolled = work.hours.unrolled(since=since)
            if unrolled.hour is None or unrolled.hour >= (until or unrolled.until):
                work.hours.close(until or unrolled.until)
                return rolled
            work.hours.roll_up(unrolled.hour)
            since, rolled = unrolled.hour + HOUR, rolled + 1


def databases(store: Store, filters: DefinitionFilter = EVERY, **page: object) -> list[str]:
    with store.read() as work:
        found = work.overviews.databases(filters, **{"limit": 99} | page)  # type: ignore[arg-type]
    return [one.name for one in found]


def summaries(store: Store) -> Sequence[DatabaseSummary]:
    with store.read() as work:
        return work.overviews.databases(EVERY, limit=99)


def series(
    store: Store, name: str, hours: int, bucket_seconds: int, *, by_hours: bool = False
) -> Series:
    with store.read() as work:
        found = work.overviews.series(
            name, hours=hours, bucket_seconds=bucket_seconds, by_hours=by_hours
        )
    assert found is not None
    return found


def expected(
    connection: str, found: Sequence[Found], places: dict[str, str], hour: datetime
) -> tuple[object, ...]:
    """A summary, counted one by one."""
    own = [result for name, result in found if places[name] == connection]
    week = [one for one in own if one.checked_at >= hour - timedelta(days=7)]
    counts = Counter(one.status for one in week)
    newest = max(own, key=lambda one: one.checked_at, default=None)
    return (
        newest and newest.checked_at,
        newest and newest.status,
        len(week),
        *(counts[verdict] for verdict in Verdict),
        round(Decimal(100 * counts[Verdict.HEALTHY]) / len(week), 2) if week else None,
        pytest.approx(sum(one.duration_ms for one in week) / len(week)) if week else None,
    )


def counted(summary: DatabaseSummary) -> tuple[object, ...]:
    return (
        summary.checked_at,
        summary.status,
        summary.checks_7d,
        summary.healthy_7d,
        summary.warning_7d,
        summary.critical_7d,
        summary.error_7d,
        summary.healthy_percent_7d,
        summary.mean_duration_ms_7d,
    )


PLACES = {"a1": "alpha", "a2": "alpha", "b1": "beta", "c0": "gamma"}
"""KPIs and their connections; c0 has no results."""


def some_results(store: Store, seed: int) -> list[Found]:
    """Of nine days, many of them where an hour, a day or the week begins."""
    chance, hour = random.Random(seed), this_hour(store)  # noqa: S311 - no secret
    define(store, *(replace(KPI, name=name, connection=place) for name, place in PLACES.items()))
    edges = [
        hour - n * HOUR + timedelta(microseconds=m) for n in (0, 1, 24, 168) for m in (-1, 0, 1)
    ]
    spread = [
        hour + timedelta(minutes=1) - timedelta(seconds=chance.uniform(0, 9 * 86400))
        for _ in range(150)
    ]
    checks = {name: check_of(store, name) for name in ("a1", "a2", "b1")}
    now = min(check.claimed_at for check in checks.values())
    found = []
    for at in {min(at, now) for at in edges + spread}:
        name = chance.choice([*checks])
        value = chance.choice([Decimal(chance.randint(-999, 999)) / 100, "text", None])
        found.append(
            (
                name,
                result_of(
                    checks[name],
                    checked_at=at,
                    status=chance.choice([*Verdict]),
                    value=value,
                    duration_ms=float(chance.randint(0, 9999)) / 8,
                ),
            )
        )
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_summary_is_what_one_counts_whatever_is_rolled_up(store: Store, seed: int) -> None:
    found = some_results(store, seed)
    keep_all(store, found)
    hour = this_hour(store)
    want = {name: expected(name, found, PLACES, hour) for name in PLACES.values()}
    assert {one.name: counted(one) for one in summaries(store)} == want
    for hours in (200, 168, 100, 1, 0):
        roll_up(store, until=hour - hours * HOUR)
        assert {one.name: counted(one) for one in summaries(store)} == want, hours
    assert roll_up(store) <= 1
    assert {one.name: counted(one) for one in summaries(store)} == want


@pytest.mark.parametrize("seed", range(2))
def test_a_series_is_what_one_counts_whatever_is_rolled_up(store: Store, seed: int) -> None:
    found = some_results(store, seed)
    keep_all(store, found)
    hour = this_hour(store)
    for rolled in (None, 150, 2, 0):
        if rolled is not None:
            roll_up(store, until=hour - rolled * HOUR)
        for hours, seconds in ((200, 7200), (9 * 24, 3600), (24, 86400)):
            by_hours = series(store, "a1", hours, seconds, by_hours=True)
            every = series(store, "a1", hours, seconds)
            assert by_hours.buckets == every.buckets == _buckets_of(found, every)
            assert by_hours.since == every.since
    for hours, seconds in ((1, 7), (5, 97), (216, 1000)):
        got = series(store, "a1", hours, seconds)
        assert got.buckets == _buckets_of(found, got)
        assert got.since <= got.until - timedelta(hours=hours)
        assert got.since + timedelta(seconds=seconds) > got.until - timedelta(hours=hours)


def _buckets_of(found: Sequence[Found], asked: Series) -> list[Any]:
    width = timedelta(seconds=asked.bucket_seconds)
    own = [result for name, result in found if name == asked.kpi]
    starts = {EPOCH + (one.checked_at - EPOCH) // width * width for one in own}
    buckets = []
    for at in sorted(start for start in starts if start >= asked.since):
        inside = [one for one in own if at <= one.checked_at < at + width]
        values = [one.value for one in inside if isinstance(one.value, Decimal)]
        buckets.append(
            _Same(
                at,
                min(values, default=None),
                max(values, default=None),
                sum(values) / len(values) if values else None,
                len(inside),
                max((one.status for one in inside), key=[*Verdict].index),
            )
        )
    return buckets


class _Same:
    """Equal to a bucket of these values; a mean is not exact on every engine."""

    def __init__(self, *values: object) -> None:
        self._values = values

    def __eq__(self, other: object) -> bool:
        at, least, most, mean, count, worst = self._values
        return (
            getattr(other, "at", None) == at
            and getattr(other, "min", None) == least
            and getattr(other, "max", None) == most
            and getattr(other, "mean", None) == (mean and pytest.approx(mean))
            and getattr(other, "count", None) == count
            and getattr(other, "worst", None) == worst
        )

    __hash__ = None  # type: ignore[assignment]


def test_a_series_of_no_results_is_empty_and_one_of_no_kpi_is_none(store: Store) -> None:
    define(store)
    for by_hours in (False, True):
        assert series(store, "one", 24, 3600, by_hours=by_hours).buckets == []
        with store.read() as work:
            assert work.overviews.series("x", hours=1, bucket_seconds=60, by_hours=by_hours) is None


def test_a_series_has_the_unit_and_huge_numbers_as_they_are(store: Store) -> None:
    define(store)
    check = check_of(store)
    huge = Decimal("123456789012345678.25")
    keep_all(store, [("one", result_of(check, value=huge, checked_at=check.claimed_at))])
    found = series(store, "one", 1, 3600)
    assert (found.unit, found.buckets[-1].min, found.buckets[-1].max) == ("s", huge, huge)
    assert found.buckets[-1].mean == pytest.approx(huge)


def test_what_comes_late_counts_once_its_hour_is_rolled_up_again(store: Store) -> None:
    define(store)
    hour = this_hour(store)
    keep_all(store, [found_at(store, "one", hour - timedelta(minutes=30))])
    assert roll_up(store) == 1
    keep_all(store, [found_at(store, "one", hour - timedelta(minutes=20))])
    (before,) = summaries(store)
    assert roll_up(store) == 1
    (after,) = summaries(store)
    assert (before.checks_7d, after.checks_7d) == (1, 2)


def test_what_comes_later_than_that_stays_out_of_the_summary(store: Store) -> None:
    define(store)
    hour = this_hour(store)
    keep_all(store, [found_at(store, "one", hour - timedelta(minutes=30))])
    roll_up(store)
    keep_all(store, [found_at(store, "one", hour - timedelta(minutes=90))])
    assert roll_up(store) == 1
    (summary,) = summaries(store)
    assert summary.checks_7d == 1


def test_rolling_up_again_changes_nothing(store: Store) -> None:
    found = some_results(store, 7)
    keep_all(store, found)
    roll_up(store)
    before = summaries(store), series(store, "a1", 216, 3600, by_hours=True).buckets
    with store.work() as work:
        for _, result in found[:40]:
            at = result.checked_at.replace(minute=0, second=0, microsecond=0)
            if at < this_hour(store):
                work.hours.roll_up(at)
    assert (summaries(store), series(store, "a1", 216, 3600, by_hours=True).buckets) == before


def test_the_hour_that_goes_on_is_not_rolled_up(store: Store) -> None:
    define(store)
    keep_all(store, [found_at(store, "one", check_of(store).claimed_at)])
    assert roll_up(store) == 0
    with store.read() as work:
        unrolled = work.hours.unrolled()
    assert unrolled.hour is None
    assert unrolled.until.minute == unrolled.until.second == 0


def test_hours_without_results_are_passed_over(store: Store) -> None:
    define(store)
    hour = this_hour(store)
    times = [hour - timedelta(days=80), hour - timedelta(days=3), hour - timedelta(minutes=1)]
    keep_all(store, [found_at(store, "one", at) for at in times])
    assert roll_up(store) == 3


def test_a_connection_without_kpis_has_a_summary_without_figures(store: Store) -> None:
    with store.work() as work:
        work.connections.add(CONNECTION, actor="test")
    (summary,) = summaries(store)
    assert counted(summary) == (None, None, 0, 0, 0, 0, 0, None, None)


def test_summaries_are_filtered_and_paged_by_name(store: Store) -> None:
    with store.work() as work:
        for connection in (
            replace(CONNECTION, name="a", environment="Test", tags=("eu", "gold")),
            replace(CONNECTION, name="b", environment="Prod", provider="MySQL"),
            replace(CONNECTION, name="c", environment="Prod", is_enabled=False, tags=("golden",)),
        ):
            work.connections.add(connection, actor="test")
    assert databases(store) == ["a", "b", "c"]
    assert databases(store, DefinitionFilter(environment="Prod")) == ["b", "c"]
    assert databases(store, DefinitionFilter(provider="MySQL")) == ["b"]
    assert databases(store, DefinitionFilter(tag="gold")) == ["a"]
    assert databases(store, DefinitionFilter(enabled=False)) == ["c"]
    assert databases(store, DefinitionFilter(enabled=True, environment="Prod")) == ["b"]
    assert databases(store, after="a", limit=1) == ["b"]


def test_a_kpi_that_goes_takes_its_hours_with_it(store: Store) -> None:
    define(store, replace(KPI, name="one"), replace(KPI, name="two"))
    hour = this_hour(store)
    keep_all(store, [found_at(store, name, hour - HOUR) for name in ("one", "two")])
    roll_up(store)
    with store.work() as work:
        check = work.indicators.check("one")
        assert check is not None
        work.results.remove_of(check.indicator_id, batch=10)
        assert work.indicators.remove("one", version=1)
    (summary,) = summaries(store)
    assert summary.checks_7d == 1


def test_hours_are_removed_when_they_are_old(store: Store) -> None:
    define(store)
    hour = this_hour(store)
    keep_all(store, [found_at(store, "one", hour - timedelta(days=n)) for n in (1, 5, 6)])
    roll_up(store)
    with store.single() as work:
        assert work.retention.remove("database_monitoring_hours", days=3, batch=1) == 1
        assert work.retention.remove("database_monitoring_hours", days=3, batch=10) == 1
        assert work.retention.remove("database_monitoring_hours", days=3, batch=10) == 0
    (summary,) = summaries(store)
    assert summary.checks_7d == 1


def registered(store: Store, name: str, environment: str = "Test") -> str:
    worker = Worker(
        worker_instance_id=str(uuid4()),
        worker_name=name,
        machine_name="m",
        process_id=7,
        version="1.0",
        environment=environment,
    )
    with store.single() as work:
        return work.workers.register(worker)


def workers(store: Store, **asked: object) -> Sequence[WorkerOverview]:
    with store.read() as work:
        return work.overviews.workers(**{"limit": 99} | asked)  # type: ignore[arg-type]


def names(found: Sequence[WorkerOverview]) -> list[str]:
    return [one.worker_name for one in found]


def test_workers_come_newest_first_and_are_filtered(lab: Lab) -> None:
    store = lab.store
    registered(store, "old", "Prod")
    lab.let_time_pass(seconds=100)
    stopped = registered(store, "stopped")
    registered(store, "new")
    with store.single() as work:
        work.workers.beat(stopped, status="Stopped", figures=[])
    assert sorted(names(workers(store))) == ["new", "old", "stopped"]
    assert names(workers(store, environment="Prod")) == ["old"]
    assert names(workers(store, statuses=["Stopped", "Error"])) == ["stopped"]
    assert names(workers(store, states=["stale"])) == ["old"]
    assert names(workers(store, states=["healthy"])) == ["new"]
    assert sorted(names(workers(store, states=["healthy", "down"]))) == ["new", "stopped"]
    (first, *others) = workers(store)
    place = first.started_at, first.worker_instance_id
    assert names(workers(store, before=place, limit=5)) == names(others)


def test_a_worker_has_its_running_and_queued_jobs(store: Store) -> None:
    define(store)
    worker_id = registered(store, "one")
    check = check_of(store)
    jobs = [
        NewJob(
            job_id=str(uuid4()),
            check=check,
            status=status,
            lease_id=str(uuid4()) if status is JobStatus.RUNNING else None,
            lease_seconds=60,
        )
        for status in (JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.CANCELLED)
    ]
    with store.work() as work:
        work.executions.add(jobs, worker_instance_id=worker_id)
        work.executions.postpone([_postponed(jobs[0])])
    (worker,) = workers(store)
    assert (worker.running_jobs, worker.queued_jobs) == (1, 1)
    assert (worker.status, worker.state) == ("Running", "healthy")
    assert worker.age_seconds < 30


def _postponed(job: NewJob) -> Postponed:
    assert job.lease_id is not None
    return Postponed(
        job_id=job.job_id,
        lease_id=job.lease_id,
        retry_count=1,
        delay_seconds=60,
        error_message="lost",
        error_type=None,
    )


def test_a_worker_is_there_or_not(store: Store) -> None:
    worker_id = registered(store, "one")
    with store.read() as work:
        assert work.overviews.has_worker(worker_id)
        assert not work.overviews.has_worker(str(uuid4()))
