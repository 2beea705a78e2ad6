"""The jobs database beside the store: another one, slow, locked, or out of bounds."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from repositories.errors import NotAllowed
from repositories.migrations.__main__ import main as migrate
from repositories.postgres import PostgresDatabase
from repositories.urls import parse
from tests.hosts import running_host

JOB = "e" * 64
MakeDatabase = Callable[..., str]


def execute(url: str, statement: str, *values: Any) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


@pytest.fixture
def jobs_url(make_database: MakeDatabase) -> str:
    """Jobs in a schema of an earlier system, its times without zone and its statuses an enum."""
    url = make_database()
    assert migrate(["--url", url, "up", "0002"]) == 0
    execute(url, "ALTER SCHEMA app RENAME TO work")
    execute(
        url,
        "CREATE TYPE work.task_status AS ENUM"
        " ('queued', 'processing', 'completed', 'failed', 'pending_retry');"
        "ALTER TABLE work.tasks DROP CONSTRAINT ck_tasks_status;"
        "DROP INDEX work.ix_tasks_parent_job_id, work.ix_tasks_status;"
        "ALTER TABLE work.tasks ALTER status DROP DEFAULT,"
        " ALTER status TYPE work.task_status USING status::work.task_status;"
        "ALTER TABLE work.jobs ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'",
    )
    execute(
        url,
        "INSERT INTO work.jobs (job_id, job_type, status, created_at)"
        " VALUES (%s, 'elsewhere', 'processing', '2026-01-01 12:00')",
        JOB,
    )
    execute(
        url,
        "INSERT INTO work.tasks (task_id, parent_job_id, task_type, status)"
        " VALUES ('t', %s, 'x', 'pending_retry')",
        JOB,
    )
    return url


def test_jobs_are_read_from_their_own_database_and_schema(store_url: str, jobs_url: str) -> None:
    settings = {"JOBS_URL": jobs_url, "JOBS_SCHEMA": "work"}
    with running_host(store_url, "--no-timers", env=settings) as host:
        job = host.get(f"/api/db/jobs/{JOB}").json()["job"]
        assert (job["job_type"], job["created_at"]) == ("elsewhere", "2026-01-01T12:00:00Z")
        assert job["task_counts"] == {"pending_retry": 1, "total": 1}
        answer = host.get(f"/api/db/tasks/{JOB}?status=pending_retry").json()
        assert [task["status"] for task in answer["tasks"]] == ["pending_retry"]
        database = host.get("/api/health").json()["components"]["database"]
        assert len(database["functions_available"]) == 3


def test_a_statement_that_takes_too_long_is_504(store_url: str) -> None:
    with (
        running_host(store_url, "--no-timers", env={"QUERY_TIMEOUT_SECONDS": "0.3"}) as host,
        psycopg.connect(store_url) as holder,
    ):
        holder.execute("LOCK TABLE app.jobs IN ACCESS EXCLUSIVE MODE")
        answer = host.get("/api/db/jobs")
        assert answer.status_code == 504
        assert answer.headers["content-type"] == "application/problem+json"
        holder.rollback()
        assert host.get("/api/db/jobs").status_code == 200


def test_without_rights_on_the_jobs_it_is_503_and_the_rest_is_unharmed(
    store_url: str, jobs_url: str
) -> None:
    role = f"nobody_{urlsplit(jobs_url).path[1:]}"
    execute(jobs_url, f"CREATE ROLE {role} LOGIN PASSWORD 'sesame'")
    try:
        login = urlsplit(jobs_url).netloc.rpartition("@")[2]
        url = f"postgresql://{role}:sesame@{login}{urlsplit(jobs_url).path}"
        settings = {"JOBS_URL": url, "JOBS_SCHEMA": "work"}
        with running_host(store_url, "--no-timers", env=settings) as host:
            refused = host.get("/api/db/jobs")
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:watchkeeper:problem:NotAllowed"
            assert host.get("/api/status").status_code == 200
            assert host.get("/api/health").json()["status"] == "degraded"
            assert "sesame" not in host.log.read_text()
    finally:
        execute(jobs_url, f"DROP ROLE {role}")


def test_a_jobs_database_is_never_written_to(store_url: str) -> None:
    """The server itself refuses it: the session is read-only."""
    database = PostgresDatabase(
        parse(store_url), size=1, timeout_seconds=5, names={"schema": "app"}
    )
    try:
        with database.reading() as session, pytest.raises(NotAllowed):
            session.run("workers.retire", silent_seconds=1)
    finally:
        database.close()
