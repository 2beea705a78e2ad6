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
        "/api/kpis/x/results?hours=5_0",
        "/api/kpis/x/results?hours=%2B5",
        "/api/kpis/x/results?hours=5%20",
        "/api/kpis/x/results?hours=%D9%A5",
        "/api/kpis?limit=10.0",
        "/api/kpis/x/series?points=1e2",
        "/api/db/activity?type=slow&min_ms=1_000",
        "/api/db/tasks?stage=+1",
        "/api/metrics?jobId=%0a",
        "/api/kpis?environment=%01",
        "/api/dead-letters?job_id=a%7f",
    ],
)
def test_what_makes_no_sense_is_400_and_named(host: LocalHost, path: str) -> None:
    answer = host.get(path)
    assert answer.status_code == 400
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/kpis/one/results?name=flip", "name"),
        ("/api/kpis/one/results?name=", "name"),
        (f"/api/db/tasks/{JOB}?job_id={JOB}", "job_id"),
        ("/api/status/librarian/heartbeat?service=other", "service"),
    ],
)
def test_what_stands_in_the_path_is_no_parameter_as_well(
    host: LocalHost, path: str, name: str
) -> None:
    ask = host.post if path.partition("?")[0].endswith("heartbeat") else host.get
    answer = ask(path, **({"json": {"status": "running"}} if ask == host.post else {}))
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"parameter": name, "message": "unknown parameter"}]


@pytest.mark.parametrize(
    "path",
    [
        "/api/kpis?environment=a&environment=b",
        "/api/kpis?environment=a&environment=",
        "/api/kpis?status=Healthy&status=Error",
        "/api/health?fresh=true&fresh=true",
        "/api/db/jobs?limit=10&limit=20",
    ],
)
def test_what_is_no_list_is_given_once(host: LocalHost, path: str) -> None:
    answer = host.get(path)
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert fault["message"] == "given more than once"


def test_a_list_may_be_given_one_by_one(host: LocalHost) -> None:
    answer = host.get("/api/db/jobs?status=failed&status=queued,processing")
    assert answer.status_code == 200
    assert answer.json()["query_info"]["filters"]["status"] == ["failed", "queued", "processing"]


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
