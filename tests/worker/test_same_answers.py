"""What the app answers in Microsoft's worker is what it answers on the local host."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.hosts import LocalHost, running_host
from tests.worker.environment import ROOT
from tests.worker.functions_host import RealWorker

pytestmark = pytest.mark.timeout(300)

JOB = "ab" * 32
CHANGING = {
    *("correlation_id", "execution_time_ms", "connection_time_ms", "avg_query_time_ms"),
    *("connections", "age_seconds", "last_heartbeat", "due_at", "next_due_at", "duration_ms"),
    "overdue_seconds",
    *("checked_at", "last_run_at", "read_at", "value", "message", "result_id"),
}


@dataclass(frozen=True)
class Ask:
    """A request, and the function that the host sends it to."""

    function: str
    path: str
    method: str = "GET"
    route: tuple[tuple[str, str], ...] = ()
    body: str = ""


ASKED = [
    Ask("get_livez", "/api/livez"),
    Ask("get_readyz", "/api/readyz"),
    Ask("get_health", "/api/health?fresh=true"),
    Ask("get_health", "/api/health?quick=true"),
    Ask("get_health_database", "/api/health/database?fresh=true"),
    Ask("list_services", "/api/status?limit=2"),
    Ask("list_kpis", "/api/kpis"),
    Ask("get_kpi", "/api/kpis/database_size", route=(("name", "database_size"),)),
    Ask("get_kpi", "/api/kpis/nobody", route=(("name", "nobody"),)),
    Ask("list_kpi_results", "/api/kpis/x/results?hours=0", route=(("name", "x"),)),
    Ask("run_kpi", "/api/kpis/blocked_sessions/run", "POST", (("name", "blocked_sessions"),)),
    Ask("list_jobs", "/api/db/jobs?status=failed,queued&limit=1"),
    Ask("list_jobs", "/api/db/jobs?status=&limit=0&nonsense=1"),
    Ask("get_job", f"/api/db/jobs/{JOB}", route=(("job_id", JOB),)),
    Ask("list_tasks", "/api/db/tasks?hours=24"),
    Ask("list_tasks_of_job", f"/api/db/tasks/{JOB}", route=(("job_id", JOB),)),
    Ask(
        "post_heartbeat",
        "/api/status/librarian/heartbeat",
        "POST",
        (("service", "librarian"),),
        '{"status": "running"}',
    ),
    Ask(
        "post_heartbeat",
        "/api/status/librarian/heartbeat",
        "POST",
        (("service", "librarian"),),
        '{"status": 1}',
    ),
]


@pytest.fixture(scope="module")
def store(make_database: Callable[..., str], migrated: str) -> str:
    url = make_database(migrated)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO app.jobs (job_id, job_type, status, parameters)"
            " VALUES (%s, 'count_lines', 'failed', '{\"token\": \"sesame\"}')",
            [JOB],
        )
        connection.execute(
            "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status)"
            " VALUES ('t1', %s, 'count', 'failed')",
            [JOB],
        )
    return url


@pytest.fixture(scope="module")
def host(store: str) -> Iterator[LocalHost]:
    with running_host(store, "--no-timers") as running:
        yield running


@pytest.fixture(scope="module")
def worker(store: str, worker_script: Path) -> Iterator[RealWorker]:
    with RealWorker(ROOT, {"STORE_URL": store}, worker=worker_script) as running:
        yield running


def test_timers_run_in_the_worker(worker: RealWorker, store: str) -> None:
    for timer in ("heartbeat", "run_kpi_checks", "clean_up"):
        worker.fire(timer)
    with psycopg.connect(store) as connection:
        counted = connection.execute(
            "SELECT job_id, failure_count FROM monitoring.job_metrics"
            " WHERE job_id LIKE 'timer:%' ORDER BY job_id"
        ).fetchall()
    assert counted == [("timer:clean_up", 0), ("timer:heartbeat", 0), ("timer:run_kpi_checks", 0)]


@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: f"{ask.method} {ask.path[:50]}")
def test_the_worker_and_the_local_host_answer_the_same(
    worker: RealWorker, host: LocalHost, ask: Ask
) -> None:
    theirs = worker.call(
        ask.function,
        method=ask.method,
        url=f"http://localhost:7071{ask.path}",
        route=dict(ask.route),
        headers={"x-correlation-id": "night"},
        body=ask.body.encode(),
    )
    ours = host.client.request(
        ask.method, ask.path, content=ask.body, headers={"x-correlation-id": "night"}
    )
    assert theirs.status == ours.status_code
    assert _lasting(json.loads(theirs.body)) == _lasting(ours.json())
    assert theirs.headers["content-type"] == ours.headers["content-type"]
    assert theirs.headers["x-correlation-id"] == ours.headers["x-correlation-id"] == "night"


def test_log_lines_are_json_with_the_correlation_id(worker: RealWorker) -> None:
    answer = worker.call("get_job", url="http://localhost/api/db/jobs/1", route={"job_id": "1"})
    assert answer.status == 400
    worker.fire("heartbeat")
    lines = [json.loads(line.message) for line in worker.logs if line.message.startswith("{")]
    (of_timer, *_) = [line for line in lines if line.get("timer") == "heartbeat"]
    assert of_timer["correlation_id"]


def test_every_path_asked_for_is_a_route_of_its_function(worker: RealWorker) -> None:
    routes = {one.name: one.trigger.get("route") for one in worker.functions}
    for ask in ASKED:
        parts = urlsplit(ask.path).path.removeprefix("/api/")
        route = str(routes[ask.function])
        for name, value in ask.route:
            route = route.replace(f"{{{name}}}", value)
        assert route == parts


def _lasting(value: Any) -> Any:
    """Without what differs from one moment to the next."""
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in CHANGING}
    return [_lasting(item) for item in value] if isinstance(value, list) else value
