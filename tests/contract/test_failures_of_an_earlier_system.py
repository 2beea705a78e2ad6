"""Tables that an earlier system made are read right: no zones, other statuses, no foreign key.

What the services find is compared with SQL that was written for those tables alone.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

import psycopg
import pytest

from repositories.contracts.jobs import JobsDatabase
from repositories.jobs_database import SqlJobsDatabase
from repositories.postgres import PostgresDatabase
from repositories.sqlserver import SqlServerDatabase
from repositories.sqlserver.connections import connect
from repositories.urls import parse
from services.caching import Cache
from services.failures import FailureService
from services.job_health import JobHealthService
from services.poison import (
    Orphans,
    PoisonReport,
    PoisonService,
    RetriedTasks,
    StalledJobs,
    StuckTasks,
)
from tests.contract.sqlserver import scratch_database
from tests.fakes import FakeStore
from tests.hosts import running_host

NAMES = {"schema": "work"}
ON_POSTGRES = (
    "CREATE SCHEMA work",
    "CREATE TYPE work.task_status AS ENUM ('pending', 'queued', 'processing', 'completed',"
    " 'failed', 'skipped', 'pending_retry')",
    "CREATE TABLE work.jobs (job_id varchar(64) PRIMARY KEY, job_type varchar(50) NOT NULL,"
    " status varchar(30) NOT NULL, stage integer NOT NULL, owner text, error_details text,"
    " created_at timestamp NOT NULL, updated_at timestamp NOT NULL)",
    "CREATE TABLE work.tasks (task_id varchar(100) PRIMARY KEY, parent_job_id varchar(64) NOT NULL,"
    " task_type varchar(50) NOT NULL, status work.task_status NOT NULL, stage integer NOT NULL,"
    " error_details varchar(4000), retry_count integer NOT NULL, last_pulse timestamp,"
    " created_at timestamp NOT NULL, updated_at timestamp NOT NULL)",
)
ON_SQLSERVER = (
    "CREATE SCHEMA work",
    "CREATE TABLE work.jobs (job_id nvarchar(64) PRIMARY KEY, job_type nvarchar(50) NOT NULL,"
    " status nvarchar(30) NOT NULL, stage int NOT NULL, owner nvarchar(50),"
    " error_details nvarchar(max), created_at datetime2(6) NOT NULL,"
    " updated_at datetime2(6) NOT NULL)",
    "CREATE TABLE work.tasks (task_id nvarchar(100) PRIMARY KEY,"
    " parent_job_id nvarchar(64) NOT NULL, task_type nvarchar(50) NOT NULL,"
    " status nvarchar(20) NOT NULL, stage int NOT NULL, error_details nvarchar(4000),"
    " retry_count int NOT NULL, last_pulse datetime2(6), created_at datetime2(6) NOT NULL,"
    " updated_at datetime2(6) NOT NULL)",
)
TEXTS = (
    "ValueError: tile {n} of 'bronze/{n}.tif' is empty",
    "cannot reach 10.0.0.{n}:5432",
    "quota exceeded",
    None,
)
LIKE = {
    "tile <number> of <value> is empty": "ValueError: tile%",
    "cannot reach <address>": "cannot reach%",
    "quota exceeded": "quota exceeded",
}
STATUSES = ("pending", "queued", "processing", "completed", "failed", "skipped", "pending_retry")


@dataclass(frozen=True)
class Earlier:
    """Such a jobs database, and how to ask it past the app. `{now}` is its clock, in UTC."""

    jobs: JobsDatabase
    url: str
    ask: Callable[[str], list[Any]]

    def number(self, statement: str) -> int:
        return int(self.ask(statement)[0][0])


@pytest.fixture(scope="module", params=["postgres", "sqlserver"])
def earlier(request: pytest.FixtureRequest) -> Iterator[Earlier]:
    opened = on_postgres if request.param == "postgres" else on_sqlserver
    yield from opened(request)


def on_postgres(request: pytest.FixtureRequest) -> Iterator[Earlier]:
    url = request.getfixturevalue("make_database")()
    database = PostgresDatabase(parse(url), size=4, timeout_seconds=10, names=NAMES)
    with psycopg.connect(url, autocommit=True) as connection:

        def ask(statement: str) -> list[Any]:
            text = statement.replace("{now}", "(now() AT TIME ZONE 'UTC')")
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

        fill(ask, ON_POSTGRES)
        yield Earlier(SqlJobsDatabase(database), url, ask)
    database.close()


def on_sqlserver(request: pytest.FixtureRequest) -> Iterator[Earlier]:
    with scratch_database() as url, closing(connect(parse(url))) as connection:
        database = SqlServerDatabase(parse(url), size=4, timeout_seconds=30, names=NAMES)

        def ask(statement: str) -> list[Any]:
            cursor = connection.execute(statement.replace("{now}", "SYSUTCDATETIME()"))
            return cursor.fetchall() if cursor.description else []

        fill(ask, ON_SQLSERVER)
        yield Earlier(SqlJobsDatabase(database), url, ask)
        database.close()


def fill(ask: Callable[[str], list[Any]], tables: tuple[str, ...]) -> None:
    """The same rows each time, but that they are of now."""
    for statement in tables:
        ask(statement)
    now = ask("SELECT {now}")[0][0]
    chance = random.Random(4)  # noqa: S311 - the same each time

    def quoted(value: object) -> str:
        return "NULL" if value is None else f"'{str(value).replace(chr(39), chr(39) * 2)}'"

    def insert(table: str, rows: list[tuple[object, ...]]) -> None:
        values = ", ".join(f"({', '.join(map(quoted, row))})" for row in rows)
        ask(f"INSERT INTO work.{table} VALUES {values}")  # noqa: S608

    jobs: list[tuple[object, ...]] = []
    for number in range(40):
        status = chance.choice(("queued", "processing", "completed", "failed", "archived"))
        begun = now - timedelta(minutes=chance.randrange(10, 3000))
        error = f"quota {number} used up" if status == "failed" and number % 2 else None
        jobs.append((f"{number:064x}", "mosaic", status, 1, None, error, begun, begun))
    insert("jobs", jobs)
    tasks: list[tuple[object, ...]] = []
    for number in range(400):
        status = chance.choice(STATUSES)
        text = chance.choice(TEXTS) if status == "failed" else None
        begun = now - timedelta(minutes=chance.randrange(60, 4000))
        ended = begun + timedelta(seconds=chance.randrange(1, 1200))
        pulse = ended + timedelta(seconds=30) if chance.random() < 0.5 else None
        tasks.append(
            (
                f"task-{number:03}",
                f"{chance.randrange(44):064x}",
                chance.choice(("warp", "read")),
                status,
                1 + number % 2,
                text.format(n=number) if text else None,
                chance.randrange(6),
                pulse,
                begun,
                ended,
            )
        )
    insert("tasks", tasks)


def part_of(report: PoisonReport, name: str, kind: type[Any]) -> Any:
    part = getattr(report, name)
    assert isinstance(part, kind), part
    return part


@pytest.fixture(scope="module")
def report(earlier: Earlier) -> PoisonReport:
    service = PoisonService(FakeStore(), earlier.jobs, cache=Cache(0))
    return service.report(limit=200).value


def test_errors_are_counted_as_the_tables_have_them(earlier: Earlier) -> None:
    service = FailureService(earlier.jobs, cache=Cache(0), batch=7)
    asked = {"job_type": None, "task_type": None, "after": None, "limit": 50}
    page = service.groups(hours=24, **asked).value  # type: ignore[arg-type]
    groups = {group.message: group for group in page.groups.items}
    recent = "updated_at >= {day_ago} AND status = 'failed'"
    recent = recent.replace("{day_ago}", day_ago(earlier))
    for message, pattern in LIKE.items():
        found = groups[message]
        where = f"{recent} AND error_details LIKE '{pattern}'"
        assert found.count == earlier.number(f"SELECT COUNT(*) FROM work.tasks WHERE {where}")  # noqa: S608
        jobs = f"SELECT COUNT(DISTINCT parent_job_id) FROM work.tasks WHERE {where}"  # noqa: S608
        assert found.jobs == earlier.number(jobs)
        newest = earlier.ask(
            f"SELECT task_id, updated_at, error_details FROM work.tasks WHERE {where}"  # noqa: S608
            " ORDER BY updated_at DESC, task_id"
        )[0]
        assert (found.sample.task_id, found.sample.error_details) == (newest[0], newest[2])
        assert found.last_seen.replace(tzinfo=None) == newest[1]
    without = f"SELECT COUNT(*) FROM work.tasks WHERE {recent} AND error_details IS NULL"  # noqa: S608
    assert groups["no error text"].count == earlier.number(without)
    own = f"SELECT COUNT(*) FROM work.jobs WHERE {recent} AND error_details IS NOT NULL"  # noqa: S608
    assert groups["quota <number> used up"].count == earlier.number(own)
    assert page.totals.failures == sum(group.count for group in groups.values())


def day_ago(earlier: Earlier) -> str:
    return (
        "{now} - interval '24 hours'"
        if earlier.url.startswith("postgresql")
        else "DATEADD(hour, -24, {now})"
    )


def test_stuck_tasks_are_those_that_are_silent_for_longer_than_normal(
    earlier: Earlier, report: PoisonReport
) -> None:
    part = part_of(report, "stuck_tasks", StuckTasks)
    stuck = {task.task_id: task for task in part.tasks}
    now = earlier.ask("SELECT {now}")[0][0]
    expected = set()
    for task_type in ("warp", "read"):
        ended = earlier.ask(
            "SELECT created_at, updated_at FROM work.tasks"  # noqa: S608
            f" WHERE status = 'completed' AND task_type = '{task_type}'"
        )
        seconds = sorted((end - begun).total_seconds() for begun, end in ended)
        normal = max(300.0, 3 * seconds[ceil(0.95 * len(seconds)) - 1])
        for task_id, pulse, changed in earlier.ask(
            "SELECT task_id, last_pulse, updated_at FROM work.tasks"  # noqa: S608
            f" WHERE status = 'processing' AND task_type = '{task_type}'"
        ):
            if (now - (pulse or changed)).total_seconds() > normal:
                expected.add(task_id)
                assert stuck[task_id].normal_seconds == pytest.approx(normal)
                assert stuck[task_id].sample_size == len(seconds)
    assert set(stuck) == expected
    assert part.count == len(expected) > 10


def test_retried_tasks_are_of_whatever_status_that_is_not_completed(
    earlier: Earlier, report: PoisonReport
) -> None:
    expected = earlier.ask(
        "SELECT task_id FROM work.tasks WHERE retry_count >= 3"
        " AND status NOT IN ('completed', 'skipped')"
    )
    part = part_of(report, "retried_tasks", RetriedTasks)
    assert {task.task_id for task in part.tasks} == {task_id for (task_id,) in expected}
    assert part.count == len(expected) > 10
    assert {"pending", "pending_retry"} <= {task.status for task in part.tasks}


def test_tasks_without_a_job_are_found_where_no_foreign_key_holds_them(
    earlier: Earlier, report: PoisonReport
) -> None:
    part = part_of(report, "orphans", Orphans)
    assert part.has_foreign_key is False
    lost = earlier.ask(
        "SELECT task_id FROM work.tasks WHERE parent_job_id NOT IN (SELECT job_id FROM work.jobs)"
    )
    assert {task.task_id for task in part.tasks_without_job} == {task_id for (task_id,) in lost}
    assert len(lost) > 5
    left = earlier.ask(
        "SELECT task.task_id FROM work.tasks AS task"
        " JOIN work.jobs AS job ON job.job_id = task.parent_job_id"
        " WHERE job.status IN ('completed', 'failed')"
        " AND task.status IN ('pending', 'queued', 'processing', 'pending_retry')"
    )
    assert {task.task_id for task in part.tasks_left_behind} == {task_id for (task_id,) in left}
    assert part.count == len(lost) + len(left)


def test_stalled_jobs_are_those_without_a_task_that_has_yet_to_end(
    earlier: Earlier, report: PoisonReport
) -> None:
    jobs = earlier.ask("SELECT job_id, status FROM work.jobs")
    expected = set()
    for job_id, status in jobs:
        tasks = earlier.ask(
            f"SELECT status FROM work.tasks WHERE parent_job_id = '{job_id}' AND stage = 1"  # noqa: S608
        )
        ended = all(name in {"completed", "failed", "skipped"} for (name,) in tasks)
        if ended and (status == "processing" or (status == "queued" and tasks)):
            expected.add(job_id)
    part = part_of(report, "stalled_jobs", StalledJobs)
    assert {job.job_id for job in part.jobs} == expected


def test_health_says_which_statuses_and_columns_are_not_ours(earlier: Earlier) -> None:
    health = JobHealthService(earlier.jobs, cache=Cache(0)).report().value.components
    assert health["jobs"].facts["unknown_statuses"] == ["archived"]
    unknown = health["tasks"].facts["unknown_statuses"]
    assert isinstance(unknown, list)
    assert set(unknown) <= {"pending", "skipped", "pending_retry"}
    layout = health["layout"].facts
    assert layout["renamed"] == {"tasks.heartbeat": "last_pulse"}
    assert "tasks.started_at" in list(layout["missing"])  # type: ignore[call-overload]
    assert layout["unread"] == ["jobs.owner"]
    oldest = health["queue"].facts["oldest_queued"]
    expected = earlier.ask(
        "SELECT MIN(created_at) FROM work.tasks WHERE status IN ('queued', 'pending')"
    )[0][0]
    assert oldest.created_at.replace(tzinfo=None) == expected  # type: ignore[attr-defined]


def test_every_answer_is_there_over_http(earlier: Earlier, store_url: str) -> None:
    settings = {"JOBS_URL": earlier.url, "JOBS_SCHEMA": "work", "CACHE_SECONDS": "0"}
    with running_host(store_url, "--no-timers", env=settings) as host:
        groups = host.get("/api/db/errors?hours=24").json()["groups"]
        assert {group["message"] for group in groups} >= {*LIKE}
        assert all(group["last_seen"].endswith("Z") for group in groups)
        poison = host.get("/api/db/poison").json()
        assert poison["stuck_tasks"]["count"] > 10
        assert poison["orphans"]["has_foreign_key"] is False
        assert poison["dead_letters"] == {"count": 0, "dead_letters": []}
        health = host.get("/api/health/jobs")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")


def test_row_level_security_that_hides_rows_is_told(
    request: pytest.FixtureRequest, make_database: Callable[..., str]
) -> None:
    """An owner sees everything; somebody else who may read the table sees what a policy shows."""
    url = make_database()
    role = f"reader_{parse(url).address.get_secret_value().rpartition('/')[2]}"
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in ON_POSTGRES:
            connection.execute(statement.encode())
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'sesame'".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA work TO {role}".encode())
        connection.execute(f"GRANT SELECT ON work.jobs, work.tasks TO {role}".encode())
        connection.execute("ALTER TABLE work.tasks ENABLE ROW LEVEL SECURITY")
        login = url.rpartition("@")[2]
        for address, hidden in (
            (url, []),
            (f"postgresql://{role}:sesame@{login}", ["tasks"]),
        ):
            database = PostgresDatabase(parse(address), size=1, timeout_seconds=5, names=NAMES)
            service = JobHealthService(SqlJobsDatabase(database), cache=Cache(0))
            access = service.report().value.components["access"]
            database.close()
            assert access.facts["tables_with_row_security"] == hidden
            assert access.status == ("degraded" if hidden else "healthy")
        connection.execute(f"DROP OWNED BY {role}".encode())
        connection.execute(f"DROP ROLE {role}".encode())
