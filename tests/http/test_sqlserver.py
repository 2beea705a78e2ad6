"""The whole app on a SQL Server store."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from repositories.migrations.__main__ import main as migrate
from repositories.sqlserver.connections import connect
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database
from tests.hosts import LocalHost, running_host, wait_until

JOB = "a" * 64
LOST = "mssql://u:p@127.0.0.1:1/x"
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
    with running_host(url, "--no-timers", env={"CACHE_SECONDS": "0", "LOST_URL": LOST}) as running:
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
    wait_until(lambda: all(state is not None for state in last_runs(host)), every=0.5)
    assert last_runs(host) == [True] * len(TIMERS)
    assert [one["service"] for one in host.get("/api/status").json()["services"]] == ["watchkeeper"]
    statuses = [kpi["status"] for kpi in host.get("/api/kpis").json()["kpis"]]
    assert len(statuses) > 5
    assert None not in statuses


def last_runs(host: LocalHost) -> list[bool | None]:
    timers = host.get("/api/health").json()["components"]["timers"]["timers"]
    return [timer["succeeded"] for timer in timers if timer["name"] in TIMERS]


def test_a_kpi_is_defined_run_changed_and_removed(host: LocalHost) -> None:
    here = {"provider": "SqlServer", "environment": "Test", "address": "setting:STORE_URL"}
    put(host, "connections/here", here | {"tags": ["own"]})
    put(host, "queries/seven", {"sql": "SELECT 7 AS n", "critical_threshold": 5, "unit": "n"})
    kpi = {"connection": "here", "query": "seven", "schedule": "0 0 0 29 2 *", "tags": ["own"]}
    made = put(host, "kpis/seven", kpi)
    result = host.post("/api/kpis/seven/run").json()["result"]
    assert (result["status"], result["value"]) == ("Critical", 7)
    changed = {**kpi, "compare_to": "previous", "warning_deviation": 5}
    overtaken = put(host, "kpis/seven", changed, if_match=made.headers["etag"])
    assert overtaken.status_code == httpx.codes.OK
    refused = put(host, "kpis/seven", kpi, if_match=made.headers["etag"])
    assert refused.status_code == httpx.codes.PRECONDITION_FAILED
    assert "Critical" in host.post("/api/kpis/seven/run").text
    listed = host.get("/api/kpis?tag=own&status=Critical").json()["kpis"]
    assert [(one["name"], one["value"]) for one in listed] == [("seven", 7)]
    assert host.get("/api/kpis/seven/results").json()["query_info"]["returned"] == 2
    buckets = host.get("/api/kpis/seven/series?hours=1&points=10").json()["series"]["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == 2
    (database,) = host.get("/api/overview/databases?tag=own").json()["databases"]
    assert (database["status"], database["checks_7d"]) == ("Critical", 2)
    assert host.client.delete("/api/connections/here").status_code == httpx.codes.CONFLICT
    for path in ("kpis/seven", "queries/seven", "connections/here"):
        assert host.client.delete(f"/api/{path}").json() == {"removed": path.partition("/")[2]}


@pytest.mark.slow
def test_what_fails_for_good_waits_and_is_tried_again(host: LocalHost) -> None:
    lost = {"provider": "SqlServer", "environment": "Test", "address": "setting:LOST_URL"}
    put(host, "connections/lost", lost)
    put(host, "queries/one", {"sql": "SELECT 1 AS n"})
    kpi = {"connection": "lost", "query": "one", "schedule": "3600", "jitter_seconds": 0}
    put(host, "kpis/lost", kpi)
    letter = run_until(host, "PENDING")
    assert letter["occurrences"] == 1
    put(host, "connections/lost", lost | {"address": "setting:STORE_URL"}, if_match="*")
    retry = f"/api/dead-letters/{letter['dead_letter_id']}/retry"
    assert host.post(retry, json={"reason": "back"}).status_code == httpx.codes.ACCEPTED
    assert run_until(host, "SUCCEEDED")["dead_letter_id"] == letter["dead_letter_id"]
    (worker, *_) = host.get("/api/workers").json()["workers"]
    jobs = host.get(f"/api/workers/{worker['worker_instance_id']}/jobs").json()["jobs"]
    assert {job["status"] for job in jobs} >= {"Completed", "Failed"}
    (figures,) = host.get("/api/metrics?jobId=kpi:lost").json()["metrics"]
    assert (figures["success_count"], figures["failure_count"]) == (1, 1)
    assert 'name="lost"' in host.get("/api/metrics?format=prometheus").text


def run_until(host: LocalHost, status: str) -> dict[str, Any]:
    """Rounds of KPIs, until what failed there stands so."""

    def stands() -> bool:
        host.fire("run_kpi_checks")
        return [letter["status"] for letter in letters_of(host, "kpi:lost")] == [status]

    wait_until(stands, every=1)
    (letter,) = letters_of(host, "kpi:lost")
    return letter


def letters_of(host: LocalHost, job_id: str) -> list[dict[str, Any]]:
    letters = host.get("/api/dead-letters?limit=100").json()["dead_letters"]
    return [letter for letter in letters if letter["job_id"] == job_id]


def put(host: LocalHost, path: str, body: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return host.client.put(f"/api/{path}", content=json.dumps(body).encode(), headers=named)
