"""GET /api/db/debug/{job_id}: one job explained, from its rows."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.hosts import LocalHost, running_host

Rows = Callable[..., list[Any]]
JOB, OTHER, UNKNOWN = "1" * 64, "2" * 64, "0" * 64
Made = Callable[..., None]


@pytest.fixture
def start() -> datetime:
    """An hour ago: when the job was made."""
    return datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(autouse=True)
def emptied(rows: Rows) -> None:
    rows("DELETE FROM app.jobs")


@pytest.fixture
def add_job(rows: Rows, start: datetime) -> Made:
    """A job of an hour ago; `ended` is in seconds from then."""

    def add(
        job_id: str = JOB,
        *,
        status: str = "processing",
        stage: int = 1,
        stages: int = 1,
        ended: float = 0,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        rows(
            "INSERT INTO app.jobs (job_id, job_type, status, stage, total_stages, parameters,"
            " created_at, updated_at) VALUES (%s, 'tiles', %s, %s, %s, %s::jsonb, %s, %s)",
            job_id,
            status,
            stage,
            stages,
            json.dumps(parameters or {}),
            start,
            start + timedelta(seconds=ended),
        )

    return add


@pytest.fixture
def add_task(rows: Rows, start: datetime) -> Made:
    """A task by its times in seconds from an hour ago; in processing where it has not ended."""

    def add(
        task_id: str,
        created: float,
        started: float | None,
        ended: float | None,
        *,
        job_id: str = JOB,
        stage: int = 1,
        status: str | None = None,
        retries: int = 0,
        error: str | None = None,
        heartbeat: float | None = None,
    ) -> None:
        status = status or ("processing" if ended is None else "completed")
        updated = max(value for value in (created, started, ended) if value is not None)
        times = (heartbeat, started, created, updated)
        rows(
            "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status, stage, retry_count,"
            " error_details, heartbeat, started_at, created_at, updated_at)"
            " VALUES (%s, %s, 'work', %s, %s, %s, %s, %s, %s, %s, %s)",
            task_id,
            job_id,
            status,
            stage,
            retries,
            error,
            *(None if one is None else start + timedelta(seconds=one) for one in times),
        )

    return add


def debug(host: LocalHost, job_id: str = JOB) -> dict[str, Any]:
    answer = host.get(f"/api/db/debug/{job_id}")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["job_id"] == job_id
    info: dict[str, Any] = document["debug_info"]
    return info


def titles(info: dict[str, Any]) -> list[str]:
    return [one["title"] for one in info["recommendations"]]


def test_an_unknown_job_is_404_and_a_malformed_id_400(host: LocalHost) -> None:
    assert host.get(f"/api/db/debug/{UNKNOWN}").status_code == 404
    refused = host.get("/api/db/debug/ABC?also=1")
    assert refused.status_code == 400
    assert {fault["parameter"] for fault in refused.json()["errors"]} == {"job_id", "also"}


def test_a_healthy_job_is_drawn_and_nothing_wrong_is_found(
    host: LocalHost, add_job: Made, add_task: Made
) -> None:
    add_job(status="completed", stage=2, stages=2, ended=100)
    add_task("a", 0, 2, 40, heartbeat=30)
    add_task("b", 0, 1, 30)
    add_task("c", 45, 50, 95, stage=2)
    info = debug(host)
    assert (info["job_status"], info["current_stage"], info["total_stages"]) == ("completed", 2, 2)
    assert titles(info) == ["Nothing wrong was found"]
    assert [task["task_id"] for task in info["tasks"]] == ["a", "b", "c"]
    (a, _, c), read_at = info["tasks"], info["read_at"]
    assert (a["wait_ms"], a["working_ms"], a["retry_count"], a["error"]) == (2000, 38000, 0, None)
    assert a["last_heartbeat"] < a["ended_at"] < read_at
    assert c["gap_ms"] == 5000
    assert [(s["stage"], s["tasks"], s["duration_ms"]) for s in info["timeline"]] == [
        (1, {"completed": 2, "total": 2}, 40000),
        (2, {"completed": 1, "total": 1}, 50000),
    ]
    path = info["critical_path"]
    assert [step["task_id"] for step in path["steps"]] == ["a", "c"]
    assert (path["duration_ms"], path["after_ms"], path["between_stages_ms"]) == (
        100000,
        5000,
        10000,
    )
    assert (info["bottleneck"]["kind"], info["bottleneck"]["task_id"]) == ("working", "c")
    assert info["bottlenecks"][0] == (
        "In stage 2 the task c was worked on for 45 s (45 % of the job)."
    )
    assert (info["failures"]["total"], info["retries"]["total"]) == (0, 0)
    assert info["tasks_total"] == 3
    assert info["job"]["task_counts"] == {"completed": 3, "total": 3}


def test_a_job_that_fails_shows_what_failed_here_and_elsewhere(
    host: LocalHost, add_job: Made, add_task: Made
) -> None:
    trace = (
        'Traceback (most recent call last):\n  File "/a.py", line {0}, in f\nValueError: tile {0}'
    )
    add_job(status="completed_with_errors", ended=60)
    add_task("a", 0, 1, 9, status="failed", retries=3, error=trace.format(17))
    add_task("b", 0, 1, 9, status="failed", error=trace.format(4711))
    add_task("c", 0, 1, 9, status="failed", error="OSError: no space left on device")
    add_job(OTHER, status="failed", ended=60)
    add_task("d", 0, 1, 9, job_id=OTHER, status="failed", error="OSError: no space left on device")
    info = debug(host)
    failures = info["failures"]
    assert failures["total"] == 3
    assert [(g["error_type"], g["count"], g["elsewhere"]) for g in failures["groups"]] == [
        ("ValueError", 2, 0),
        ("OSError", 1, 1),
    ]
    assert {task["task_id"]: task["elsewhere"] for task in failures["tasks"]} == {
        "a": 0,
        "b": 0,
        "c": 1,
    }
    assert [(one["task_id"], one["retry_count"]) for one in info["retries"]["tasks"]] == [("a", 3)]
    by_title = {one["title"]: one for one in info["recommendations"]}
    assert by_title["Other jobs fail in the same way"]["rests_on"] == [
        {"task_id": "c", "table": "tasks"}
    ]
    assert by_title["Retrying does not help"]["rests_on"] == [{"task_id": "a", "table": "tasks"}]
    assert [
        task["task_id"] for task in by_title["Only this job fails in this way"]["rests_on"]
    ] == [
        "a",
        "b",
    ]


def test_a_stuck_task_is_found_by_its_silence(
    host: LocalHost, add_job: Made, add_task: Made
) -> None:
    add_job()
    add_task("silent", 0, 10, None, heartbeat=600)
    add_task("alive", 0, 10, None, heartbeat=3590)
    info = debug(host)
    (stuck,) = [one for one in info["recommendations"] if "stuck" in one["title"]]
    assert stuck["rests_on"] == [{"task_id": "silent", "table": "tasks"}]
    assert stuck["severity"] == "critical"
    silent = {task["task_id"]: task["silent_ms"] for task in info["tasks"]}
    assert 3_000_000 <= silent["silent"] < 3_060_000
    assert silent["alive"] < 60_000


def test_a_job_that_stalled_between_stages_wants_to_be_moved_on(
    host: LocalHost, add_job: Made, add_task: Made
) -> None:
    add_job(stage=1, stages=2, ended=30)
    add_task("a", 0, 1, 20)
    add_task("b", 0, 1, 30)
    info = debug(host)
    first = info["recommendations"][0]
    assert first["title"] == "Stage 1 is complete, and the job did not move on"
    assert first["rests_on"] == [
        {"job_id": JOB, "table": "jobs"},
        {"task_id": "b", "table": "tasks"},
    ]
    assert "advance_job_stage" in first["detail"]
    assert (info["bottleneck"]["kind"], info["bottleneck"]["stage"]) == ("between_stages", None)
    assert [stage["tasks"]["total"] for stage in info["timeline"]] == [2, 0]


def test_what_else_ran_and_was_bad_at_that_time_is_told(
    host: LocalHost, rows: Rows, start: datetime, add_job: Made, add_task: Made
) -> None:
    add_job(status="completed", ended=100)
    add_job(OTHER, status="failed", ended=50)
    add_task("x", 0, 1, 20, job_id=OTHER)
    rows(
        "INSERT INTO monitoring.database_connections (connection_name, provider,"
        " connection_string, environment, created_by, modified_by)"
        " VALUES ('jobs', 'PostgreSQL', 'setting:JOBS_URL', 'Test', 't', 't')"
        " ON CONFLICT DO NOTHING"
    )
    rows(
        "WITH query AS (INSERT INTO monitoring.database_queries (query_name, query_type,"
        " description, sql_query, result_type, on_empty, timeout_seconds, created_by, modified_by)"
        " VALUES ('debug_kpi', 'Custom', '', 'SELECT 1', 'Scalar', 'error', 5, 't', 't')"
        " RETURNING query_id), indicator AS (INSERT INTO monitoring.indicators (indicator_name,"
        " description, connection_id, query_id, schedule, priority, created_by, modified_by,"
        " is_active) SELECT 'debug_kpi', '', connection_id, query_id, '30', 5, 't', 't', false"
        " FROM query, monitoring.database_connections WHERE connection_name = 'jobs'"
        " RETURNING indicator_id)"
        " INSERT INTO monitoring.database_monitoring_results (indicator_id, executed_at, status,"
        " value_number, message, duration_ms, environment, provider)"
        " SELECT indicator_id, %s + minutes * interval '1 minute',"
        "        'Critical', 98, '98 %%', 1, 'Test', 'PostgreSQL'"
        "   FROM indicator, unnest(ARRAY[-11, -9, 1, 12]) AS minutes",
        start,
    )
    try:
        info = debug(host)
    finally:
        rows("DELETE FROM monitoring.indicators WHERE indicator_name = 'debug_kpi'")
        rows("DELETE FROM monitoring.database_queries WHERE query_name = 'debug_kpi'")
    (kpi,) = info["kpis"]["kpis"]
    assert (kpi["name"], kpi["status"], kpi["value"], kpi["message"]) == (
        "debug_kpi",
        "Critical",
        98,
        "98 %",
    )
    assert kpi["times"] == 2
    assert "The database was not well at that time" in titles(info)
    meanwhile = info["meanwhile"]
    assert meanwhile["jobs"] == [{"job_type": "tiles", "status": "failed", "jobs": 1}]
    assert [(job["job_id"], job["overlap_ms"]) for job in meanwhile["overlapping"]] == [
        (OTHER, 50000)
    ]
    assert meanwhile["tasks"] == [{"task_type": "work", "status": "completed", "tasks": 1}]
    assert meanwhile["complete"]


def test_the_logs_are_asked_for_by_the_jobs_ids(host: LocalHost, add_job: Made) -> None:
    add_job(status="completed", ended=9, parameters={"correlation_id": "order-4711"})
    logs = debug(host)["logs"]
    assert logs["ids"] == [JOB, "order-4711"]
    assert f'dynamic(["{JOB}", "order-4711"])' in logs["query"]
    assert logs["portal_url"] is None


def test_secrets_are_masked(host: LocalHost, add_job: Made, add_task: Made) -> None:
    add_job(
        status="failed",
        ended=60,
        parameters={"password": "hunter2", "correlation_id": "pg://me:sesame@db/x"},
    )
    add_task(
        "a", 0, 1, 9, status="failed", error="Pwd=sesame; cannot connect to pg://me:hunter2@db"
    )
    add_task("b", 0, 1, 9, status="failed", error="AccountKey=c2VzYW1lc2VzYW1l==;x" + "y" * 5000)
    text = host.get(f"/api/db/debug/{JOB}").text
    for secret in ("hunter2", "sesame", "c2VzYW1l"):
        assert secret not in text
    assert "***" in text


def test_a_job_of_ten_thousand_tasks_is_explained_whole_and_in_time(
    host: LocalHost, rows: Rows, start: datetime, add_job: Made
) -> None:
    add_job(status="completed_with_errors", stage=4, stages=4, ended=3000)
    rows(
        "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status, stage, error_details,"
        " created_at, started_at, updated_at)"
        " SELECT format('t-%%s', n), %s, 'work', CASE WHEN n %% 100 = 0 THEN 'failed'"
        "        ELSE 'completed' END, 1 + n / 2500, CASE WHEN n %% 100 = 0"
        "        THEN format('ValueError: tile %%s', n) END, stage_at, stage_at + n %% 60 * second,"
        "        stage_at + (n %% 60 + 30) * second"
        "   FROM generate_series(0, 9999) AS n, LATERAL (SELECT interval '1 second' AS second,"
        "        %s + n / 2500 * interval '10 minutes' AS stage_at) AS made",
        JOB,
        start,
    )
    rows("ANALYZE app.tasks")
    started = time.perf_counter()
    info = debug(host)
    assert time.perf_counter() - started < 5
    assert len(info["tasks"]) == info["tasks_total"] == 10_000
    assert [stage["tasks"] for stage in info["timeline"]] == [
        {"completed": 2475, "failed": 25, "total": 2500}
    ] * 4
    assert info["failures"]["total"] == len(info["failures"]["tasks"]) == 100
    assert [group["count"] for group in info["failures"]["groups"]] == [100]
    path = info["critical_path"]
    parts = ("gap_ms", "waiting_ms", "working_ms", "unknown_ms")
    shared = sum(step[part] for step in path["steps"] for part in parts) + path["after_ms"]
    assert shared == path["duration_ms"] == 3_000_000


def test_a_part_that_takes_too_long_is_not_available_and_the_rest_is_there(
    store_url: str, make_database: Callable[..., str], migrated: str
) -> None:
    """The store is another database here, and somebody has locked its results."""
    jobs_url = make_database(migrated)
    with psycopg.connect(jobs_url, autocommit=True) as connection:
        connection.execute("INSERT INTO app.jobs (job_id, job_type) VALUES (%s, 'tiles')", [JOB])
    settings = {"JOBS_URL": jobs_url, "QUERY_TIMEOUT_SECONDS": "0.5", "CACHE_SECONDS": "0"}
    with (
        running_host(store_url, "--no-timers", env=settings) as host,
        psycopg.connect(store_url) as holder,
    ):
        holder.execute("LOCK TABLE monitoring.database_monitoring_results IN ACCESS EXCLUSIVE MODE")
        info = debug(host)
        assert info["kpis"]["status"] == "not available"
        assert info["meanwhile"]["jobs"] == []
        assert info["job_status"] == "queued"
        holder.rollback()
        assert debug(host)["kpis"]["connections"] == ["jobs"]


EARLIER_SYSTEM = """
CREATE SCHEMA work;
CREATE TYPE work.task_status AS ENUM ('queued', 'processing', 'completed', 'failed',
                                      'pending_retry', 'skipped');
CREATE TABLE work.jobs (
    job_id varchar(64) PRIMARY KEY, job_type varchar(50) NOT NULL, status varchar(25) NOT NULL,
    stage integer NOT NULL, total_stages integer NOT NULL, parameters jsonb,
    stage_results jsonb, result_data jsonb, error_details text,
    created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
CREATE TABLE work.tasks (
    task_id varchar(100) PRIMARY KEY, parent_job_id varchar(64) NOT NULL,
    task_type varchar(50) NOT NULL, status work.task_status NOT NULL, stage integer NOT NULL,
    task_index varchar(50), parameters jsonb, result_data jsonb, error_details text,
    retry_count integer NOT NULL DEFAULT 0, last_pulse timestamp, next_attempt timestamp,
    created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
INSERT INTO work.jobs VALUES (repeat('1', 64), 'tiles', 'processing', 2, 3, NULL, NULL, NULL, NULL,
    timestamp '2026-01-01 12:00', timestamp '2026-01-01 12:10');
INSERT INTO work.tasks (task_id, parent_job_id, task_type, status, stage, retry_count, last_pulse,
                        created_at, updated_at)
SELECT task_id, repeat('1', 64), 'work', status::work.task_status, stage, retry_count, pulse,
       timestamp '2026-01-01 12:00' + created * interval '1 minute',
       timestamp '2026-01-01 12:00' + updated * interval '1 minute'
  FROM (VALUES ('a', 'completed', 1, 0, NULL::timestamp, 0, 5),
               ('b', 'skipped', 1, 0, NULL, 0, 1),
               ('c', 'pending_retry', 2, 2, NULL, 6, 7),
               ('d', 'processing', 2, 0, timestamp '2026-01-01 12:20', 6, 8))
    AS given (task_id, status, stage, retry_count, pulse, created, updated);
"""


def test_a_job_of_an_earlier_system_is_explained_with_what_its_tables_have(
    store_url: str, make_database: Callable[..., str]
) -> None:
    jobs_url = make_database()
    with psycopg.connect(jobs_url, autocommit=True) as connection:
        connection.execute(EARLIER_SYSTEM)
    settings = {"JOBS_URL": jobs_url, "JOBS_SCHEMA": "work", "CACHE_SECONDS": "0"}
    with running_host(store_url, "--no-timers", env=settings) as host:
        info = debug(host)
    assert [(task["task_id"], task["status"]) for task in info["tasks"]] == [
        ("a", "completed"),
        ("b", "skipped"),
        ("c", "pending_retry"),
        ("d", "processing"),
    ]
    a, b, c, d = info["tasks"]
    assert (a["created_at"], a["ended_at"]) == ("2026-01-01T12:00:00Z", "2026-01-01T12:05:00Z")
    assert (a["wait_ms"], a["working_ms"], a["duration_ms"]) == (None, None, 300000)
    assert b["ended_at"] == "2026-01-01T12:01:00Z"
    assert c["wait_ms"] == c["duration_ms"] > 0
    assert (d["last_heartbeat"], d["gap_ms"]) == ("2026-01-01T12:20:00Z", 60000)
    assert [stage["tasks"]["total"] for stage in info["timeline"]] == [2, 2, 0]
    steps = info["critical_path"]["steps"]
    assert [(step["task_id"], step["working_ms"]) for step in steps] == [("a", 0), ("d", 0)]
    assert info["bottleneck"]["kind"] == "unknown"
    assert "cannot be told apart" in info["bottlenecks"][0]
    by_title = {one["title"]: one for one in info["recommendations"]}
    assert by_title["Tasks are stuck in processing"]["rests_on"] == [
        {"task_id": "d", "table": "tasks"}
    ]
    unknown = by_title["Some tasks have a status that the stage functions do not know"]
    assert [row["task_id"] for row in unknown["rests_on"]] == ["b", "c"]
    assert [one["task_id"] for one in info["retries"]["tasks"]] == ["c"]
