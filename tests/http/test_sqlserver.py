"""The whole app on a SQL Server store."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from repositories.migrations.__main__ import main as migrate
from repositories.sqlserver.connections import connect
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database
from tests.hosts import LocalHost, running_host, wait_until

JOB = "a" * 64
TIMERS = ("heartbeat", "run_kpi_checks")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as url:
        assert migrate(["--url", url, "up"]) == 0
        with closing(connect(parse(url))) as connection:
            connection.execute(
                "INSERT INTO app.jobs (job_id, job_type, status) VALUES (?, 'x', 'processing')", JOB
            )
            connection.execute(
                "INSERT INTO app.tasks (task_id, parent_job_id, task_type, result_data)"
                " VALUES ('t', ?, 'x', N'{\"password\": \"sesame\"}')",
                JOB,
            )
        yield url


@pytest.fixture(scope="module")
def host(url: str) -> Iterator[LocalHost]:
    with running_host(url, "--no-timers", env={"CACHE_SECONDS": "0"}) as running:
        yield running


def test_the_database_component_says_which_server_it_is(host: LocalHost, url: str) -> None:
    database = host.get("/api/health/database").json()["components"]["database"]
    assert database["status"] == "healthy"
    assert database["connection_time_ms"] > 0
    assert database["server_version"][0].isdigit()
    assert database["database"] in url
    assert 0 < database["connections"] <= database["max_connections"]
    assert (database["jobs_last_24h"]["total"], database["tasks_last_24h"]["total"]) == (1, 1)
    assert len(database["functions_available"]) == 3
    assert database["avg_query_time_ms"] > 0


def test_jobs_and_tasks_are_listed_with_their_secrets_masked(host: LocalHost) -> None:
    job = host.get(f"/api/db/jobs/{JOB}").json()["job"]
    assert (job["status"], job["task_counts"]) == ("processing", {"queued": 1, "total": 1})
    assert job["created_at"].endswith("Z")
    (task,) = host.get(f"/api/db/tasks/{JOB}").json()["tasks"]
    assert task["result_data"] == {"password": "***"}


def test_a_job_is_explained_with_every_part(host: LocalHost) -> None:
    info = host.get(f"/api/db/debug/{JOB}").json()["debug_info"]
    assert [(task["task_id"], task["status"]) for task in info["tasks"]] == [("t", "queued")]
    assert info["critical_path"]["waiting_ms"] > 0
    assert (info["meanwhile"]["jobs"], info["meanwhile"]["complete"]) == ([], True)
    assert (info["kpis"]["kpis"], info["retries"]["earlier_failures"]) == ([], [])
    assert [one["title"] for one in info["recommendations"]] == ["Nothing wrong was found"]


def test_what_the_server_cannot_say_is_not_available_and_the_rest_is(host: LocalHost) -> None:
    statistics = host.get("/api/db/stats").json()
    assert statistics["server"]["connection_time_ms"] > 0
    assert statistics["missing_indexes"]["indexes"] == []
    assert sum(one["tasks_created"] for one in statistics["activity_by_hour"]["hours"]) == 1
    performance = host.get("/api/db/performance").json()
    assert performance["stages"] == {"status": "available", "stages": []}
    activity = host.get("/api/db/activity?type=connections").json()["activity"]
    assert activity["total"] > 0
    answers = [statistics, performance, host.get("/api/db/activity?type=locks").json()]
    parts = [part for answer in answers for part in answer.values() if isinstance(part, dict)]
    assert {part["status"] for part in parts} <= {"available", "not available"}
    assert all(part["reason"] for part in parts if part["status"] == "not available")


@pytest.mark.slow
def test_its_timers_run(host: LocalHost) -> None:
    for timer in TIMERS:
        host.fire(timer)
    wait_until(lambda: all(state is not None for state in last_runs(host)), within=60, every=0.5)
    assert last_runs(host) == [True] * len(TIMERS)
    assert [one["service"] for one in host.get("/api/status").json()["services"]] == ["watchkeeper"]
    statuses = [kpi["status"] for kpi in host.get("/api/kpis").json()["kpis"]]
    assert len(statuses) > 5
    assert None not in statuses


def last_runs(host: LocalHost) -> list[bool | None]:
    timers = host.get("/api/health").json()["components"]["timers"]["timers"]
    return [timer["succeeded"] for timer in timers if timer["name"] in TIMERS]
