"""A connection is tried out: where it leads, and why it does not."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services.secrets.keys import make_key
from tests.hosts import LocalHost, running_host

KEY = make_key()


@pytest.fixture(scope="module")
def url(make_database: Any, migrated: str) -> str:
    return str(make_database(migrated))


@pytest.fixture(scope="module")
def host(url: str) -> Iterator[LocalHost]:
    settings = {"CACHE_SECONDS": "0", "ENCRYPTION_KEYS": KEY}
    with running_host(url, "--no-timers", env=settings) as running:
        yield running


def put(host: LocalHost, name: str, address: str, **members: Any) -> None:
    body = {"provider": "PostgreSQL", "environment": "Test", "address": address, **members}
    answer = host.client.put(f"/api/connections/{name}", content=json.dumps(body).encode())
    assert answer.status_code in {httpx.codes.OK, httpx.codes.CREATED}, answer.text


def tried(host: LocalHost, name: str) -> dict[str, Any]:
    answer = host.post(f"/api/connections/{name}/test")
    assert answer.status_code == httpx.codes.OK, answer.text
    test: dict[str, Any] = answer.json()["test"]
    assert list(test) == [
        *("connection", "ok", "error_type", "message", "connect_ms", "query_ms"),
        "server_version",
    ]
    return test


@pytest.mark.parametrize("kind", ["encrypted", "setting"])
def test_a_connection_that_works_tells_how_fast_and_what_is_there(
    host: LocalHost, url: str, kind: str
) -> None:
    put(host, kind, "setting:STORE_URL" if kind == "setting" else url)
    test = tried(host, kind)
    assert (test["connection"], test["ok"], test["error_type"]) == (kind, True, None)
    assert test["server_version"].split(".")[0].isdigit()
    assert test["query_ms"] > 0
    assert test["connect_ms"] >= 0


def test_one_that_does_not_says_why_and_is_answered_all_the_same(host: LocalHost, url: str) -> None:
    parts = urlsplit(url)
    wrong = f"postgresql://{parts.username}:hunter2sesame@{parts.hostname}:{parts.port}/x"
    put(host, "wrong", wrong)
    put(host, "closed", f"postgresql://u:hunter2sesame@{parts.hostname}:1/x")
    put(host, "unset", "setting:NOWHERE")
    put(host, "nameless", "postgresql://u:hunter2sesame@nowhere.invalid/x", timeout_seconds=5)
    found = {name: tried(host, name) for name in ("wrong", "closed", "unset", "nameless")}
    assert {name: (test["ok"], test["error_type"]) for name, test in found.items()} == {
        "wrong": (False, "login_refused"),
        "closed": (False, "connection_lost"),
        "unset": (False, "not_configured"),
        "nameless": (False, "connection_lost"),
    }
    assert found["unset"]["message"] == "NOWHERE is not set"
    assert "hunter2" not in json.dumps(found)


def test_one_whose_address_cannot_be_used_is_not_configured(host: LocalHost, url: str) -> None:
    wrong = {
        "option": ("setting:OPTION_URL", "an option that PostgreSQL does not know"),
        "mode": ("setting:MODE_URL", "an option whose value PostgreSQL does not take"),
    }
    settings = {
        "OPTION_URL": "postgresql://h/x?nonsense=1",
        "MODE_URL": "postgresql://h/x?sslmode=bogus",
        "LATE_URL": url,
    }
    put(host, "late", "setting:LATE_URL", provider="MySQL")
    for name, (address, _) in wrong.items():
        put(host, name, address)
    with running_host(url, "--no-timers", env=settings) as other:
        for name, (_, reason) in wrong.items():
            test = tried(other, name)
            assert (test["ok"], test["error_type"]) == (False, "not_configured")
            assert reason in test["message"]
        late = tried(other, "late")
        assert late["error_type"] == "not_configured"
        assert "leads to PostgreSQL, and the provider is MySQL" in late["message"]


@pytest.mark.slow
def test_one_that_never_answers_is_given_up_within_its_time(host: LocalHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        put(host, "silent", f"postgresql://u:p@127.0.0.1:{port}/x", timeout_seconds=1)
        started = time.monotonic()
        assert tried(host, "silent")["error_type"] == "connection_lost"
        assert time.monotonic() - started < 4


def test_one_that_is_not_there_is_not_found(host: LocalHost) -> None:
    assert host.post("/api/connections/nowhere/test").status_code == httpx.codes.NOT_FOUND


def test_a_host_without_the_key_says_so_and_does_all_else(host: LocalHost, url: str) -> None:
    put(host, "sealed", url)
    put(host, "plain", "setting:STORE_URL")
    settings = {"ENCRYPTION_KEYS": make_key(), "READ_ONLY": "true"}
    with running_host(url, "--no-timers", env=settings) as other:
        test = tried(other, "sealed")
        assert (test["ok"], test["error_type"]) == (False, "not_configured")
        assert "no key of ENCRYPTION_KEYS fits" in test["message"]
        assert tried(other, "plain")["ok"]
