from collections.abc import Callable

import pytest

from tests.hosts import LocalHost, running_host, wait_until


def test_alive_and_ready_say_no_more_than_that(host: LocalHost) -> None:
    assert host.get("/api/livez").json() == {"status": "alive"}
    assert host.get("/api/readyz").json() == {"status": "ready"}


def test_full_health_names_every_component(host: LocalHost) -> None:
    report = host.get("/api/health").json()
    assert set(report["components"]) == {
        "database",
        "kpis",
        "services",
        "timers",
        "migrations",
        "settings",
    }
    assert report["components"]["migrations"]["pending"] == []


def test_the_database_component_has_the_agreed_shape(host: LocalHost) -> None:
    database = host.get("/api/health/database").json()["components"]["database"]
    assert database["status"] == "healthy"
    assert database["connection_time_ms"] > 0
    assert {"total", "completed", "processing", "failed"} <= database["jobs_last_24h"].keys()
    assert {"total", "completed", "processing", "failed"} <= database["tasks_last_24h"].keys()
    assert database["functions_available"] == [
        "advance_job_stage",
        "check_job_completion",
        "complete_task_and_check_stage",
    ]
    assert database["avg_query_time_ms"] > 0


def test_quick_health_asks_only_whether_the_store_answers(host: LocalHost) -> None:
    report = host.get("/api/health?quick=true").json()
    assert set(report["components"]) == {"database", "settings"}
    assert set(report["components"]["database"]) == {"status", "connection_time_ms"}


def test_without_a_store_health_says_what_is_missing_and_the_rest_is_503() -> None:
    with running_host(None, "--no-timers") as host:
        answer = host.get("/api/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unhealthy"
        assert answer.json()["components"]["database"]["error"] == "STORE_URL is not set"
        problem = host.get("/api/db/jobs")
        assert problem.status_code == 503
        assert problem.json()["detail"] == "STORE_URL is not set"
        assert host.get("/api/readyz").status_code == 503
        assert host.get("/api/livez").status_code == 200


def test_an_empty_database_is_unhealthy_until_it_is_migrated(
    make_database: Callable[..., str],
) -> None:
    with running_host(make_database(), "--no-timers") as host:
        answer = host.get("/api/health")
        assert answer.status_code == 503
        migrations = answer.json()["components"]["migrations"]
        assert (migrations["status"], migrations["applied"]) == ("unhealthy", None)
        assert host.get("/api/kpis").status_code == 503


def test_a_bad_setting_is_named_and_stops_nothing(store_url: str) -> None:
    bad = {"KpiMonitoring__MaxParallelKpis": "many", "Heartbeat__Schedule": "whenever"}
    with running_host(store_url, "--no-timers", env=bad) as host:
        report = host.get("/api/health").json()
        assert report["status"] == "degraded"
        problems = report["components"]["settings"]["problems"]
        assert {one["setting"] for one in problems} == set(bad)
        assert "whenever" not in host.get("/api/db/jobs").text
        names = {one["name"] for one in host.get("/admin/functions").json()}
        assert {"heartbeat", "run_kpi_checks", "clean_up"} <= names


def test_a_wrong_password_is_unhealthy_without_saying_more(store_url: str) -> None:
    wrong = store_url.replace(":", ":wrong", 2).replace("postgresql:wrong//", "postgresql://")
    with running_host(wrong, "--no-timers") as host:
        answer = host.get("/api/health")
        assert answer.status_code == 503
        error = answer.json()["components"]["database"]["error"]
        assert error == "The database refused the login."


def test_expensive_answers_are_kept_for_a_while_unless_asked_anew(store_url: str) -> None:
    with running_host(store_url, "--no-timers", env={"CACHE_SECONDS": "60"}) as host:
        first = host.get("/api/health")
        wait_until(lambda: int(host.get("/api/health").headers["age"]) >= 1)
        again = host.get("/api/health")
        assert again.content == first.content
        assert host.get("/api/health?fresh=true").headers["age"] == "0"


def test_the_heartbeat_timer_registers_the_process_and_makes_it_healthy(
    host: LocalHost, rows: Callable[..., list[tuple[object, ...]]]
) -> None:
    host.fire("heartbeat")
    wait_until(lambda: len(host.logged("tick", timer="heartbeat")) > 0)
    assert rows("SELECT process_id FROM monitoring.worker_instances") == [(host.pid,)]
    names = rows("SELECT DISTINCT metric_name FROM monitoring.worker_metrics ORDER BY 1")
    assert names == [("cpu_time",), ("memory",), ("threads",)]
    services = {one["service"]: one for one in host.get("/api/status").json()["services"]}
    assert services["watchkeeper"]["state"] == "healthy"
    timers = host.get("/api/health").json()["components"]["timers"]["timers"]
    heartbeat = next(timer for timer in timers if timer["name"] == "heartbeat")
    assert (heartbeat["succeeded"], heartbeat["missed"]) == (True, False)


def test_a_missed_timer_is_said_to_be(
    host: LocalHost, rows: Callable[..., list[tuple[object, ...]]]
) -> None:
    rows(
        "INSERT INTO monitoring.job_metrics (job_id, last_execution_at, last_success_at)"
        " VALUES ('timer:clean_up', now() - interval '3 days', now() - interval '3 days')"
    )
    try:
        report = host.get("/api/health").json()
        timers = {timer["name"]: timer for timer in report["components"]["timers"]["timers"]}
        assert timers["clean_up"]["missed"]
        assert report["components"]["timers"]["status"] == "degraded"
    finally:
        rows("DELETE FROM monitoring.job_metrics WHERE job_id = 'timer:clean_up'")


@pytest.mark.parametrize("path", ["/api/nothing", "/api/db", "/api/status/x/heartbeat"])
def test_where_there_is_no_function_the_host_says_404(host: LocalHost, path: str) -> None:
    assert host.get(path).status_code == 404
