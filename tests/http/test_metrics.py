"""How often everything ran, for people and for Prometheus."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)

from tests.hosts import LocalHost, wait_until

PATH = "/api/metrics"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OF_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
OF_OLDER_PROMETHEUS = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
Rows = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def a_kpi(rows: Rows) -> Iterable[str]:
    """One that has run 40 times, 30 of them well, with a normal speed and a regression."""
    rows(
        "INSERT INTO monitoring.job_metrics (job_id, total_executions, success_count,"
        " failure_count, total_duration_ms, min_duration_ms, max_duration_ms, last_execution_at,"
        " slower_count, regressed_at, regression, regression_ms, regression_avg_ms,"
        " regression_p95_ms) VALUES ('kpi:disk', 40, 30, 10, 2000, 10, 900, now(), 3,"
        " now() - interval '5 hours', 'slower', 900, 50, 80) ON CONFLICT DO NOTHING"
    )
    rows(
        "INSERT INTO monitoring.performance_baselines (job_id, baseline_avg_ms, baseline_p95_ms,"
        " sample_size) VALUES ('kpi:disk', 50, 80, 200) ON CONFLICT DO NOTHING"
    )
    yield "kpi:disk"
    rows("DELETE FROM monitoring.job_metrics WHERE job_id = 'kpi:disk'")
    rows("DELETE FROM monitoring.performance_baselines")


def job(host: LocalHost, job_id: str) -> dict[str, Any]:
    answer = host.get(PATH, params={"jobId": job_id})
    assert answer.status_code == 200
    (found,) = answer.json()["metrics"]
    return dict(found)


def samples(families: Iterable[Metric]) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        for sample in family.samples:
            labels = tuple(sample.labels.values())
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_a_job_is_shown_with_its_normal_speed_and_its_newest_regression(host: LocalHost) -> None:
    found = job(host, "kpi:disk")
    assert (found["total_executions"], found["success_rate"]) == (40, 0.75)
    assert (found["mean_duration_ms"], found["max_duration_ms"]) == (50, 900)
    assert found["metadata"] == {}
    baseline = found["baseline"]
    assert baseline.pop("updated_at").endswith("Z")
    assert baseline == {"mean_ms": 50, "p95_ms": 80, "sample_size": 200}
    regression = found["last_regression"]
    assert regression.pop("happened_at").endswith("Z")
    assert regression == {
        "regression": "slower",
        "duration_ms": 900,
        "mean_ms": 50,
        "p95_ms": 80,
    }


def test_jobs_that_were_far_from_normal_lately_are_found(host: LocalHost) -> None:
    found = host.get(PATH, params={"regressed_hours": 6, "prefix": "kpi"}).json()
    assert [one["job_id"] for one in found["metrics"]] == ["kpi:disk"]
    assert (found["metrics"][0]["slower_count"], found["metrics"][0]["faster_count"]) == (3, 0)
    assert found["query_info"]["filters"] == {"prefix": "kpi", "regressed_hours": 6}
    assert host.get(PATH, params={"regressed_hours": 4, "prefix": "kpi"}).json()["metrics"] == []


def test_requests_are_counted_by_function_and_seen_at_once(host: LocalHost) -> None:
    host.get("/api/kpis")
    before = job(host, "http:list_kpis")
    assert host.get("/api/kpis").status_code == 200
    assert host.get("/api/kpis?limit=0").status_code == 400
    after = job(host, "http:list_kpis")
    assert after["total_executions"] == before["total_executions"] + 2
    assert after["success_count"] == before["success_count"] + 2
    assert after["failure_count"] == before["failure_count"]
    assert after["last_failure_at"] == before["last_failure_at"]
    assert host.get("/api/livez").status_code == 200
    assert job(host, "http:get_livez")["total_executions"] > 0


def test_jobs_come_by_id_and_by_kind(host: LocalHost) -> None:
    host.get("/api/kpis")
    every = [one["job_id"] for one in host.get(PATH, params={"limit": 1000}).json()["metrics"]]
    assert every == sorted(every)
    kpis = host.get(PATH, params={"prefix": "kpi"}).json()
    assert {one["job_id"].partition(":")[0] for one in kpis["metrics"]} == {"kpi"}
    assert "kpi:disk" in {one["job_id"] for one in kpis["metrics"]}
    assert kpis["query_info"]["filters"] == {"prefix": "kpi"}
    seen: list[str] = []
    cursor = None
    while True:
        page = host.get(PATH, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["job_id"] for one in page["metrics"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert set(every) <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_job_that_has_never_run_is_404(host: LocalHost) -> None:
    answer = host.get(PATH, params={"jobId": "content-generation"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("format=xml", "format"),
        ("prefix=job", "prefix"),
        ("job_id=kpi:disk", "job_id"),
        ("jobId=kpi:disk&prefix=kpi", "prefix"),
        ("jobId=kpi:disk&regressed_hours=1", "regressed_hours"),
        ("regressed_hours=0", "regressed_hours"),
        ("format=prometheus&jobId=kpi:disk", "format"),
        ("format=prometheus&limit=5", "format"),
        ("format=prometheus&regressed_hours=5", "format"),
        (f"jobId={'x' * 201}", "jobId"),
        ("jobId=", "jobId"),
    ],
)
def test_what_makes_no_sense_is_named(host: LocalHost, query: str, parameter: str) -> None:
    answer = host.get(f"{PATH}?{query}")
    assert answer.status_code == 400
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize(
    ("params", "accept", "expected"),
    [
        ({}, "*/*", "application/json"),
        ({}, "text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ({}, "application/json, text/plain, */*", "application/json"),
        ({"format": "json"}, OF_PROMETHEUS, "application/json"),
        ({"jobId": "kpi:disk"}, OF_PROMETHEUS, "application/json"),
        ({}, OF_PROMETHEUS, OPENMETRICS),
        ({}, OF_OLDER_PROMETHEUS, "application/json"),
        ({"limit": "5"}, OF_PROMETHEUS, "application/json"),
        ({"format": "prometheus"}, "*/*", OPENMETRICS),
        ({"format": "prometheus"}, "text/plain; version=0.0.4", OPENMETRICS),
        ({}, "application/json, application/openmetrics-text; q=0", "application/json"),
        ({}, "", "application/json"),
    ],
)
def test_the_form_is_what_is_asked_for(
    host: LocalHost, params: dict[str, str], accept: str, expected: str
) -> None:
    answer = host.get(PATH, params=params, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == expected
    assert answer.headers["vary"] == "accept"


def test_prometheus_gets_everything_at_once(host: LocalHost) -> None:
    host.post("/api/status/librarian/heartbeat", json={"status": "running"})
    host.fire("heartbeat")
    answer = host.get(PATH, params={"format": "prometheus", "fresh": "true"})
    assert answer.text.endswith("\n# EOF\n")
    assert int(answer.headers["age"]) == 0
    found = samples(parse_openmetrics(answer.text))
    assert found["watchkeeper_job_failures_total"][("kpi:disk",)] == 10
    assert found["watchkeeper_job_duration_seconds_sum"][("kpi:disk",)] == 2
    assert found["watchkeeper_job_regressions_total"][("kpi:disk", "slower")] == 3
    assert ("librarian",) in found["watchkeeper_service_heartbeat_age_seconds"]
    assert min(found["watchkeeper_worker_heartbeat_age_seconds"].values()) < 60
    assert ("PENDING",) in found["watchkeeper_dead_letters"]
    assert ("Queued",) in found["watchkeeper_queue_depth"]
    assert len(found["watchkeeper_pool_connections"]) == 4
    assert ("update_baselines",) in found["watchkeeper_timer_overdue_seconds"]


def test_baselines_are_kept_by_a_timer(host: LocalHost, rows: Rows) -> None:
    host.fire("heartbeat")
    rows("DELETE FROM monitoring.performance_baselines")
    rows(
        "INSERT INTO monitoring.worker_metrics (worker_instance_id, metric_type, metric_name,"
        " metric_value, unit) SELECT worker_instance_id, 'JobExecution', 'http:list_metrics', 4,"
        " 'ms' FROM monitoring.worker_instances, generate_series(1, 20) LIMIT 20"
    )
    host.get(PATH)
    host.fire("update_baselines")
    wait_until(lambda: job(host, "http:list_metrics")["baseline"] is not None)
    baseline = job(host, "http:list_metrics")["baseline"]
    assert (baseline["mean_ms"], baseline["sample_size"]) == (4, 20)
    rows("DELETE FROM monitoring.worker_metrics WHERE metric_name = 'http:list_metrics'")
