"""Each contract test runs on every engine that is there, and on the fakes."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg
import pytest

from repositories.contracts import JobsDatabase, Store
from repositories.jobs import SqlJobsDatabase
from repositories.postgres import PostgresDatabase
from repositories.records import Job, Json, Task
from repositories.store import SqlStore
from repositories.urls import parse
from tests.fakes import FakeJobsDatabase, FakeStore, RunningClock


class Lab(Protocol):
    """A store and a jobs database, and what a test must be able to do to them from outside."""

    @property
    def store(self) -> Store: ...
    @property
    def jobs(self) -> JobsDatabase: ...

    def let_time_pass(self, **by: float) -> None:
        """As if everything that is stored had been stored so much earlier."""
        ...

    def add_job(self, **columns: Any) -> None: ...
    def add_task(self, **columns: Any) -> None: ...


class MemoryLab:
    def __init__(self) -> None:
        self.clock = RunningClock()
        self.store = FakeStore(self.clock)
        self.jobs = FakeJobsDatabase(self.clock)

    def let_time_pass(self, **by: float) -> None:
        self.clock.move(**by)

    def add_job(self, **columns: Any) -> None:
        self.jobs.jobs.all.append(Job(**(_job(self.clock()) | columns)))

    def add_task(self, **columns: Any) -> None:
        self.jobs.jobs.all_tasks.append(Task(**(_task(self.clock()) | columns)))


class PostgresLab:
    def __init__(self, url: str) -> None:
        self._url = url
        self.database = PostgresDatabase(parse(url), size=4, timeout_seconds=10, names=NAMES)
        self.store = SqlStore(self.database)
        self.jobs = SqlJobsDatabase(self.database)

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

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        marks = ", ".join(["%s"] * len(columns))
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        with psycopg.connect(self._url) as connection:
            connection.execute(text.encode(), list(columns.values()))


NAMES = {"jobs": "app"}
TIMES = (
    ("monitoring.system_status", "last_heartbeat"),
    ("monitoring.system_status", "due_at"),
    ("monitoring.system_status_history", "heartbeat_timestamp"),
    ("monitoring.worker_instances", "last_heartbeat"),
    ("monitoring.worker_metrics", "recorded_at"),
    ("monitoring.indicators", "next_due_at"),
    ("monitoring.indicators", "leased_until"),
    ("monitoring.database_monitoring_results", "executed_at"),
    ("monitoring.database_monitoring_results", "slot_at"),
    ("app.jobs", "created_at"),
    ("app.jobs", "updated_at"),
    ("app.tasks", "created_at"),
    ("app.tasks", "updated_at"),
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
        "created_at": now,
        "updated_at": now,
        "duration_ms": 0,
    }


@pytest.fixture(params=["memory", "postgres", "sqlserver"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    if request.param == "memory":
        yield MemoryLab()
        return
    if request.param == "sqlserver":
        if "TEST_SQLSERVER_URL" not in os.environ:
            pytest.skip("SQL Server: TEST_SQLSERVER_URL is not set")
        pytest.skip("SQL Server: its engine is not there yet")
    lab = PostgresLab(request.getfixturevalue("store_url"))
    yield lab
    lab.database.close()


@pytest.fixture
def store(lab: Lab) -> Store:
    return lab.store
