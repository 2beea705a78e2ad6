import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.hosts import LocalHost

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture(autouse=True)
def jobs(rows: Callable[..., list[Any]]) -> None:
    rows("DELETE FROM app.jobs")
    parameters = json.dumps({"path": "/a", "password": "hunter2", "url": "pg://me:sesame@db/x"})
    rows(
        "INSERT INTO app.jobs (job_id, job_type, status, stage, total_stages, parameters)"
        " VALUES (%s, 'count_lines', 'processing', 2, 2, %s::jsonb),"
        "        (%s, 'hash', 'failed', 1, 1, '{}')",
        ONE,
        parameters,
        TWO,
    )
    for number in range(7):
        rows(
            "INSERT INTO app.tasks"
            " (task_id, parent_job_id, task_type, status, stage, error_details)"
            " VALUES (%s, %s, 'count', %s, %s, %s)",
            f"task-{number}",
            ONE,
            "failed" if number == 3 else "completed",
            1 + number // 5,
            "Pwd=sesame; cannot connect" if number == 3 else None,
        )


def test_jobs_have_their_task_counts_and_duration(host: LocalHost) -> None:
    jobs = {job["job_id"]: job for job in host.get("/api/db/jobs").json()["jobs"]}
    assert jobs[ONE]["task_counts"] == {"completed": 6, "failed": 1, "total": 7}
    assert jobs[TWO]["task_counts"] == {"total": 0}
    assert jobs[ONE]["duration_ms"] >= 0
    assert jobs[ONE]["parameters"]["path"] == "/a"


def test_secrets_are_masked(host: LocalHost) -> None:
    answers = [
        host.get("/api/db/jobs").text,
        host.get(f"/api/db/jobs/{ONE}").text,
        host.get("/api/db/tasks").text,
        host.get(f"/api/db/tasks/{ONE}").text,
    ]
    for text in answers:
        assert "hunter2" not in text
        assert "sesame" not in text
        assert "***" in text


def test_one_job(host: LocalHost) -> None:
    job = host.get(f"/api/db/jobs/{ONE}").json()["job"]
    assert (job["job_id"], job["status"], job["stage"]) == (ONE, "processing", 2)


def test_jobs_of_several_statuses(host: LocalHost) -> None:
    answer = host.get("/api/db/jobs?status=failed,queued").json()
    assert [job["job_id"] for job in answer["jobs"]] == [TWO]
    assert answer["query_info"]["filters"] == {
        "status": ["failed", "queued"],
        "sort": "created_at",
        "order": "desc",
    }


def test_a_walk_over_the_pages_of_tasks_sees_each_once(host: LocalHost) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = host.get(f"/api/db/tasks/{ONE}", params={"limit": "3", **more}).json()
        seen += [task["task_id"] for task in page["tasks"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [f"task-{number}" for number in range(7)]


def test_a_cursor_of_one_job_is_none_of_another(host: LocalHost) -> None:
    cursor = host.get(f"/api/db/tasks/{ONE}?limit=1").json()["next_cursor"]
    answer = host.get(f"/api/db/tasks/{TWO}", params={"cursor": cursor})
    assert answer.status_code == 400


def test_tasks_of_a_job_show_the_progress_of_its_stages(host: LocalHost) -> None:
    answer = host.get(f"/api/db/tasks/{ONE}?status=failed").json()
    assert [task["task_id"] for task in answer["tasks"]] == ["task-3"]
    assert [(s["stage"], s["total"], s["completed"], s["failed"]) for s in answer["stages"]] == [
        (1, 5, 4, 1),
        (2, 2, 2, 0),
    ]


def test_a_job_without_tasks_has_an_empty_list(host: LocalHost) -> None:
    answer = host.get(f"/api/db/tasks/{TWO}")
    assert (answer.status_code, answer.json()["tasks"], answer.json()["stages"]) == (200, [], [])


@pytest.mark.parametrize("path", [f"/api/db/tasks/{'0' * 64}", f"/api/db/jobs/{'0' * 64}"])
def test_an_unknown_job_is_404(host: LocalHost, path: str) -> None:
    assert host.get(path).status_code == 404


def test_the_newest_tasks_of_a_stage(host: LocalHost) -> None:
    answer = host.get("/api/db/tasks?stage=2&task_type=count&status=completed").json()
    assert {task["task_id"] for task in answer["tasks"]} == {"task-5", "task-6"}


def ids(host: LocalHost, query: str) -> list[str]:
    answer = host.get(f"/api/db/jobs?{query}")
    assert answer.status_code == 200, answer.text
    return [job["job_id"] for job in answer.json()["jobs"]]


def test_jobs_are_found_by_their_parameters(host: LocalHost) -> None:
    assert ids(host, "parameter=path:/a") == [ONE]
    assert ids(host, "parameter=path:/b") == []
    assert ids(host, "parameter=path:/a,url:pg://me:sesame@db/x") == [ONE]
    assert ids(host, "parameter=path:/a&parameter=nothing:1") == []


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created_at", "updated_at", "duration"])
def test_a_walk_in_any_order_sees_each_job_once(
    host: LocalHost, rows: Callable[..., list[Any]], sort: str, order: str
) -> None:
    rows(
        "INSERT INTO app.jobs (job_id, job_type, status, created_at, updated_at)"
        " SELECT lpad(to_hex(n), 64, '0'), 'x', (ARRAY['queued', 'completed'])[1 + n %% 2],"
        "        now() - n %% 3 * interval '1 hour', now() - n %% 2 * interval '1 hour'"
        "   FROM generate_series(100, 120) AS n"
    )
    asked = {"sort": sort, "order": order}
    whole = host.get("/api/db/jobs", params=asked).json()["jobs"]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = host.get("/api/db/jobs", params={**asked, "limit": "4", **more}).json()
        seen += [job["job_id"] for job in page["jobs"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [job["job_id"] for job in whole]
    assert len(seen) == 23


def test_a_job_that_ends_during_a_walk_by_duration_stays_in_its_place(
    host: LocalHost, rows: Callable[..., list[Any]]
) -> None:
    rows(
        "INSERT INTO app.jobs (job_id, job_type, status, created_at)"
        " SELECT lpad(to_hex(n), 64, '0'), 'x', 'processing', now() - n * interval '1 hour'"
        "   FROM generate_series(1, 6) AS n"
    )
    asked = {"sort": "duration", "job_type": "x", "limit": "3"}
    first = host.get("/api/db/jobs", params=asked).json()
    rows("UPDATE app.jobs SET status = 'completed', updated_at = now() WHERE job_type = 'x'")
    rest = host.get("/api/db/jobs", params={**asked, "cursor": first["next_cursor"]}).json()
    seen = [int(job["job_id"], 16) for job in (*first["jobs"], *rest["jobs"])]
    assert seen == [6, 5, 4, 3, 2, 1]


def test_a_cursor_of_one_order_is_none_of_another(host: LocalHost) -> None:
    cursor = host.get("/api/db/jobs?limit=1").json()["next_cursor"]
    for other in ("sort=duration", "sort=updated_at", "order=asc", "parameter=a:1"):
        answer = host.get(f"/api/db/jobs?limit=1&{other}&cursor={cursor}")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("jobs?sort=size&order=up&limit=0&parameter=x", {"sort", "order", "limit", "parameter"}),
        ("jobs?parameter=a:1,a.b:2", {"parameter"}),
        ("jobs?parameter=a:1&parameter=a:1", {"parameter"}),
        ("jobs?parameter=a%22b:1", {"parameter"}),
        ("jobs?parameter=a:%00", {"parameter"}),
        ("jobs?parameter=", {"parameter"}),
        ("jobs?parameter=a:1,b:1,c:1,d:1,e:1,f:1", {"parameter"}),
        ("tasks?sort=duration&order=&parameter=a:1", {"sort", "order", "parameter"}),
        ("jobs?job_type=a%20b&hours=0&status=%27", {"job_type", "hours", "status"}),
        ("tasks/ABC?status=", {"job_id", "status"}),
        (f"tasks/{'A' * 64}?cursor=x&limit=1001", {"job_id", "cursor", "limit"}),
    ],
)
def test_every_parameter_that_cannot_be_used_is_named(
    host: LocalHost, query: str, bad: set[str]
) -> None:
    answer = host.get(f"/api/db/{query}")
    assert answer.status_code == 400
    assert {error["parameter"].split(".")[0] for error in answer.json()["errors"]} == bad
