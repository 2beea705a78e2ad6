"""What the server says of itself, on every engine; where it cannot, it says why."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from repositories.records.server import Measured, MissingIndex
from repositories.sqlserver.connections import connect
from repositories.urls import parse
from services.activity import Activity, ActivityService, ActivityType, Connections
from services.caching import Cache
from services.parts import NotAvailable
from services.performance import Performance, PerformanceService, StagesPart, TaskTypesPart
from services.statistics import DatabaseStatistics, StatisticsService
from tests.contract.conftest import Lab, SqlServerLab
from tests.server_fakes import percentile

JOB = "a" * 64
INDEXES = """
SELECT COUNT(*)
  FROM sys.indexes AS listed
 WHERE listed.object_id IN (OBJECT_ID('app.jobs'), OBJECT_ID('app.tasks'))
   AND listed.is_primary_key = 0
   AND listed.name IS NOT NULL
"""
OURS = {
    "jobs": ("created_at", "failed", "job_type", "status", "updated_at"),
    "tasks": ("created_at", "failed", "of_job", "stage", "status", "task_type", "updated_at"),
}
PARTS_OF_THE_SERVER = {
    *("tables", "indexes", "unused_indexes", "cache_hit_ratio", "waits"),
    *("slow_statements", "resources", "activity"),
}


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def add_ended_task(lab: Lab, number: int, ended_at: datetime, **columns: Any) -> None:
    """One that worked for `number` seconds after 10 seconds in the queue."""
    started_at = ended_at - timedelta(seconds=number)
    lab.add_task(
        **{
            "task_id": f"t{number}-{ended_at.timestamp()}-{columns.get('stage', 1)}",
            "parent_job_id": JOB,
            "task_type": "read",
            "status": "completed",
            "created_at": started_at - timedelta(seconds=10),
            "started_at": started_at,
            "updated_at": ended_at,
            **columns,
        }
    )


def by_group(rows: list[Measured]) -> dict[tuple[str, str, int | None, str, bool], Measured]:
    return {(row.kind, row.name, row.stage, row.metric, bool(row.is_now)): row for row in rows}


def task_times(lab: Lab, hours: int = 24) -> dict[Any, Measured]:
    with lab.jobs.read() as work:
        return by_group(work.performance.task_times(hours=hours, limit=100))


def test_times_of_tasks_are_measured_from_their_start_and_from_their_creation(
    lab: Lab, now: datetime
) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    seconds = [1, 2, 3, 5, 8, 13, 21, 34]
    for number in seconds:
        add_ended_task(lab, number, now - timedelta(hours=1))
    found = task_times(lab)
    for kind, stage in (("stage", 1), ("task_type", None)):
        working = found[kind, "read", stage, "working", True]
        total = found[kind, "read", stage, "total", True]
        waited = found[kind, "read", stage, "queue_wait", True]
        assert (working.ended, working.failed, waited.known) == (8, 0, 8)
        for row, extra in ((working, 0), (total, 10)):
            times = [1000.0 * (number + extra) for number in seconds]
            assert row.mean_ms == pytest.approx(sum(times) / len(times))
            assert row.p50_ms == pytest.approx(percentile(times, 0.5))
            assert row.p95_ms == pytest.approx(percentile(times, 0.95))
            assert row.p99_ms == pytest.approx(percentile(times, 0.99))
            assert row.max_ms == pytest.approx(max(times))
        assert waited.p50_ms == waited.p95_ms == pytest.approx(10_000)


def test_tasks_are_told_apart_by_type_and_stage(lab: Lab, now: datetime) -> None:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2)
    add_ended_task(lab, 1, now)
    add_ended_task(lab, 2, now, stage=2)
    add_ended_task(lab, 3, now, stage=2, task_type="write", status="failed")
    found = task_times(lab)
    stages = {key[1:3]: row.p50_ms for key, row in found.items() if key[0::3] == ("stage", "total")}
    assert stages == {("read", 1): 11_000, ("read", 2): 12_000, ("write", 2): 13_000}
    assert found["task_type", "read", None, "working", True].ended == 2
    assert found["task_type", "write", None, "working", True].failed == 1


def test_a_task_whose_start_is_unknown_works_from_its_creation_on(lab: Lab, now: datetime) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    add_ended_task(lab, 5, now, started_at=None)
    add_ended_task(lab, 7, now)
    found = task_times(lab)
    working = found["task_type", "read", None, "working", True]
    waited = found["task_type", "read", None, "queue_wait", True]
    assert (working.known, waited.ended, waited.known) == (2, 2, 1)
    assert working.p50_ms == pytest.approx(11_000)
    assert waited.p50_ms == pytest.approx(10_000)


def test_what_goes_on_is_not_measured_and_a_clock_that_went_back_counts_as_no_time(
    lab: Lab, now: datetime
) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    add_ended_task(lab, 5, now, status="processing")
    add_ended_task(lab, 6, now, created_at=now + timedelta(hours=1), started_at=None)
    found = task_times(lab)
    row = found["task_type", "read", None, "working", True]
    assert (row.ended, row.p50_ms, row.max_ms) == (1, 0, 0)


def test_the_window_before_is_measured_by_itself(lab: Lab, now: datetime) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    for number in (1, 2, 3):
        add_ended_task(lab, number, now - timedelta(hours=1))
        add_ended_task(lab, 10 * number, now - timedelta(hours=3))
        add_ended_task(lab, 100 * number, now - timedelta(hours=5))
    found = task_times(lab, hours=2)
    assert found["stage", "read", 1, "working", True].p50_ms == pytest.approx(2_000)
    assert found["stage", "read", 1, "working", False].p50_ms == pytest.approx(20_000)
    assert found["stage", "read", 1, "working", False].ended == 3
    assert ("stage", "read", 1, "total", False) not in found


def test_times_of_jobs_are_by_type(lab: Lab, now: datetime) -> None:
    for number in range(5):
        lab.add_job(
            job_id=f"{number:064x}",
            job_type="x" if number else "y",
            status="failed" if number == 1 else "completed",
            created_at=now - timedelta(seconds=10 * number),
            updated_at=now,
        )
    with lab.jobs.read() as work:
        found = by_group(work.performance.job_times(hours=1, limit=10))
    jobs = found["job_type", "x", None, "total", True]
    assert (jobs.ended, jobs.failed) == (4, 1)
    assert jobs.p50_ms == pytest.approx(25_000)
    assert found["job_type", "y", None, "total", True].p50_ms == 0


def test_each_hour_has_what_was_created_and_what_ended_in_it(lab: Lab, now: datetime) -> None:
    earlier = now - timedelta(hours=3)
    lab.add_job(job_id=JOB, job_type="x", created_at=earlier, updated_at=now, status="completed")
    lab.add_job(job_id="b" * 64, job_type="x", status="failed", created_at=earlier, updated_at=now)
    for number in range(3):
        status = "failed" if number == 2 else "completed"
        add_ended_task(lab, number, now, status=status, created_at=earlier, started_at=None)
    with lab.jobs.read() as work:
        hours = {
            one.hour: (
                *(one.jobs_created, one.jobs_completed, one.jobs_failed),
                *(one.tasks_created, one.tasks_completed, one.tasks_failed),
            )
            for one in work.statistics.activity_by_hour(hours=12)
        }
    assert len(hours) == 12
    assert all(b - a == timedelta(hours=1) for a, b in zip(hours, [*hours][1:], strict=False))
    assert hours[earlier.replace(minute=0, second=0)] == (2, 0, 0, 3, 0, 0)
    assert hours[now.replace(minute=0, second=0)] == (0, 1, 1, 0, 2, 1)
    assert sum(map(sum, hours.values())) == 10


def test_the_indexes_that_our_questions_want_are_all_there(lab: Lab) -> None:
    with lab.jobs.read() as work:
        assert list(work.statistics.missing_indexes()) == []


def test_on_sql_server_each_index_that_is_dropped_is_missing_until_its_ddl_is_run(
    sqlserver_lab: SqlServerLab, sqlserver_url: str
) -> None:
    names = {f"ix_{table}_{name}": table for table, ends in OURS.items() for name in ends}
    with closing(connect(parse(sqlserver_url))) as connection:
        assert connection.execute(INDEXES).fetchval() == len(names)
        for name, table in names.items():
            connection.execute(f"DROP INDEX {name} ON app.{table}")
        assert connection.execute(INDEXES).fetchval() == 0
    found = missing_indexes(sqlserver_lab)
    for one in found:
        sqlserver_lab.execute(one.ddl)
    assert {one.ddl.split("]")[0]: one.table for one in found} == {
        f"CREATE INDEX [{name}": table for name, table in names.items()
    }
    assert missing_indexes(sqlserver_lab) == []


def missing_indexes(lab: Lab) -> list[MissingIndex]:
    with lab.jobs.read() as work:
        return [*work.statistics.missing_indexes()]


def test_a_connection_is_counted_with_its_login_and_application(lab: Lab) -> None:
    with lab.jobs.read() as work:
        groups = work.activity.connections()
        server = work.statistics.server()
    assert any(group.application == "watchkeeper-read" and group.user for group in groups)
    assert 0 < sum(group.connections for group in groups) <= server.max_connections
    assert server.version


def parts_of(answer: DatabaseStatistics | Performance | Activity) -> Iterator[tuple[str, object]]:
    for name in answer.__slots__:
        part = getattr(answer, name)
        if hasattr(part, "status"):
            yield name, part


def test_every_part_of_the_statistics_is_there_or_says_why_not(lab: Lab) -> None:
    found = StatisticsService(lab.jobs, cache=Cache(0)).statistics().value
    parts = dict(parts_of(found))
    assert len(parts) == 9
    away = {name for name, part in parts.items() if isinstance(part, NotAvailable)}
    assert away <= PARTS_OF_THE_SERVER
    assert all(part.reason for part in parts.values() if isinstance(part, NotAvailable))


def test_every_part_of_the_performance_is_there_or_says_why_not(lab: Lab, now: datetime) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    for number in range(1, 26):
        add_ended_task(lab, number, now - timedelta(hours=1))
        add_ended_task(lab, 4 * number, now - timedelta(hours=25))
    found = PerformanceService(lab.jobs, cache=Cache(0)).performance(hours=24).value
    away = {name for name, part in parts_of(found) if isinstance(part, NotAvailable)}
    assert away <= PARTS_OF_THE_SERVER
    assert isinstance(found.stages, StagesPart)
    assert isinstance(found.task_types, TaskTypesPart)
    (stage,), (kind,) = found.stages.stages, found.task_types.task_types
    assert (stage.task_type, stage.stage, stage.count, stage.verdict) == ("read", 1, 25, "faster")
    assert (kind.working_ms.p50, kind.queue_wait_known) == (13_000, 25)
    assert (kind.change.ended_before, kind.change.p50_ratio) == (25, 0.25)


@pytest.mark.parametrize("kind", get_args(ActivityType))
def test_every_kind_of_activity_is_there_or_says_why_not(lab: Lab, kind: ActivityType) -> None:
    found = ActivityService(lab.jobs).activity(kind, min_ms=None, limit=10)
    assert (found.type, found.restricted, found.missing_right) == (kind, False, None)
    assert found.activity.status in {"available", "not available"}
    if kind == "connections":
        assert isinstance(found.activity, Connections)
        assert found.activity.total >= 1
