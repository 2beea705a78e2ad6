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
    assert answer["query_info"]["filters"] == {"status": ["failed", "queued"]}


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
