from collections.abc import Callable
from typing import Any

import pytest

from tests.hosts import LocalHost


def test_a_heartbeat_makes_a_service_healthy(host: LocalHost) -> None:
    body = {"status": "running", "current_task": "indexing"}
    answer = host.post("/api/status/librarian/heartbeat", json=body)
    assert answer.status_code == 200
    service = answer.json()["service"]
    assert service["service"] == "librarian"
    assert (service["state"], service["status"]) == ("healthy", "running")
    assert service["current_task"] == "indexing"
    assert service["age_seconds"] == 0
    assert service["last_heartbeat"].endswith("Z")


def test_status_and_history_change_together(
    host: LocalHost, rows: Callable[..., list[Any]]
) -> None:
    for status in ("starting", "running"):
        host.post("/api/status/together/heartbeat", json={"status": status})
    history = rows(
        "SELECT status, heartbeat_timestamp FROM monitoring.system_status_history"
        " WHERE service_name = 'together' ORDER BY id"
    )
    newest = rows(
        "SELECT status, last_heartbeat FROM monitoring.system_status"
        " WHERE service_name = 'together'"
    )
    assert [status for status, _ in history] == ["starting", "running"]
    assert newest == [history[-1]]


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "healthy"), (59, "healthy"), (61, "stale"), (181, "down")]
)
def test_age_decides_the_state(
    host: LocalHost, rows: Callable[..., list[Any]], seconds: int, state: str
) -> None:
    host.post("/api/status/aging/heartbeat", json={"status": "running"})
    rows(
        "UPDATE monitoring.system_status SET last_heartbeat = last_heartbeat - %s * interval '1 s',"
        " due_at = due_at - %s * interval '1 s' WHERE service_name = 'aging'",
        seconds,
        seconds,
    )
    services = {one["service"]: one for one in host.get("/api/status").json()["services"]}
    assert services["aging"]["state"] == state


@pytest.mark.parametrize("status", ["failed", "stopped", "Failed"])
def test_who_says_so_is_down_at_once(host: LocalHost, status: str) -> None:
    answer = host.post("/api/status/gone/heartbeat", json={"status": status})
    assert answer.json()["service"]["state"] == "down"


def test_an_unknown_word_is_shown_as_it_is(host: LocalHost) -> None:
    answer = host.post("/api/status/odd/heartbeat", json={"status": "pondering"})
    assert (answer.json()["service"]["state"], answer.json()["service"]["status"]) == (
        "healthy",
        "pondering",
    )


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ("{", "body"),
        ("[]", "body"),
        ("{}", "status"),
        ('{"status": ""}', "status"),
        ('{"status": "' + "x" * 17 + '"}', "status"),
        ('{"status": "a\\u0000b"}', "status"),
        ('{"status": "running", "when": "now"}', "when"),
        ('{"status": "running", "interval_seconds": 0}', "interval_seconds"),
        ('{"status": "running", "current_task": "a\\u0000"}', "current_task"),
        ('{"status": "' + "x" * 70000 + '"}', "body"),
    ],
)
def test_a_bad_body_is_400_and_names_the_member(host: LocalHost, body: str, parameter: str) -> None:
    answer = host.post("/api/status/librarian/heartbeat", content=body)
    assert answer.status_code == 400
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize("name", ["-x", "a b", "x" * 65, "a%2Fb"])
def test_a_bad_name_is_refused(host: LocalHost, name: str) -> None:
    answer = host.post(f"/api/status/{name}/heartbeat", json={"status": "running"})
    assert answer.status_code in {400, 404}


def test_services_come_page_by_page(host: LocalHost) -> None:
    for number in range(5):
        host.post(f"/api/status/page-{number}/heartbeat", json={"status": "running"})
    every = [one["service"] for one in host.get("/api/status").json()["services"]]
    seen: list[str] = []
    cursor = None
    while True:
        page = host.get("/api/status", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        seen += [one["service"] for one in page.json()["services"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert seen == every
    assert seen == sorted(seen)
