"""What failed for good, over HTTP: seen, tried again until it works, given up."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.hosts import LocalHost, running_host, wait_until

MakeDatabase = Callable[..., str]
FINGERPRINT = "00112233aabbccdd"
BODY = {"reason": "the disk is back"}


@pytest.fixture(scope="module")
def store(make_database: MakeDatabase, migrated: str) -> str:
    return make_database(migrated)


@pytest.fixture(scope="module")
def host(store: str) -> Iterator[LocalHost]:
    with running_host(store, "--no-timers", env={"CACHE_SECONDS": "0"}) as host:
        yield host


@pytest.fixture(autouse=True)
def emptied(store: str) -> None:
    """Without letters and KPIs; those that come with the app are not to run here."""
    for table in ("dead_letter_queue", "audit_log", "worker_jobs", "indicators"):
        ask(store, f"DELETE FROM monitoring.{table}")  # noqa: S608


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def add_letter(store: str, job_id: str = "kpi:one", **columns: object) -> str:
    given = {
        "dead_letter_id": str(uuid.uuid4()),
        "job_id": job_id,
        "fingerprint": FINGERPRINT,
        "event_data": '{"kpi": "one"}',
        "error": "lost",
        "error_type": "connection_lost",
    } | columns
    marks = ", ".join(["%s"] * len(given))
    ask(
        store,
        f"INSERT INTO monitoring.dead_letter_queue ({', '.join(given)}) VALUES ({marks})",  # noqa: S608
        *given.values(),
    )
    return str(given["dead_letter_id"])


def add_kpi(store: str, name: str = "one", *, address: str = "setting:STORE_URL") -> None:
    """Due now, and not again for a day."""
    ask(
        store,
        "INSERT INTO monitoring.database_connections (connection_name, provider,"
        " connection_string, environment, created_by, modified_by)"
        " VALUES (%s, 'PostgreSQL', %s, 'test', 'me', 'me') ON CONFLICT DO NOTHING",
        name,
        address,
    )
    ask(
        store,
        "INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)"
        " VALUES (%s, 'SELECT 1', 'me', 'me') ON CONFLICT DO NOTHING",
        name,
    )
    ask(
        store,
        "INSERT INTO monitoring.indicators (indicator_name, connection_id, query_id, schedule,"
        " created_by, modified_by) SELECT %s, connection_id, query_id, '86400', 'me', 'me'"
        "   FROM monitoring.database_connections, monitoring.database_queries"
        "  WHERE connection_name = %s AND query_name = %s",
        *(name, name, name),
    )


def letters(host: LocalHost, **asked: Any) -> list[dict[str, Any]]:
    answer = host.get("/api/dead-letters", params=asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: list[dict[str, Any]] = answer.json()["dead_letters"]
    return found


def letter(host: LocalHost, dead_letter_id: str) -> dict[str, Any]:
    answer = host.get(f"/api/dead-letters/{dead_letter_id}")
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()["dead_letter"]
    return found


def retry(host: LocalHost, dead_letter_id: str, **more: object) -> httpx.Response:
    return host.post(f"/api/dead-letters/{dead_letter_id}/retry", json=BODY | more)


def retry_alike(host: LocalHost, **more: object) -> httpx.Response:
    return host.post("/api/dead-letters/retry", json=BODY | {"fingerprint": FINGERPRINT} | more)


def run_round(host: LocalHost, store: str) -> None:
    def rounds() -> int:
        found = ask(
            store,
            "SELECT coalesce(sum(total_executions), 0) FROM monitoring.job_metrics"
            " WHERE job_id = 'timer:run_kpi_checks'",
        )
        return int(found[0][0])

    before = rounds()
    host.fire("run_kpi_checks")
    wait_until(lambda: rounds() > before)


def test_a_kpi_that_fails_for_good_is_found_tried_again_and_done_with(
    host: LocalHost, store: str
) -> None:
    run_round(host, store)
    ask(store, "DELETE FROM monitoring.dead_letter_queue")
    ask(store, "UPDATE monitoring.indicators SET next_due_at = now() + interval '1 day'")
    add_kpi(store, "lost", address="setting:NOWHERE")
    run_round(host, store)
    (found,) = letters(host, status="PENDING")
    assert found["job_id"] == "kpi:lost"
    assert found["event_data"]["kpi"] == "lost"
    assert (found["occurrences"], found["attempts"]) == (1, 0)

    answer = retry(host, found["dead_letter_id"])
    assert answer.status_code == httpx.codes.ACCEPTED
    worker_job_id = answer.json()["retried"]["worker_job_id"]
    assert letter(host, found["dead_letter_id"])["status"] == "PROCESSING"
    run_round(host, store)
    failed = letter(host, found["dead_letter_id"])
    assert (failed["status"], failed["attempts"], failed["occurrences"]) == ("PENDING", 1, 1)
    jobs = "SELECT status, dead_letter_id::text FROM monitoring.worker_jobs WHERE job_id = %s"
    assert ask(store, jobs, worker_job_id) == [("Failed", found["dead_letter_id"])]

    ask(
        store,
        "UPDATE monitoring.database_connections SET connection_string = 'setting:STORE_URL'"
        " WHERE connection_name = 'lost'",
    )
    answer = retry_alike(host, fingerprint=found["fingerprint"])
    assert answer.status_code == httpx.codes.ACCEPTED
    run_round(host, store)
    done = letter(host, found["dead_letter_id"])
    assert (done["status"], done["attempts"]) == ("SUCCEEDED", 2)
    assert done["processed_at"] is not None


def test_letters_are_listed_newest_first_in_pages_and_filtered(host: LocalHost, store: str) -> None:
    for hours in (3, 1, 2):
        add_letter(
            store,
            f"kpi:{hours}",
            last_occurred_at=_ago(store, hours),
        )
    add_letter(
        store, "nightly", fingerprint=None, last_occurred_at=_ago(store, 50), status="FAILED"
    )
    assert [one["job_id"] for one in letters(host)] == ["kpi:1", "kpi:2", "kpi:3", "nightly"]
    assert [one["job_id"] for one in letters(host, hours=24, job_id="kpi:2")] == ["kpi:2"]
    assert [one["job_id"] for one in letters(host, status="FAILED")] == ["nightly"]
    assert len(letters(host, fingerprint=FINGERPRINT)) == 3
    assert len(letters(host, hours=24)) == 3
    first = host.get("/api/dead-letters", params={"limit": 3}).json()
    cursor = {"limit": 3, "cursor": first["next_cursor"]}
    last = host.get("/api/dead-letters", params=cursor).json()
    assert [one["job_id"] for one in last["dead_letters"]] == ["nightly"]
    assert last["next_cursor"] is None
    assert first["query_info"]["returned"] == 3


def _ago(store: str, hours: int) -> object:
    return ask(store, f"SELECT now() - interval '{hours} hours'")[0][0]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=pending", "status"),
        ("fingerprint=xyz", "fingerprint"),
        ("hours=0", "hours"),
        ("job_id=", "job_id"),
        ("cursor=abc", "cursor"),
        ("x=1", "x"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(host: LocalHost, query: str, name: str) -> None:
    answer = host.get(f"/api/dead-letters?{query}")
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [name]


def test_an_unknown_letter_is_not_found_and_a_malformed_id_refused(host: LocalHost) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/retry", BODY),
        ("POST", "/discard", BODY),
    ):
        unknown = host.client.request(method, f"/api/dead-letters/{uuid.uuid4()}{path}", json=body)
        malformed = host.client.request(method, f"/api/dead-letters/17{path}", json=body)
        assert unknown.status_code == httpx.codes.NOT_FOUND
        assert malformed.status_code == httpx.codes.BAD_REQUEST


def test_a_retry_needs_a_reason(host: LocalHost, store: str) -> None:
    dead_letter_id = add_letter(store)
    for path in (f"{dead_letter_id}/retry", f"{dead_letter_id}/discard", "retry"):
        answer = host.post(f"/api/dead-letters/{path}", json={"reason": "  "})
        assert answer.status_code == httpx.codes.BAD_REQUEST
        assert "reason" in [fault["parameter"] for fault in answer.json()["errors"]]
    assert letter(host, dead_letter_id)["status"] == "PENDING"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(host: LocalHost, store: str) -> None:
    add_kpi(store)
    dead_letter_id = add_letter(store)
    for answer in (retry(host, dead_letter_id, dry_run=True), retry_alike(host, dry_run=True)):
        assert answer.status_code == httpx.codes.OK
        assert answer.json()["dry_run"] is True
    assert answer.json()["retried"] == [
        {"dead_letter_id": dead_letter_id, "job_id": "kpi:one", "worker_job_id": None}
    ]
    assert letter(host, dead_letter_id)["status"] == "PENDING"
    assert ask(store, "SELECT job_id FROM monitoring.worker_jobs") == []


def test_a_retry_queues_an_execution_at_once_and_says_who_asked(
    host: LocalHost, store: str
) -> None:
    add_kpi(store)
    dead_letter_id = add_letter(store)
    answer = host.post(
        f"/api/dead-letters/{dead_letter_id}/retry",
        json=BODY,
        headers={"x-ms-client-principal-name": "kim@example.org"},
    )
    worker_job_id = answer.json()["retried"]["worker_job_id"]
    assert ask(
        store,
        "SELECT job_name, status, slot_at, dead_letter_id::text, available_at <= now()"
        " FROM monitoring.worker_jobs WHERE job_id = %s",
        worker_job_id,
    ) == [("one", "Queued", None, dead_letter_id, True)]
    ((actor, action, reason, new),) = ask(
        store, "SELECT actor, action, reason, new_values FROM monitoring.audit_log"
    )
    assert (actor, action, reason) == ("kim@example.org", "dead_letter.retried", BODY["reason"])
    assert new == {"status": "PROCESSING", "worker_job_id": worker_job_id}


@pytest.mark.parametrize("status", ["PROCESSING", "SUCCEEDED", "FAILED"])
def test_a_letter_that_does_not_wait_is_neither_retried_nor_discarded(
    host: LocalHost, store: str, status: str
) -> None:
    add_kpi(store)
    dead_letter_id = add_letter(store, status=status)
    discarded = host.post(f"/api/dead-letters/{dead_letter_id}/discard", json=BODY)
    for answer in (retry(host, dead_letter_id), discarded):
        assert answer.status_code == httpx.codes.CONFLICT
        assert status in answer.json()["detail"]
    alike = retry_alike(host)
    assert alike.status_code == httpx.codes.OK
    assert (alike.json()["not_pending"], alike.json()["retried"]) == (1, [])


def test_a_letter_without_its_kpi_or_of_another_application_says_why_not(
    host: LocalHost, store: str
) -> None:
    gone, foreign = add_letter(store, "kpi:gone"), add_letter(store, "nightly")
    for dead_letter_id, reason in ((gone, "gone"), (foreign, "not a KPI")):
        answer = retry(host, dead_letter_id)
        assert answer.status_code == httpx.codes.CONFLICT
        assert reason in answer.json()["detail"]
    alike = retry_alike(host).json()
    assert {one["dead_letter_id"] for one in alike["refused"]} == {gone, foreign}
    assert [one["status"] for one in letters(host)] == ["PENDING", "PENDING"]


def test_all_alike_are_retried_up_to_the_limit(host: LocalHost, store: str) -> None:
    for number in range(4):
        add_kpi(store, f"k{number}")
        add_letter(store, f"kpi:k{number}")
    add_letter(store, "kpi:k0", fingerprint="f" * 16)
    first = retry_alike(host, limit=3)
    assert first.status_code == httpx.codes.ACCEPTED
    body = first.json()
    assert (len(body["retried"]), body["pending"], body["not_pending"]) == (3, 4, 0)
    assert "newest 3 of 4" in body["note"]
    body = retry_alike(host).json()
    assert (len(body["retried"]), body["pending"], body["not_pending"]) == (1, 1, 3)
    body = retry_alike(host).json()
    assert (body["retried"], body["refused"], body["pending"]) == ([], [], 0)
    assert FINGERPRINT in body["note"]


def test_two_who_retry_at_once_queue_one_execution(host: LocalHost, store: str) -> None:
    add_kpi(store)
    dead_letter_id = add_letter(store)
    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(lambda _: retry(host, dead_letter_id).status_code, range(8))]
    assert sorted(answers) == [httpx.codes.ACCEPTED] + [httpx.codes.CONFLICT] * 7
    assert len(ask(store, "SELECT job_id FROM monitoring.worker_jobs")) == 1


def test_a_letter_is_given_up_with_a_reason(host: LocalHost, store: str) -> None:
    dead_letter_id = add_letter(store)
    answer = host.post(f"/api/dead-letters/{dead_letter_id}/discard", json=BODY)
    assert answer.status_code == httpx.codes.OK
    found = answer.json()["dead_letter"]
    assert found["status"] == "FAILED"
    assert found["metadata"]["discarded"] == {"actor": "api", "reason": BODY["reason"]}
    assert ask(store, "SELECT action FROM monitoring.audit_log") == [("dead_letter.discarded",)]


def test_nothing_is_written_where_that_is_switched_off(store: str) -> None:
    dead_letter_id = add_letter(store)
    with running_host(store, "--no-timers", env={"READ_ONLY": "true"}) as host:
        for path in (f"{dead_letter_id}/retry", f"{dead_letter_id}/discard"):
            answer = host.post(f"/api/dead-letters/{path}", json=BODY)
            assert answer.status_code == httpx.codes.FORBIDDEN
        assert retry_alike(host).status_code == httpx.codes.FORBIDDEN
        assert letter(host, dead_letter_id)["status"] == "PENDING"


def test_secrets_in_the_input_and_the_error_are_masked(host: LocalHost, store: str) -> None:
    dead_letter_id = add_letter(
        store,
        event_data=json.dumps({"password": "sesame-1", "note": "token=sesame-2"}),
        error="cannot connect: host=db user=me password=sesame-3",
        metadata=json.dumps({"url": "postgresql://me:sesame-4@db/x"}),
    )
    for text in (
        host.get("/api/dead-letters").text,
        host.get(f"/api/dead-letters/{dead_letter_id}").text,
        host.post(f"/api/dead-letters/{dead_letter_id}/discard", json=BODY).text,
    ):
        assert "***" in text
        assert "sesame" not in text


def test_health_says_how_many_wait(host: LocalHost, store: str) -> None:
    add_letter(store)
    add_letter(store, status="FAILED")
    kpis = host.get("/api/health").json()["components"]["kpis"]
    assert kpis["dead_letters"] == 1
