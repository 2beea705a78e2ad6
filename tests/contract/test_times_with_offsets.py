"""A jobs database of another application on SQL Server, whose times say which zone they are in."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest

from repositories.contracts.jobs import JobsDatabase
from repositories.jobs_database import SqlJobsDatabase
from repositories.records.filters import ChangeTime
from repositories.sqlserver import SqlServerDatabase
from repositories.sqlserver.connections import connect
from repositories.urls import parse

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOURS = (0, 2, -5, 14, 5.5)
COUNT = 10
CAST = "CAST(? AS datetimeoffset(7))"
TABLES = (
    "CREATE SCHEMA elsewhere",
    """
    CREATE TABLE elsewhere.jobs (
        job_id     nvarchar(64)      NOT NULL PRIMARY KEY,
        job_type   nvarchar(50)      NOT NULL,
        status     nvarchar(25)      NOT NULL,
        created_at datetimeoffset(7) NOT NULL,
        updated_at datetimeoffset(7) NOT NULL)
    """,
    """
    CREATE TABLE elsewhere.tasks (
        task_id       nvarchar(100)     NOT NULL PRIMARY KEY,
        parent_job_id nvarchar(64)      NOT NULL,
        task_type     nvarchar(50)      NOT NULL,
        status        nvarchar(25)      NOT NULL,
        created_at    datetimeoffset(7) NOT NULL,
        updated_at    datetimeoffset(7) NOT NULL)
    """,
)


@pytest.fixture(scope="module")
def jobs(sqlserver_url: str) -> Iterator[JobsDatabase]:
    """Ten jobs a minute apart, two at a time, each in another zone; each is ended an hour later."""
    with closing(connect(parse(sqlserver_url))) as connection:
        for statement in TABLES:
            connection.execute(statement)
        for number, hours in zip(range(COUNT), itertools.cycle(HOURS), strict=False):
            zone = timezone(timedelta(hours=hours))
            times = [
                (START + later + timedelta(minutes=number // 2)).astimezone(zone).isoformat()
                for later in (timedelta(0), timedelta(hours=1))
            ]
            connection.execute(
                f"INSERT INTO elsewhere.jobs VALUES (?, N'x', N'completed', {CAST}, {CAST})",  # noqa: S608
                id_of(number),
                *times,
            )
            connection.execute(
                f"INSERT INTO elsewhere.tasks VALUES (?, ?, N'x', N'completed', {CAST}, {CAST})",  # noqa: S608
                id_of(number),
                id_of(0),
                *times,
            )
    names = {"schema": "elsewhere"}
    database = SqlServerDatabase(parse(sqlserver_url), size=2, timeout_seconds=10, names=names)
    yield SqlJobsDatabase(database)
    database.close()
    with closing(connect(parse(sqlserver_url))) as connection:
        connection.execute("DROP TABLE elsewhere.tasks; DROP TABLE elsewhere.jobs")
        connection.execute("DROP SCHEMA elsewhere")


def id_of(number: int) -> str:
    return f"{number:064x}"


def test_times_are_read_in_utc_and_durations_are_of_the_same_clock(jobs: JobsDatabase) -> None:
    with jobs.read() as work:
        found = {job.job_id: job for job in work.jobs.newest(limit=COUNT)}
        (stage,) = work.jobs.stages(id_of(0))
    for number in range(COUNT):
        job = found[id_of(number)]
        assert job.created_at == START + timedelta(minutes=number // 2)
        assert job.created_at.utcoffset() == timedelta(0)
        assert job.duration_ms == 3_600_000
    assert stage.created_at == START
    assert stage.updated_at == START + timedelta(hours=1, minutes=(COUNT - 1) // 2)


@pytest.mark.parametrize("oldest_first", [False, True], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("by", ChangeTime)
@pytest.mark.parametrize("limit", [1, 3])
def test_pages_neither_skip_nor_repeat(
    jobs: JobsDatabase, by: ChangeTime, limit: int, *, oldest_first: bool
) -> None:
    seen_jobs, seen_tasks, after = [], [], None
    with jobs.read() as work:
        while page := work.jobs.newest(by=by, oldest_first=oldest_first, after=after, limit=limit):
            seen_jobs += [job.job_id for job in page]
            after = (getattr(page[-1], by.value), page[-1].job_id)
            assert len(seen_jobs) <= COUNT
        after = None
        while tasks := work.jobs.newest_tasks(
            by=by, oldest_first=oldest_first, after=after, limit=limit
        ):
            seen_tasks += [task.task_id for task in tasks]
            after = (getattr(tasks[-1], by.value), tasks[-1].task_id)
            assert len(seen_tasks) <= COUNT
    newest = [id_of(n) for n in sorted(range(COUNT), key=lambda n: (-(n // 2), n))]
    assert seen_jobs == seen_tasks == (newest[::-1] if oldest_first else newest)
