"""The jobs database locked, closed to us, or gone: every answer says so, all else is unharmed."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from jsonschema_rs import Draft202012Validator
from psycopg import sql

from tests.hosts import LocalHost, running_host
from tests.http.asking import NAMES, Asked, operation_of
from tests.http.samples import JOB, KPI, PLACES, Secrets, plant
from triggers.operations import OPERATIONS

BODIES = {
    "post_heartbeat": {"status": "running"},
    "retry_job": {"reason": "a test"},
    "retry_errors": {"reason": "a test"},
    "retry_dead_letter": {"reason": "a test"},
    "retry_dead_letters": {"reason": "a test", "fingerprint": PLACES["fingerprint"]},
    "discard_dead_letter": {"reason": "a test"},
    "put_connection": {
        "provider": "PostgreSQL",
        "environment": "test",
        "address": "setting:STORE_URL",
    },
    "put_query": {"sql": "SELECT 1"},
    "put_kpi": {"connection": KPI, "query": KPI},
    "run_unsaved_kpi": {"connection": KPI, "sql": "SELECT 1"},
}
LAST = ["delete_kpi", "delete_connection", "delete_query"]
IN_ORDER = [*(name for name in NAMES if name not in LAST), *LAST]
"""What is removed is asked for before, and what something refers to is removed after that."""
pytestmark = pytest.mark.slow

LONGEST_SECONDS = 6.0
SETTINGS = {"QUERY_TIMEOUT_SECONDS": "0.3", "CACHE_SECONDS": "0", "JOBS_WRITABLE": "true"}
OF_STORE = {
    *(
        "kpis",
        "connections",
        "queries",
        "status",
        "document",
        "dead_letters",
        "overviews",
        "metrics",
    )
}
DONE_WITH = {"retry_dead_letter"}
"""The one letter that waits is discarded before."""
UNHARMED = {
    "get_livez",
    "get_readyz",
    *(name for name in NAMES if OPERATIONS[name].tag in OF_STORE),
}
OF_JOBS = {name for name in NAMES if OPERATIONS[name].tag in ("jobs", "failures")}

MakeDatabase = Callable[..., str]


def execute(url: str, *statements: str | sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode() if isinstance(statement, str) else statement)


@contextmanager
def locked(url: str, server: str) -> Iterator[str]:
    """Somebody else holds both tables, for a migration say."""
    with psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE app.jobs, app.tasks IN ACCESS EXCLUSIVE MODE")
        yield url


@contextmanager
def revoked(url: str, server: str) -> Iterator[str]:
    """A login that may connect, and nothing more."""
    role = sql.Identifier(f"nobody_{urlsplit(url).path[1:]}")
    execute(server, sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'sesame'").format(role))
    address = urlsplit(url).netloc.rpartition("@")[2]
    try:
        yield urlunsplit(
            urlsplit(url)._replace(netloc=f"{role.as_string()[1:-1]}:sesame@{address}")
        )
    finally:
        execute(server, sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def refused(url: str, server: str) -> Iterator[str]:
    """Nobody listens there."""
    yield "postgresql://me:sesame@127.0.0.1:1/jobs"


@contextmanager
def unharmed(url: str, server: str) -> Iterator[str]:
    yield url


AWAY = {"locked": locked, "revoked": revoked, "refused": refused, "dropped": unharmed}


@pytest.fixture(scope="module", params=AWAY)
def host(
    request: pytest.FixtureRequest, make_database: MakeDatabase, migrated: str, postgres_server: str
) -> Iterator[LocalHost]:
    store, jobs = make_database(migrated), make_database(migrated)
    plant(store, Secrets())
    plant(jobs, Secrets())
    with ExitStack() as stack:
        url = stack.enter_context(AWAY[request.param](jobs, postgres_server))
        settings = {**SETTINGS, "JOBS_URL": url}
        running = stack.enter_context(running_host(store, "--no-timers", env=settings))
        if request.param == "dropped":
            assert running.get(f"/api/db/jobs/{JOB}").status_code == HTTPStatus.OK
            name = sql.Identifier(urlsplit(jobs).path[1:])
            execute(postgres_server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        yield running


@pytest.fixture(scope="module")
def document(host: LocalHost) -> dict[str, Any]:
    found: dict[str, Any] = host.get("/api/openapi.json").json()
    return found


def ask(host: LocalHost, operation: Asked) -> httpx.Response:
    body = BODIES.get(operation.name)
    content = None if body is None else json.dumps(body).encode()
    return host.client.request(
        operation.method, operation.url(**PLACES), content=content, headers={"if-match": "*"}
    )


def check_form(operation: Asked, answer: httpx.Response) -> None:
    """The answer is one that the document promises, parts that are not available included."""
    responses = operation.spec["responses"]
    assert str(answer.status_code) in responses, answer.text
    found = responses[str(answer.status_code)]
    if "$ref" in found:
        found = operation.document["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
    schema = found["content"][answer.headers["content-type"]]["schema"]
    root = {**schema, "components": operation.document["components"]}
    Draft202012Validator(root).validate(answer.json())


@pytest.mark.parametrize("name", IN_ORDER)
def test_every_answer_says_so_or_is_unharmed(
    host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    started = time.monotonic()
    answer = ask(host, operation)
    assert time.monotonic() - started < LONGEST_SECONDS
    check_form(operation, answer)
    if name in DONE_WITH:
        assert answer.status_code == HTTPStatus.CONFLICT
    elif name in UNHARMED:
        assert answer.status_code == HTTPStatus.OK
    else:
        assert answer.status_code in {
            HTTPStatus.OK,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        }
    if name in OF_JOBS and answer.status_code == HTTPStatus.OK:
        assert "not available" in answer.text


def test_no_secret_of_the_login_is_in_the_log(host: LocalHost) -> None:
    assert "sesame" not in host.log.read_text()
