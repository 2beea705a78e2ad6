"""What holds for every answer."""

import re

import pytest

from tests.hosts import LocalHost

JOB = "f" * 64
READS = [
    "/api/health",
    "/api/health?quick=true",
    "/api/health/database",
    "/api/status",
    "/api/kpis",
    "/api/db/jobs",
    "/api/db/tasks",
]


@pytest.mark.parametrize("path", READS)
def test_a_read_answers_json(host: LocalHost, path: str) -> None:
    answer = host.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("path", ["/api/status", "/api/kpis", "/api/db/jobs", "/api/db/tasks"])
def test_a_list_says_where_the_next_page_starts_and_how_it_was_understood(
    host: LocalHost, path: str
) -> None:
    answer = host.get(path, params={"limit": 5}).json()
    assert "next_cursor" in answer
    info = answer["query_info"]
    assert info["limit"] == 5
    assert info["filters"].keys() <= {"sort", "order"}
    assert info["returned"] <= 5
    assert info["execution_time_ms"] > 0


def test_every_answer_has_a_correlation_id_of_its_own(host: LocalHost) -> None:
    ids = {host.get("/api/livez").headers["x-correlation-id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_sane_correlation_id_is_the_callers(host: LocalHost) -> None:
    answer = host.get("/api/livez", headers={"x-correlation-id": "night-shift-1"})
    assert answer.headers["x-correlation-id"] == "night-shift-1"


@pytest.mark.parametrize("given", ["a b", "x" * 129, "<script>"])
def test_another_one_is_replaced(host: LocalHost, given: str) -> None:
    answer = host.get("/api/livez", headers={"x-correlation-id": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-correlation-id"])


def test_a_problem_has_the_form_of_rfc_9457(host: LocalHost) -> None:
    answer = host.get(f"/api/db/jobs/{JOB}", headers={"x-correlation-id": "night"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:watchkeeper:problem:NotFound",
        "title": "Not Found",
        "status": 404,
        "detail": f"no job {JOB}",
        "instance": f"/api/db/jobs/{JOB}",
        "correlation_id": "night",
    }


def test_every_bad_parameter_is_named_at_once(host: LocalHost) -> None:
    answer = host.get("/api/db/jobs?limit=0&hours=soon&bogus=1&status=a;b&empty=")
    assert answer.status_code == 400
    faults = {fault["parameter"] for fault in answer.json()["errors"]}
    assert faults == {"limit", "hours", "bogus", "status", "empty"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/db/jobs/nonsense",
        f"/api/db/jobs/{'F' * 64}",
        "/api/db/tasks/1",
        "/api/db/tasks?stage=0",
        "/api/db/tasks?stage=1.5",
        "/api/db/jobs?status=",
        "/api/db/jobs?limit=1001",
        "/api/db/jobs?limit=10&limit=20",
        "/api/db/jobs?job_type=a'b",
        "/api/kpis?after=x",
        "/api/health?quick=perhaps",
        "/api/db/jobs?cursor=x",
        "/api/db/jobs?cursor=WzFd",
        "/api/db/jobs?cursor=%00",
        "/api/kpis/x/results?hours=-1",
    ],
)
def test_what_makes_no_sense_is_400_and_named(host: LocalHost, path: str) -> None:
    answer = host.get(path)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_a_function_key_is_not_a_parameter(host: LocalHost) -> None:
    assert host.get("/api/db/jobs?code=abc").status_code == 200


def test_sql_in_a_parameter_is_only_a_value(host: LocalHost) -> None:
    answer = host.get("/api/kpis/x'; DROP TABLE monitoring.indicators; --")
    assert answer.status_code == 404
    assert host.get("/api/kpis").status_code == 200


def test_a_cursor_belongs_to_its_filters(host: LocalHost, rows: object) -> None:
    answer = host.get("/api/db/jobs?cursor=WzEsMl0&status=failed")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "cursor"
