"""Databases, processes and series of values, over HTTP."""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.hosts import LocalHost, running_host, wait_until

MakeDatabase = Callable[..., str]


@pytest.fixture(scope="module")
def store(make_database: MakeDatabase, migrated: str) -> str:
    """Three connections; two KPIs, of which one has results of ten days."""
    url = make_database(migrated)
    ask(
        url,
        "INSERT INTO monitoring.database_connections (connection_name, provider,"
        " connection_string, environment, tags, is_enabled, created_by, modified_by)"
        " VALUES ('alpha', 'PostgreSQL', 'setting:A', 'Test', 'eu,gold', true, 'me', 'me'),"
        " ('beta', 'MySQL', 'mysql://me:sesame@db/x', 'Prod', null, false, 'me', 'me'),"
        " ('gamma', 'PostgreSQL', 'setting:C', 'Prod', 'pwd=sesame', true, 'me', 'me')",
    )
    ask(
        url,
        "INSERT INTO monitoring.database_queries (query_name, sql_query, unit, created_by,"
        " modified_by) VALUES ('one', 'SELECT 1', 'ms', 'me', 'me')",
    )
    ask(
        url,
        "INSERT INTO monitoring.indicators (indicator_name, connection_id, query_id, next_due_at,"
        " created_by, modified_by)"
        " SELECT name, connection_id, query_id, now() + interval '1 day', 'me', 'me'"
        "   FROM monitoring.database_queries, monitoring.database_connections,"
        "        (VALUES ('full', 'alpha'), ('empty', 'beta')) AS kpi (name, place)"
        "  WHERE connection_name = place",
    )
    ask(
        url,
        "INSERT INTO monitoring.database_monitoring_results (indicator_id, slot_at, executed_at,"
        " status, value_number, value_text, message, duration_ms, environment, provider)"
        " SELECT indicator_id, at, at, CASE WHEN n %% 10 = 0 THEN 'Warning' ELSE 'Healthy' END,"
        "        CASE WHEN n %% 7 <> 0 THEN n END, CASE WHEN n %% 7 = 0 THEN 'text' END, 'm', 2,"
        "        'Test', 'PostgreSQL'"
        "   FROM monitoring.indicators,"
        "        (SELECT n, now() - n * interval '10 minutes' AS at"
        "           FROM generate_series(0, 1439) AS n) AS slot"
        "  WHERE indicator_name = 'full' AND %s",
        True,
    )
    return url


@pytest.fixture(scope="module")
def host(store: str) -> Iterator[LocalHost]:
    with running_host(store, "--no-timers", env={"CACHE_SECONDS": "0"}) as host:
        yield host


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def get(host: LocalHost, path: str, **asked: Any) -> Any:
    answer = host.get(f"/api/{path}", params=asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def names(host: LocalHost, **asked: Any) -> list[str]:
    return [one["name"] for one in get(host, "overview/databases", **asked)["databases"]]


def test_databases_come_by_name_and_are_filtered(host: LocalHost) -> None:
    assert names(host) == ["alpha", "beta", "gamma"]
    assert names(host, environment="Prod") == ["beta", "gamma"]
    assert names(host, provider="MySQL") == ["beta"]
    assert names(host, tag="gold") == ["alpha"]
    assert names(host, enabled="false") == ["beta"]


def test_databases_come_in_pages(host: LocalHost) -> None:
    first = get(host, "overview/databases", limit=2)
    second = get(host, "overview/databases", limit=2, cursor=first["next_cursor"])
    assert [one["name"] for one in second["databases"]] == ["gamma"]
    assert second["next_cursor"] is None
    assert first["query_info"] == {
        **first["query_info"],
        "filters": {},
        "limit": 2,
        "returned": 2,
    }


def test_a_database_has_its_week_before_and_after_it_is_rolled_up(
    host: LocalHost, store: str
) -> None:
    before = get(host, "overview/databases")["databases"][0]
    assert before["status"] == "Warning"
    assert before["checks_7d"] == before["healthy_7d"] + before["warning_7d"]
    assert 168 * 6 <= before["checks_7d"] <= 169 * 6 + 1
    assert before["healthy_percent_7d"] == pytest.approx(90, abs=0.2)
    assert before["mean_duration_ms_7d"] == pytest.approx(2)
    host.fire("roll_up")
    wait_until(lambda: bool(host.logged("tick", timer="roll_up")))
    (tick,) = host.logged("tick", timer="roll_up")
    assert 239 <= tick["outcome"]["hours"] <= 241
    assert ask(store, "SELECT count(*) > 200 FROM monitoring.database_monitoring_hours")[0][0]
    assert get(host, "overview/databases")["databases"][0] == before


def test_no_secret_of_a_connection_is_shown(host: LocalHost) -> None:
    text = host.get("/api/overview/databases").text
    assert "sesame" not in text


def series(host: LocalHost, name: str = "full", **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = get(host, f"kpis/{name}/series", **asked)["series"]
    return found


def times(found: dict[str, Any]) -> list[datetime]:
    return [datetime.fromisoformat(bucket["at"]) for bucket in found["buckets"]]


@pytest.mark.parametrize(
    ("hours", "points"), [(24, 200), (1, 10), (1, 1000), (168, 50), (169, 10), (240, 1000)]
)
def test_a_series_has_at_most_so_many_buckets_that_cover_the_hours(
    host: LocalHost, hours: int, points: int
) -> None:
    found = series(host, hours=hours, points=points)
    assert 1 <= len(found["buckets"]) <= points
    since, until = map(datetime.fromisoformat, (found["since"], found["until"]))
    width = timedelta(seconds=found["bucket_seconds"])
    assert since <= until - timedelta(hours=hours) < since + width
    assert since + points * width > until
    assert times(found) == sorted(set(times(found)))
    assert all(not (at - since) % width for at in times(found))
    assert sum(bucket["count"] for bucket in found["buckets"]) >= min(hours * 6, 1440)


def test_a_series_of_more_than_a_week_is_of_whole_hours(host: LocalHost) -> None:
    assert series(host, hours=169, points=1000)["bucket_seconds"] == 3600
    assert series(host, hours=168, points=1000)["bucket_seconds"] < 3600
    assert series(host, hours=87600, points=10)["bucket_seconds"] % 3600 == 0


def test_a_bucket_has_its_least_greatest_mean_and_worst(host: LocalHost) -> None:
    found = series(host, hours=240, points=10)
    assert (found["kpi"], found["unit"]) == ("full", "ms")
    for bucket in found["buckets"]:
        assert bucket["min"] <= bucket["mean"] <= bucket["max"]
        assert isinstance(bucket["mean"], float | int)
        assert bucket["worst"] in {"Healthy", "Warning"}
    assert "Warning" in {bucket["worst"] for bucket in found["buckets"]}


def test_buckets_without_results_are_left_out(host: LocalHost) -> None:
    found = series(host, hours=1, points=1000)
    assert len(found["buckets"]) <= 7
    assert found["bucket_seconds"] == 4


def test_a_series_without_numbers_or_results(host: LocalHost) -> None:
    text_only = [b for b in series(host, hours=24, points=1000)["buckets"] if b["min"] is None]
    assert text_only
    assert all(bucket["mean"] is None and bucket["count"] for bucket in text_only)
    assert series(host, "empty")["buckets"] == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("points=9", "points"),
        ("points=1001", "points"),
        ("hours=0", "hours"),
        ("hours=87601", "hours"),
        ("x=1", "x"),
    ],
)
def test_a_series_that_makes_no_sense_is_refused(host: LocalHost, query: str, name: str) -> None:
    answer = host.get(f"/api/kpis/full/series?{query}")
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [name]


@pytest.mark.parametrize("hours", [24, 1000])
def test_a_series_of_an_unknown_kpi_is_not_found(host: LocalHost, hours: int) -> None:
    answer = host.get(f"/api/kpis/nobody/series?hours={hours}")
    assert answer.status_code == httpx.codes.NOT_FOUND


def add_worker(store: str, name: str, *, status: str = "Running", seconds: int = 0) -> str:
    worker_id = str(uuid.uuid4())
    ask(
        store,
        "INSERT INTO monitoring.worker_instances (worker_instance_id, worker_name, machine_name,"
        " process_id, version, environment, status, started_at, last_heartbeat)"
        " VALUES (%s, %s, 'm', 1, '1', 'Lab', %s, now() - %s * interval '1 second',"
        " now() - %s * interval '1 second')",
        *(worker_id, name, status, seconds, seconds),
    )
    return worker_id


def add_jobs(store: str, worker_id: str, statuses: list[str]) -> None:
    for minutes, status in enumerate(statuses):
        ask(
            store,
            "INSERT INTO monitoring.worker_jobs (worker_instance_id, job_type, job_name, status,"
            " scheduled_at, error_message)"
            " VALUES (%s, 'DatabaseMonitoring', %s, %s, now() - %s * interval '1 minute', %s)",
            *(worker_id, f"job {minutes}", status, minutes, "password=sesame"),
        )


def test_workers_come_newest_first_and_are_filtered(host: LocalHost, store: str) -> None:
    for name, status, seconds in (
        ("fine", "Running", 5),
        ("late", "Running", 100),
        ("gone", "Stopped", 200),
    ):
        add_worker(store, name, status=status, seconds=seconds)

    def found(**asked: Any) -> list[str]:
        page = get(host, "workers", environment="Lab", **asked)
        return [one["worker_name"] for one in page["workers"]]

    assert found() == ["fine", "late", "gone"]
    assert found(state="stale,down") == ["late", "gone"]
    assert found(status="Running") == ["fine", "late"]
    assert found(status="Stopped,Error", state="healthy") == []
    first = get(host, "workers", environment="Lab", limit=2)
    asked = {"environment": "Lab", "limit": 2, "cursor": first["next_cursor"]}
    assert [one["worker_name"] for one in get(host, "workers", **asked)["workers"]] == ["gone"]


def test_a_process_that_the_local_host_ends_is_stopped_and_a_killed_one_is_not(
    store_url: str,
) -> None:
    def beats() -> bool:
        return bool(ask(store_url, "SELECT 1 FROM monitoring.system_status"))

    for end, status in ((LocalHost.kill, "Running"), (lambda _: None, "Stopped")):
        ask(store_url, "DELETE FROM monitoring.system_status")
        ask(store_url, "DELETE FROM monitoring.worker_instances")
        with running_host(store_url, "--no-timers") as local:
            local.fire("heartbeat")
            wait_until(beats)
            end(local)
        assert ask(store_url, "SELECT status FROM monitoring.worker_instances") == [(status,)]


def test_a_workers_jobs_come_newest_first_and_are_filtered(host: LocalHost, store: str) -> None:
    worker_id = add_worker(store, "busy")
    add_jobs(store, worker_id, ["Running", "Completed", "Failed", "Completed"])
    (worker,) = [one for one in get(host, "workers")["workers"] if one["worker_name"] == "busy"]
    assert (worker["running_jobs"], worker["worker_instance_id"]) == (1, worker_id)
    page = get(host, f"workers/{worker_id}/jobs", limit=3)
    assert [job["job_name"] for job in page["jobs"]] == ["job 0", "job 1", "job 2"]
    assert "sesame" not in str(page)
    rest = get(host, f"workers/{worker_id}/jobs", limit=3, cursor=page["next_cursor"])
    assert [job["job_name"] for job in rest["jobs"]] == ["job 3"]
    completed = get(host, f"workers/{worker_id.upper()}/jobs", status="Completed")
    assert [job["job_name"] for job in completed["jobs"]] == ["job 1", "job 3"]


def test_a_worker_without_jobs_has_an_empty_list(host: LocalHost, store: str) -> None:
    assert get(host, f"workers/{add_worker(store, 'idle')}/jobs")["jobs"] == []


def test_jobs_of_an_unknown_worker_are_not_found_and_a_malformed_id_is_refused(
    host: LocalHost,
) -> None:
    unknown = host.get(f"/api/workers/{uuid.uuid4()}/jobs")
    malformed = host.get("/api/workers/17/jobs?status=queued")
    assert unknown.status_code == httpx.codes.NOT_FOUND
    assert malformed.status_code == httpx.codes.BAD_REQUEST
    faults = [fault["parameter"] for fault in malformed.json()["errors"]]
    assert faults == ["worker_id", "status"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("overview/databases?provider=Sybase", "provider"),
        ("overview/databases?enabled=perhaps", "enabled"),
        ("overview/databases?status=Healthy", "status"),
        ("workers?state=dead", "state"),
        ("workers?status=running", "status"),
        ("workers?cursor=abc", "cursor"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(host: LocalHost, path: str, name: str) -> None:
    answer = host.get(f"/api/{path}")
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [name]
