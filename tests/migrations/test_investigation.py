"""What migration 0003 adds to the jobs, and to whose."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest

from repositories.migrations.__main__ import main as migrate
from repositories.sqlserver.connections import connect
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database

JOB = "a" * 64
EARLIER = (
    "CREATE TABLE app.jobs (job_id varchar(64) PRIMARY KEY, job_type varchar(50),"
    " status varchar(25), created_at {time}, updated_at {time})",
    "CREATE TABLE app.tasks (task_id varchar(100) PRIMARY KEY, parent_job_id varchar(64),"
    " task_type varchar(50), status varchar(25), created_at {time}, updated_at {time})",
)

Rows = Callable[..., list[Any]]


@pytest.fixture
def rows(store_url: str) -> Rows:
    def ask(statement: str, *values: object) -> list[Any]:
        with psycopg.connect(store_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    ask("INSERT INTO app.jobs (job_id, job_type) VALUES (%s, 'x')", JOB)
    ask("INSERT INTO app.tasks (task_id, parent_job_id, task_type) VALUES ('t', %s, 'x')", JOB)
    return ask


def started_at(rows: Rows) -> Any:
    [(found,)] = rows("SELECT started_at FROM app.tasks")
    return found


def test_the_server_notes_when_a_task_is_taken_whoever_takes_it(rows: Rows) -> None:
    assert started_at(rows) is None
    rows("UPDATE app.tasks SET status = 'processing'")
    taken = started_at(rows)
    [(now,)] = rows("SELECT now()")
    assert 0 <= (now - taken).total_seconds() < 60
    rows("UPDATE app.tasks SET heartbeat = now(), status = 'processing'")
    rows("UPDATE app.tasks SET status = 'failed'")
    assert started_at(rows) == taken


def test_a_task_that_is_put_back_has_not_been_started(rows: Rows) -> None:
    rows("UPDATE app.tasks SET status = 'processing'")
    rows("UPDATE app.tasks SET status = 'failed'")
    rows("UPDATE app.tasks SET status = 'queued', retry_count = 1")
    assert started_at(rows) is None


def test_a_worker_that_writes_the_start_itself_is_believed(rows: Rows) -> None:
    rows("UPDATE app.tasks SET status = 'processing', started_at = '2026-01-01T00:00:00Z'")
    assert f"{started_at(rows):%Y-%m-%d}" == "2026-01-01"


def test_tables_of_an_earlier_system_are_left_alone(make_database: Callable[..., str]) -> None:
    url = make_database()
    found = (
        "SELECT (SELECT count(*) FROM pg_indexes WHERE schemaname = 'app'),"
        " (SELECT count(*) FROM information_schema.columns WHERE table_schema = 'app'),"
        " (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)"
    )
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("CREATE SCHEMA app")
        for statement in EARLIER:
            connection.execute(statement.format(time="timestamp").encode())
        before = connection.execute(found.encode()).fetchall()
        assert migrate(["--url", url, "up", "0001"]) == 0
        assert migrate(["--url", url, "mark", "0002"]) == 0
        for command in (("up", "0003"), ("down", "0002"), ("up", "0003")):
            assert migrate(["--url", url, *command]) == 0
        assert connection.execute(found.encode()).fetchall() == before


@pytest.mark.slow
def test_tables_of_an_earlier_system_are_left_alone_on_sql_server() -> None:
    found = (
        "SELECT (SELECT COUNT(*) FROM sys.indexes AS i WHERE i.name IS NOT NULL"
        " AND OBJECT_SCHEMA_NAME(i.object_id) = 'app'),"
        " (SELECT COUNT(*) FROM sys.columns AS c WHERE OBJECT_SCHEMA_NAME(c.object_id) = 'app')"
    )
    with scratch_database() as url, closing(connect(parse(url))) as connection:
        connection.execute("CREATE SCHEMA app")
        for statement in EARLIER:
            connection.execute(statement.format(time="datetime2"))
        before = [tuple(row) for row in connection.execute(found).fetchall()]
        assert migrate(["--url", url, "up", "0001"]) == 0
        assert migrate(["--url", url, "mark", "0002"]) == 0
        for command in (("up", "0003"), ("down", "0002"), ("up", "0003")):
            assert migrate(["--url", url, *command]) == 0
        assert [tuple(row) for row in connection.execute(found).fetchall()] == before
