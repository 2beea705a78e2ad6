"""What fails, what is stuck and how the jobs are doing, over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.hosts import LocalHost, running_host

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
FRAMES = '  File "/app/tiles.py", line 3, in warp\n    warp_tile()\n' * 40
TRACEBACK = (
    f"Traceback (most recent call last):\n{FRAMES}ValueError: tile 17 of 'b/17.tif' is empty"
)


@pytest.fixture(autouse=True)
def jobs(rows: Callable[..., list[Any]]) -> None:
    rows("DELETE FROM app.jobs")
    rows("DELETE FROM monitoring.dead_letter_queue")
    for job_id, job_type, status in (
        (ONE, "mosaic", "processing"),
        (TWO, "mosaic", "failed"),
        (THREE, "publish", "processing"),
    ):
        rows(
            "INSERT INTO app.jobs (job_id, job_type, status, total_stages, created_at, updated_at)"
            " VALUES (%s, %s, %s, 3, now() - interval '1 hour', now() - interval '1 hour')",
            job_id,
            job_type,
            status,
        )


@pytest.fixture
def add(rows: Callable[..., list[Any]]) -> Callable[..., None]:
    """Adds a task that was last changed so many minutes ago."""

    def insert(task_id: str, text: str | None = None, *, minutes: float = 10, **given: Any) -> None:
        row = {
            "task_id": task_id,
            "parent_job_id": ONE,
            "task_type": "warp",
            "status": "failed",
            "error_details": text,
            **given,
        }
        rows(
            f"INSERT INTO app.tasks ({', '.join(row)}, created_at, updated_at)"  # noqa: S608
            f" VALUES ({', '.join(['%s'] * len(row))}, now() - %s * interval '1 minute',"
            " now() - %s * interval '1 minute')",
            *row.values(),
            minutes,
            minutes,
        )

    return insert


def test_errors_are_groups_with_a_sample_that_has_its_stack_trace(
    host: LocalHost, add: Callable[..., None]
) -> None:
    add("a", TRACEBACK, stage=2, retry_count=1)
    add("b", "ValueError: tile 3 of 'b/3.tif' is empty", minutes=30, parent_job_id=THREE)
    add("c", "quota exceeded", minutes=40)
    add("d", "ValueError: tile 4 of 'b/4.tif' is empty", minutes=25 * 60)
    answer = host.get("/api/db/errors").json()
    first, second = answer["groups"]
    assert (first["error_type"], first["message"]) == (
        "ValueError",
        "tile <number> of <value> is empty",
    )
    assert (first["count"], first["tasks"], first["jobs"], first["retries"]) == (2, 2, 2, 1)
    assert first["share"] == 0.6667
    assert first["job_types"] == ["mosaic", "publish"]
    assert first["stages"] == [{"stage": 1, "count": 1}, {"stage": 2, "count": 1}]
    assert first["trend"] == {"before": 1, "change": 2.0, "direction": "rising"}
    assert first["sample"]["task_id"] == "a"
    assert first["sample"]["error_details"] == TRACEBACK
    assert first["last_seen"].endswith("Z")
    assert (second["message"], second["error_type"]) == ("quota exceeded", None)
    assert second["trend"] == {"before": 0, "change": None, "direction": "new"}
    totals = answer["totals"]
    assert (totals["failures"], totals["groups"], totals["was_cut"]) == (3, 2, False)
    assert answer["query_info"]["filters"] == {"hours": 24}
    assert answer["next_cursor"] is None


def test_a_walk_over_the_pages_of_groups_sees_each_once(
    host: LocalHost, add: Callable[..., None]
) -> None:
    for number, word in enumerate("alpha beta gamma delta epsilon".split()):
        add(f"t{number}", f"no {word}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = host.get("/api/db/errors", params={"limit": "2", **more}).json()
        seen += [group["message"] for group in page["groups"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(seen) == [f"no {word}" for word in "alpha beta delta epsilon gamma".split()]


def test_errors_are_filtered_by_type(host: LocalHost, add: Callable[..., None]) -> None:
    add("a", "bad", parent_job_id=THREE)
    add("b", "worse", task_type="read")

    def messages(query: str) -> set[str]:
        return {group["message"] for group in host.get(f"/api/db/errors?{query}").json()["groups"]}

    assert messages("job_type=publish") == {"bad"}
    assert messages("task_type=read") == {"worse"}
    assert messages("job_type=publish&task_type=read") == set()


def test_secrets_in_error_texts_and_dead_letters_are_masked(
    host: LocalHost, add: Callable[..., None], rows: Callable[..., list[Any]]
) -> None:
    add("a", "login with password=hunter2 at postgresql://me:sesame@db/x refused", retry_count=4)
    add("b", "Authorization: Bearer aHVudGVyMg.sesame")
    rows(
        "INSERT INTO monitoring.dead_letter_queue (job_id, event_data, error, metadata)"
        " VALUES ('nightly', %s::jsonb, 'Pwd=sesame; lost', %s::jsonb)",
        json.dumps({"token": "hunter2"}),
        json.dumps({"url": "mssql://me:hunter2@db/x"}),
    )
    for path in ("/api/db/errors", "/api/db/poison"):
        text = host.get(path).text
        assert "hunter2" not in text
        assert "sesame" not in text
        assert "aHVudGVyMg" not in text
        assert "***" in text


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("hours=0&limit=0", {"hours", "limit"}),
        (
            "hours=x&job_type=a%20b&task_type=&nothing=1",
            {"hours", "job_type", "task_type", "nothing"},
        ),
        ("limit=201&fresh=perhaps", {"limit", "fresh"}),
        ("cursor=abc", {"cursor"}),
    ],
)
def test_every_bad_parameter_of_errors_is_named(
    host: LocalHost, query: str, parameters: set[str]
) -> None:
    answer = host.get(f"/api/db/errors?{query}")
    assert answer.status_code == 400
    assert {fault["parameter"] for fault in answer.json()["errors"]} == parameters


def test_a_cursor_of_other_filters_is_refused(host: LocalHost, add: Callable[..., None]) -> None:
    add("a", "one")
    add("b", "other")
    cursor = host.get("/api/db/errors?limit=1").json()["next_cursor"]
    again = {"limit": "1", "fresh": "true", "cursor": cursor}
    assert host.get("/api/db/errors", params=again).status_code == 200
    assert host.get("/api/db/errors", params={"hours": "5", "cursor": cursor}).status_code == 400


def test_poison_shows_each_kind_of_trouble_with_its_evidence(
    host: LocalHost, add: Callable[..., None], rows: Callable[..., list[Any]]
) -> None:
    add("silent", status="processing", minutes=30)
    add("behind", status="queued", parent_job_id=TWO)
    add("done", status="completed", parent_job_id=THREE, minutes=40)
    add("again", "bad", retry_count=5, stage=2)
    rows(
        "INSERT INTO monitoring.dead_letter_queue (job_id, event_data, error, status)"
        " VALUES ('nightly', '{\"n\": 1}', 'lost', 'PENDING'),"
        "        ('other', '{}', 'lost', 'SUCCEEDED')"
    )
    answer = host.get("/api/db/poison")
    assert answer.headers["age"] == "0"
    body = answer.json()
    stuck = body["stuck_tasks"]
    assert (stuck["count"], stuck["floor_seconds"]) == (1, 300)
    assert (stuck["tasks"][0]["task_id"], stuck["tasks"][0]["normal_seconds"]) == ("silent", 300)
    assert stuck["tasks"][0]["silent_seconds"] >= 1800
    retried = body["retried_tasks"]
    assert (retried["count"], retried["least"]) == (1, 3)
    assert (retried["tasks"][0]["task_id"], retried["tasks"][0]["error_details"]) == (
        "again",
        "bad",
    )
    assert [(job["job_id"], job["retries"]) for job in body["retried_jobs"]["jobs"]] == [(ONE, 5)]
    (stalled,) = body["stalled_jobs"]["jobs"]
    assert (stalled["job_id"], stalled["reason"], stalled["tasks"]) == (THREE, "stage_complete", 1)
    assert [task["task_id"] for task in stalled["stage_tasks"]] == ["done"]
    orphans = body["orphans"]
    assert (orphans["count"], orphans["has_foreign_key"]) == (1, True)
    assert [task["task_id"] for task in orphans["tasks_left_behind"]] == ["behind"]
    assert orphans["tasks_left_behind"][0]["job_status"] == "failed"
    letters = body["dead_letters"]
    assert (letters["count"], letters["dead_letters"][0]["event_data"]) == (1, {"n": 1})


def test_where_nothing_was_retried_often_the_most_retried_are_shown(
    host: LocalHost, add: Callable[..., None]
) -> None:
    add("twice", "bad", retry_count=2)
    add("never", "bad")
    retried = host.get("/api/db/poison").json()["retried_tasks"]
    assert (retried["least"], [task["task_id"] for task in retried["tasks"]]) == (1, ["twice"])


def test_poison_of_the_last_hours_leaves_older_trouble_out(
    host: LocalHost, add: Callable[..., None]
) -> None:
    add("silent", status="processing", minutes=30)
    add("forgotten", status="processing", minutes=60 * 48)
    every = host.get("/api/db/poison?limit=1").json()["stuck_tasks"]
    assert (every["count"], [task["task_id"] for task in every["tasks"]]) == (2, ["forgotten"])
    recent = host.get("/api/db/poison?hours=24").json()["stuck_tasks"]
    assert [task["task_id"] for task in recent["tasks"]] == ["silent"]


def test_the_health_of_the_jobs_says_by_which_rule(
    host: LocalHost, add: Callable[..., None]
) -> None:
    add("done", status="completed")
    body = host.get("/api/health/jobs").json()
    components = body["components"]
    assert body["status"] == "healthy"
    assert components["jobs"]["by_status"]["processing"] == 2
    assert components["tasks"]["by_status"] == {
        "queued": 0,
        "processing": 0,
        "completed": 1,
        "failed": 0,
    }
    assert components["failure_rate"]["last_hour"] == 0
    assert components["failure_rate"]["normal"] is None
    assert components["queue"]["oldest_queued"] is None
    assert components["access"]["tables_with_row_security"] == []
    assert components["layout"] == {"status": "healthy", "renamed": {}, "missing": [], "unread": []}


def test_the_jobs_are_degraded_where_more_fails_than_usual(
    host: LocalHost, add: Callable[..., None]
) -> None:
    for number in range(20):
        add(f"old-{number}", status="completed", minutes=600 + number)
        add(f"new-{number}", "bad", status="failed" if number < 6 else "completed")
    add("waits", status="queued", minutes=120)
    add("silent", status="processing", minutes=90)
    body = host.get("/api/health/jobs").json()
    states = {name: part["status"] for name, part in body["components"].items()}
    assert body["status"] == "degraded"
    assert {name for name, state in states.items() if state == "degraded"} == {
        "failure_rate",
        "queue",
        "stuck_tasks",
    }
    rate = body["components"]["failure_rate"]
    assert (rate["last_hour"], rate["normal"], rate["failed_last_hour"]) == (0.3, 0.0, 6)
    queue = body["components"]["queue"]["oldest_queued"]
    assert (queue["task_id"], queue["job_id"]) == ("waits", ONE)
    assert queue["age_seconds"] >= 7200
    assert body["components"]["stuck_tasks"]["count"] == 1


def test_answers_are_kept_for_a_while_unless_asked_for_anew(
    http_store: str, add: Callable[..., None]
) -> None:
    with running_host(http_store, "--no-timers", env={"CACHE_SECONDS": "60"}) as host:
        assert host.get("/api/db/errors").json()["groups"] == []
        add("a", "bad", retry_count=3)
        assert host.get("/api/db/errors").json()["groups"] == []
        assert len(host.get("/api/db/errors?fresh=true").json()["groups"]) == 1
        assert host.get("/api/db/poison").json()["retried_tasks"]["count"] == 1


def test_a_jobs_database_that_is_gone_is_503(store_url: str) -> None:
    settings = {"JOBS_URL": "postgresql://me:sesame@127.0.0.1:1/nothing"}
    with running_host(store_url, "--no-timers", env=settings) as host:
        for path in ("/api/db/errors", "/api/db/poison", "/api/health/jobs"):
            answer = host.get(path)
            assert answer.status_code == 503, path
            assert "sesame" not in answer.text
        assert host.get("/api/health/jobs").json()["status"] == "unhealthy"
        assert host.get("/api/status").status_code == 200


def test_a_jobs_database_that_is_too_slow_is_504(store_url: str) -> None:
    settings = {"QUERY_TIMEOUT_SECONDS": "0.3", "CACHE_SECONDS": "0"}
    with (
        running_host(store_url, "--no-timers", env=settings) as host,
        psycopg.connect(store_url) as holder,
    ):
        assert host.get("/api/db/errors").status_code == 200
        holder.execute("LOCK TABLE app.tasks IN ACCESS EXCLUSIVE MODE")
        assert host.get("/api/db/errors").status_code == 504
        assert host.get("/api/db/poison").status_code == 504
        health = host.get("/api/health/jobs").json()
        assert health["status"] == "degraded"
        assert health["components"]["jobs"]["status"] == "healthy"
        assert "too long" in health["components"]["tasks"]["error"]
        holder.rollback()
        assert host.get("/api/db/poison").status_code == 200


def test_a_part_that_the_database_does_not_have_is_not_available(store_url: str) -> None:
    with psycopg.connect(store_url) as connection:
        connection.execute("DROP TABLE monitoring.dead_letter_queue")
    with running_host(store_url, "--no-timers") as host:
        body = host.get("/api/db/poison").json()
    assert body["dead_letters"]["status"] == "not available"
    assert body["stuck_tasks"]["count"] == 0
