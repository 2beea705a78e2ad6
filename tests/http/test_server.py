"""What the server knows, does, and how long things take, over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

import psycopg
import pytest

from tests.hosts import LocalHost, running_host, wait_until

JOB = "d" * 64
PARTS = {
    "/api/db/stats": {
        *("server", "tables", "indexes", "unused_indexes", "missing_indexes"),
        *("activity_by_hour", "connections", "cache_hit_ratio", "waits"),
    },
    "/api/db/performance": {
        *("slow_statements", "stages", "task_types", "job_types", "throughput", "resources"),
    },
}


@pytest.fixture
def tasks(rows: Callable[..., list[Any]]) -> None:
    """25 tasks of 8 to 200 s an hour ago, and as many half as long a day and an hour ago."""
    rows("DELETE FROM app.jobs")
    rows("INSERT INTO app.jobs (job_id, job_type) VALUES (%s, 'x')", JOB)
    rows(
        "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status, created_at, started_at,"
        " updated_at)"
        " SELECT concat('t', n, '-', day), %s, 'read',"
        " CASE n WHEN 1 THEN 'failed' ELSE 'completed' END,"
        " ended - n * (10 - 2 * day) * interval '1 s',"
        " ended - n * (8 - 4 * day) * interval '1 s', ended"
        " FROM generate_series(1, 25) AS n, generate_series(0, 1) AS day,"
        " LATERAL (SELECT now() - interval '1 hour' - day * interval '1 day') AS t (ended)",
        JOB,
    )


def test_the_parts_of_each_answer_say_whether_they_are_available(host: LocalHost) -> None:
    for path, names in PARTS.items():
        answer = host.get(path)
        assert answer.status_code == 200
        assert answer.headers["age"] == "0"
        parts = {name: part for name, part in answer.json().items() if isinstance(part, dict)}
        assert parts.keys() == names
        for name, part in parts.items():
            expected = "not available" if name == "slow_statements" else "available"
            assert part["status"] == expected, name


def test_the_statistics_are_those_of_the_database(
    host: LocalHost, rows: Callable[..., list[Any]], tasks: None
) -> None:
    answer = host.get("/api/db/stats").json()
    sizes = dict(rows("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"))
    found = {one["name"]: one["total_bytes"] for one in answer["tables"]["tables"]}
    assert found["tasks"] == sizes["tasks"]
    assert answer["server"]["connection_time_ms"] > 0
    assert answer["server"]["server"]["size_bytes"] > 1_000_000
    assert answer["server"]["server"]["started_at"].endswith("Z")
    assert answer["missing_indexes"]["indexes"] == []
    connections = answer["connections"]
    assert 0 < connections["used"] <= connections["max"]
    assert connections["used_percent"] == round(100 * connections["used"] / connections["max"], 2)
    assert "watchkeeper-read" in {one["name"] for one in connections["by_application"]}
    hours = answer["activity_by_hour"]["hours"]
    assert len(hours) == 24
    assert sum(one["tasks_completed"] + one["tasks_failed"] for one in hours) == 25


def test_the_times_of_tasks_are_those_of_the_database(
    host: LocalHost, rows: Callable[..., list[Any]], tasks: None
) -> None:
    answer = host.get("/api/db/performance?hours=24").json()
    (expected,) = rows(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY updated_at - started_at),"
        " percentile_cont(0.95) WITHIN GROUP (ORDER BY updated_at - created_at),"
        " percentile_cont(0.95) WITHIN GROUP (ORDER BY started_at - created_at)"
        " FROM app.tasks WHERE updated_at > now() - interval '24 hours'"
    )
    (stage,) = answer["stages"]["stages"]
    (kind,) = answer["task_types"]["task_types"]
    for one in (stage, kind):
        assert (one["task_type"], one["count"], one["failed"]) == ("read", 25, 1)
        assert [one["working_ms"]["p50"], one["total_ms"]["p95"], one["queue_wait_ms"]["p95"]] == [
            round(1000 * time.total_seconds(), 3) for time in expected
        ]
        assert one["queue_wait_known"] == 25
        assert one["change"]["p50_ratio"] == 2.0
        assert one["verdict"] == "slower"
    assert stage["stage"] == 1
    assert answer["hours"] == 24
    assert sum(one["tasks_failed"] for one in answer["throughput"]["hours"]) == 1


def test_who_blocks_whom_is_told(host: LocalHost, http_store: str) -> None:
    with psycopg.connect(http_store) as holder, psycopg.connect(http_store) as waiter:
        holder.execute("LOCK TABLE monitoring.config IN ACCESS EXCLUSIVE MODE")
        thread = Thread(target=lambda: read_config(waiter))
        thread.start()
        try:
            blocking, blocked = holder.info.backend_pid, waiter.info.backend_pid
            wait_until(lambda: str(blocked) in ids(host, "blocked"))
            assert str(blocking) in ids(host, "blockers")
            answer = host.get("/api/db/activity?type=locks").json()
            found = answer["activity"]
            one = next(one for one in found["blocked"] if one["session_id"] == str(blocked))
            assert one["blocked_by"] == [str(blocking)]
            assert (one["relation"], one["lock_type"]) == ("monitoring.config", "relation")
            assert "FROM monitoring.config" in one["query"]
            root = next(one for one in found["blockers"] if one["session_id"] == str(blocking))
            assert root["is_root"]
            assert root["session"]["state"] == "idle in transaction"
            assert not answer["restricted"]
            kinds = host.get("/api/db/activity?type=connections").json()["activity"]
            assert kinds["oldest_idle_in_transaction_ms"] > 0
        finally:
            waiter.cancel_safe()
            thread.join()


def read_config(connection: psycopg.Connection) -> None:
    with suppress(psycopg.errors.QueryCanceled):
        connection.execute("SELECT * FROM monitoring.config")


def ids(host: LocalHost, name: str) -> set[str]:
    found = host.get("/api/db/activity?type=locks").json()["activity"][name]
    return {one["session_id"] for one in found}


def test_without_a_type_it_is_what_runs(host: LocalHost) -> None:
    answer = host.get("/api/db/activity").json()
    assert (answer["type"], answer["activity"]["status"]) == ("running", "available")
    assert isinstance(answer["activity"]["statements"], list)


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("/api/db/activity?type=idle&limit=0", {"type", "limit"}),
        ("/api/db/activity?type=locks&min_ms=5", {"min_ms"}),
        ("/api/db/activity?type=slow&min_ms=-1&x=1", {"min_ms", "x"}),
        ("/api/db/performance?hours=0&fresh=perhaps", {"hours", "fresh"}),
        ("/api/db/performance?hours=169", {"hours"}),
        ("/api/db/stats?hours=1", {"hours"}),
    ],
)
def test_every_bad_parameter_is_named(host: LocalHost, path: str, faults: set[str]) -> None:
    answer = host.get(path)
    assert answer.status_code == 400
    assert {fault["parameter"] for fault in answer.json()["errors"]} == faults


def test_the_choices_are_named(host: LocalHost) -> None:
    (fault,) = host.get("/api/db/activity?type=idle").json()["errors"]
    assert all(kind in fault["message"] for kind in ("running", "slow", "locks", "connections"))


@pytest.fixture
def keeping_host(store_url: str) -> Iterator[LocalHost]:
    with running_host(store_url, "--no-timers", env={"CACHE_SECONDS": "60"}) as running:
        yield running


def test_an_answer_is_kept_until_it_is_asked_for_anew(
    keeping_host: LocalHost, store_url: str
) -> None:
    def tasks_created() -> int:
        answer = keeping_host.get("/api/db/stats").json()["activity_by_hour"]
        return sum(int(one["jobs_created"]) for one in answer["hours"])

    assert tasks_created() == 0
    with psycopg.connect(store_url) as connection:
        connection.execute("INSERT INTO app.jobs (job_id, job_type) VALUES (%s, 'x')", [JOB])
    assert tasks_created() == 0
    assert keeping_host.get("/api/db/stats?fresh=true").headers["age"] == "0"
    assert tasks_created() == 1


def test_where_the_jobs_database_is_gone_it_is_503_and_the_rest_is_unharmed(store_url: str) -> None:
    settings = {"JOBS_URL": "postgresql://me:sesame@127.0.0.1:1/gone"}
    with running_host(store_url, "--no-timers", env=settings) as host:
        for path in ("/api/db/stats", "/api/db/activity?type=locks", "/api/db/performance"):
            answer = host.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "sesame" not in answer.text
        assert host.get("/api/status").status_code == 200
        assert "sesame" not in host.log.read_text()
