"""Each contract test runs on every engine that is there, and on the fakes."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol
from uuid import uuid4

import psycopg
import pytest

from repositories.contracts.jobs import JobsDatabase, JobsWriter
from repositories.contracts.store import Store
from repositories.jobs_database import SqlJobsDatabase
from repositories.migrations.__main__ import main as migrate
from repositories.postgres import PostgresDatabase
from repositories.records.jobs import Job, Task
from repositories.records.rows import Json
from repositories.records.trouble import DeadLetter
from repositories.sqlserver import SqlServerDatabase
from repositories.sqlserver.connections import connect
from repositories.sqlserver.values import to_driver
from repositories.store import SqlStore
from repositories.urls import parse
from tests.contract.sqlserver import (
    empty_tables,
    obeys_hints,
    pascal_case,
    reads_json,
    scratch_database,
)
from tests.contract.tables import TABLES
from tests.fake_clocks import RunningClock
from tests.fakes import FakeJobsDatabase, FakeStore


class Lab(Protocol):
    """A store and a jobs database, and what a test must be able to do to them from outside."""

    @property
    def store(self) -> Store: ...
    @property
    def jobs(self) -> JobsDatabase: ...
    @property
    def writer(self) -> JobsWriter: ...

    def let_time_pass(self, **by: float) -> None:
        """As if everything that is stored had been stored so much earlier."""
        ...

    def add_job(self, **columns: Any) -> None: ...
    def add_task(self, **columns: Any) -> None: ...
    def add_dead_letter(self, **columns: Any) -> None: ...


class MemoryLab:
    def __init__(self) -> None:
        self.clock = RunningClock()
        self.store = FakeStore(self.clock)
        self.jobs = self.writer = FakeJobsDatabase(self.clock)

    def let_time_pass(self, **by: float) -> None:
        self.clock.move(**by)

    def add_job(self, **columns: Any) -> None:
        self.jobs.jobs.all.append(Job(**(_job(self.clock()) | columns)))

    def add_task(self, **columns: Any) -> None:
        self.jobs.jobs.all_tasks.append(Task(**(_task(self.clock()) | columns)))

    def add_dead_letter(self, **columns: Any) -> None:
        letter = DeadLetter(**(_dead_letter(self.clock()) | columns))
        self.store.dead_letters.all.append(letter)


class PostgresLab:
    """One database for the whole run, emptied for each test."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.database = PostgresDatabase(parse(url), size=4, timeout_seconds=10, names=NAMES)
        self.store = SqlStore(self.database)
        self.jobs = self.writer = SqlJobsDatabase(self.database)

    def empty(self) -> None:
        self.execute(
            "".join(f"DELETE FROM {table};" for table in TABLES)  # noqa: S608 - names of ours
            + "DELETE FROM monitoring.config WHERE modified_by <> 'migration';"
            "UPDATE monitoring.monitoring_rollup SET rolled_until = '1970-01-01Z'"
        )

    def execute(self, text: str) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(text.encode())

    def let_time_pass(self, **by: float) -> None:
        with psycopg.connect(self._url) as connection:
            for table, column in TIMES:
                connection.execute(
                    f"UPDATE {table} SET {column} = {column} - %s".encode(),  # noqa: S608
                    [timedelta(**by)],
                )

    def add_job(self, **columns: Any) -> None:
        self._insert("app.jobs", columns)

    def add_task(self, **columns: Any) -> None:
        self._insert("app.tasks", columns)

    def add_dead_letter(self, **columns: Any) -> None:
        self._insert("monitoring.dead_letter_queue", columns)

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        marks = ", ".join(["%s"] * len(columns))
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        with psycopg.connect(self._url) as connection:
            connection.execute(text.encode(), list(columns.values()))


class SqlServerLab:
    """One database for the whole run, emptied for each test: making one takes seconds."""

    def __init__(self, url: str) -> None:
        self._connection = connect(parse(url))
        self.database = SqlServerDatabase(parse(url), size=4, timeout_seconds=30, names=NAMES)
        self.store = SqlStore(self.database)
        self.jobs = self.writer = SqlJobsDatabase(self.database)

    def close(self) -> None:
        self.database.close()
        self._connection.close()

    @cached_property
    def obeys_hints(self) -> bool:
        return obeys_hints(self._connection)

    @cached_property
    def reads_json(self) -> bool:
        return reads_json(self._connection)

    def empty(self) -> None:
        empty_tables(self._connection)

    def execute(self, text: str, *values: object) -> None:
        self._connection.execute(text, *values)

    def count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT COUNT(*) FROM {table}").fetchval())  # noqa: S608

    def let_time_pass(self, **by: float) -> None:
        seconds = int(timedelta(**by).total_seconds())
        for table, column in TIMES:
            if table.startswith("monitoring."):
                table, column = pascal_case(table), pascal_case(column)
            text = f"UPDATE {table} SET {column} = DATEADD(second, -{seconds}, {column})"  # noqa: S608
            self._connection.execute(text)

    def add_job(self, **columns: Any) -> None:
        self._insert("app.jobs", columns)

    def add_task(self, **columns: Any) -> None:
        self._insert("app.tasks", columns)

    def add_dead_letter(self, **columns: Any) -> None:
        named = {pascal_case(name): value for name, value in columns.items()}
        self._insert("monitoring.DeadLetterQueue", named)

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        marks = ", ".join("?" * len(columns))
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        self._connection.execute(text, *map(to_driver, columns.values()))


NAMES = {"schema": "app"}
TIMES = (
    ("monitoring.system_status", "last_heartbeat"),
    ("monitoring.system_status", "due_at"),
    ("monitoring.system_status_history", "heartbeat_timestamp"),
    ("monitoring.worker_instances", "started_at"),
    ("monitoring.worker_instances", "last_heartbeat"),
    ("monitoring.worker_metrics", "recorded_at"),
    ("monitoring.indicators", "next_due_at"),
    ("monitoring.worker_jobs", "available_at"),
    ("monitoring.database_monitoring_results", "executed_at"),
    ("monitoring.database_monitoring_results", "slot_at"),
    ("monitoring.job_metrics", "last_execution_at"),
    ("monitoring.job_metrics", "regressed_at"),
    ("monitoring.performance_baselines", "updated_at"),
    ("monitoring.audit_log", "happened_at"),
    ("monitoring.task_retries", "retried_at"),
    ("app.jobs", "created_at"),
    ("app.jobs", "updated_at"),
    ("app.tasks", "created_at"),
    ("app.tasks", "updated_at"),
    ("app.tasks", "started_at"),
)


def _job(now: datetime) -> dict[str, Any]:
    """What the database fills in by itself."""
    return {
        "status": "queued",
        "stage": 1,
        "total_stages": 1,
        "parameters": Json("{}"),
        "stage_results": Json("{}"),
        "result_data": None,
        "error_details": None,
        "created_at": now,
        "updated_at": now,
        "duration_ms": 0,
        "task_counts": Json('{"total": 0}'),
    }


def _dead_letter(now: datetime) -> dict[str, Any]:
    return {
        "dead_letter_id": str(uuid4()),
        "metadata": Json("{}"),
        "status": "PENDING",
        "attempts": 0,
        "last_occurred_at": now,
        "last_attempt_at": None,
        "processed_at": None,
        "created_at": now,
        "updated_at": now,
    }


def _task(now: datetime) -> dict[str, Any]:
    return {
        "status": "queued",
        "stage": 1,
        "task_index": "0",
        "parameters": Json("{}"),
        "result_data": None,
        "error_details": None,
        "retry_count": 0,
        "heartbeat": None,
        "started_at": None,
        "created_at": now,
        "updated_at": now,
        "duration_ms": 0,
    }


@pytest.fixture(scope="session")
def sqlserver_url() -> Iterator[str]:
    """A migrated database, for the whole run."""
    with scratch_database() as url:
        assert migrate(["--url", url, "up"]) == 0
        yield url


@pytest.fixture(scope="session")
def sqlserver_lab(sqlserver_url: str) -> Iterator[SqlServerLab]:
    lab = SqlServerLab(sqlserver_url)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def postgres_lab(make_database: Callable[..., str], migrated: str) -> Iterator[PostgresLab]:
    lab = PostgresLab(make_database(migrated))
    yield lab
    lab.database.close()


@pytest.fixture(params=["memory", "postgres", "sqlserver"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    if request.param == "memory":
        yield MemoryLab()
        return
    if request.param == "sqlserver":
        sqlserver: SqlServerLab = request.getfixturevalue("sqlserver_lab")
        sqlserver.empty()
        yield sqlserver
        return
    postgres: PostgresLab = request.getfixturevalue("postgres_lab")
    postgres.empty()
    yield postgres


@pytest.fixture
def store(lab: Lab) -> Store:
    return lab.store


@pytest.fixture
def with_locks(lab: Lab) -> None:
    """For a test of what only a server can do that locks rows as a statement asks for."""
    if isinstance(lab, SqlServerLab) and not lab.obeys_hints:
        pytest.skip("SQL Server: the one of TEST_SQLSERVER_URL takes lock hints as advice")


@pytest.fixture
def with_escapes(lab: Lab) -> None:
    """For a test of texts with line breaks, quotes and the like."""
    if isinstance(lab, SqlServerLab) and not lab.reads_json:
        pytest.skip("SQL Server: the one of TEST_SQLSERVER_URL leaves the escapes of JSON in texts")
