"""Secrets in every column, in statements and in settings: in no answer, and in no log line."""

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import product
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from cryptography.fernet import Fernet

from services.masking import MASK
from services.secrets.keys import make_key
from tests.hosts import LocalHost, running_host, wait_until
from tests.http.asking import Asked, operations_of
from tests.http.samples import JOB, KPI, PLACES, Secrets, plant

LEAST = 12
"""How many characters of a secret are too many: texts may be cut."""

SHOWING = {
    *("get_job", "list_jobs", "list_tasks", "list_tasks_of_job", "debug_job", "list_errors"),
    *("get_poison", "get_activity", "get_performance", "get_kpi", "list_kpis", "list_kpi_results"),
    *("list_services", "list_dead_letters", "get_dead_letter", "list_workers"),
    *("list_jobs_of_worker", "list_databases"),
}
"""What shows a text that somebody wrote: where nothing is masked, nothing was there."""

HOLDER = "LOCK TABLE app.planted IN ACCESS EXCLUSIVE MODE"
RUNNING = "SELECT pg_sleep(60) /* password={} */, 'postgresql://me:{}@db/x', 'Bearer {}'"
WAITING = "LOCK TABLE app.planted IN ACCESS EXCLUSIVE MODE /* AccountKey={} */"


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture(scope="module")
def planted_host(
    make_database: Callable[..., str], migrated: str, secrets: Secrets
) -> Iterator[LocalHost]:
    url = make_database(migrated)
    plant(url, secrets)
    secrets.planted.append(urlsplit(url).password or "")
    leave_statements_behind(url, secrets)
    settings = {
        "CACHE_SECONDS": "0",
        "JOBS_WRITABLE": "true",
        "ScheduledTasks__CleanupSchedule": secrets.short(),
        "KpiMonitoring__MaxParallelKpis": secrets.short(),
    }
    with (
        servers_work(url, secrets),
        running_host(url, "--no-timers", env=settings) as running,
    ):
        yield running


def leave_statements_behind(url: str, secrets: Secrets) -> None:
    """What pg_stat_statements keeps as it was written: utility statements, and names."""
    role = f"planted_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("CREATE TABLE app.planted ()")
        for statement in (
            f"CREATE ROLE {role} PASSWORD '{secrets.word()}'",
            f"ALTER ROLE {role} WITH PASSWORD '{secrets.word()}'",
            f"DROP ROLE {role} /* pwd={secrets.word()} */",
            f'SELECT pg_sleep(0.05) AS "password={secrets.word()}"',
        ):
            connection.execute(statement.encode())


@contextmanager
def servers_work(url: str, secrets: Secrets) -> Iterator[None]:
    """A statement that runs, one that waits for a lock, and an application with a telling name."""
    named = psycopg.conninfo.make_conninfo(url, application_name=secrets.short())
    with ExitStack() as stack:
        holder, running, waiting = (
            stack.enter_context(psycopg.connect(named, autocommit=number == 1))
            for number in range(3)
        )
        holder.execute(HOLDER.encode())
        threads = stack.enter_context(ThreadPoolExecutor(2))
        for connection, form in ((running, RUNNING), (waiting, WAITING)):
            words = [secrets.word() for _ in range(form.count("{}"))]
            threads.submit(run_until_cancelled, connection, form.format(*words))
            stack.callback(connection.cancel_safe)
        with psycopg.connect(url, autocommit=True) as asking:
            wait_until(lambda: is_waited_for(asking))
        yield


def run_until_cancelled(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(statement.encode())


def is_waited_for(connection: psycopg.Connection) -> bool:
    found = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return bool(found and found[0])


def queries_for(operation: Asked) -> Iterator[str]:
    """One for each combination of what its parameters may be, where these can be counted."""
    choices = [
        [f"{one['name']}={value}" for value in one["schema"]["enum"]]
        for one in operation.parameters("query")
        if "enum" in one["schema"]
    ]
    yield from ("&".join(chosen) for chosen in product(*choices))


def ask_everything(host: LocalHost) -> list[tuple[str, httpx.Response]]:
    document = host.get("/api/openapi.json").json()
    return [
        (operation.name, host.get(f"{operation.url(**PLACES)}?{query}"))
        for operation in operations_of(document)
        if operation.method == "GET"
        for query in queries_for(operation)
    ]


@pytest.mark.slow
def test_planted_secrets_are_in_no_answer_and_no_log_line(
    planted_host: LocalHost, secrets: Secrets
) -> None:
    answers = ask_everything(planted_host)
    reason = json.dumps({"reason": f"password={secrets.word()}", "dry_run": True})
    answers += [
        ("retry_job", planted_host.post(f"/api/jobs/{JOB}/retry", content=reason)),
        ("run_kpi", planted_host.post(f"/api/kpis/{KPI}/run")),
        ("list_jobs", planted_host.get(f"/api/db/jobs?password={secrets.word()}")),
    ]
    assert {name for name, answer in answers if MASK in answer.text} >= SHOWING
    starts = [secret[:LEAST] for secret in secrets.planted]
    log = planted_host.log.read_text()
    leaks = [
        (name, context_of(start, answer.text))
        for name, answer in answers
        for start in starts
        if start in answer.text
    ]
    assert leaks == []
    assert [context_of(start, log) for start in starts if start in log] == []


def context_of(secret: str, text: str) -> str:
    place = text.index(secret)
    return text[max(place - 100, 0) : place + 60]


FORMS = (
    "postgresql://me:{}%40%3B%27%22%5B%C3%A4@127.0.0.1:1/x",
    "postgresql://me:{}@;'=x@127.0.0.1:1/x",
    "postgresql://127.0.0.1:1/x?user=me&password={}",
    "mysql://me:{}@127.0.0.1:1/x?tls=no",
    "mssql://sa:{}@127.0.0.1:1/x",
    "Driver={{No Such Driver}};Server=127.0.0.1,1;UID=sa;PWD={{{};}}}}'\"}}",
    "Server=tcp:127.0.0.1,1;Initial Catalog=x;User ID=sa;Password='{};it''s'",
    "Server=127.0.0.1,1;uid=sa;Pass Word={}",
)
NONSENSE = (
    "postgresql://me:{}@127.0.0.1:port/x",
    "postgresql://me:{}#more@127.0.0.1/x",
    "nosuch://me:{}@127.0.0.1/x",
    "mysql://me:{}@127.0.0.1/x?password=y",
    "Server=x;Nonsense=1;Password={}",
    "keyvault:https://me:{}@team.vault.azure.net/secrets/a",
    "setting:{} not",
    "oracle://me:{}@127.0.0.1",
)
QUERIES = {
    "good": "SELECT 1",
    "bad": "SELECT nothing FROM nowhere",
    "slow": "SELECT pg_sleep(30)",
    "several": "SELECT 1; SELECT 2",
}


class Sealed:
    """A host with a key, and what must never be seen of its addresses."""

    def __init__(self, host: LocalHost, url: str, secrets: Secrets) -> None:
        self.host, self.url, self.secrets = host, url, secrets
        self.answers: list[tuple[str, httpx.Response]] = []

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.host.client.request(method, f"/api/{path}", content=content)
        self.answers.append((f"{method} {path}", answer))
        return answer

    def put_connection(self, name: str, address: str, provider: str) -> httpx.Response:
        body = {
            "provider": provider,
            "environment": "Test",
            "address": address,
            "timeout_seconds": 2,
        }
        return self.ask("PUT", f"connections/{name}", body)

    def put_address(self, form: str, name: str) -> httpx.Response:
        known = {"postgresql": "PostgreSQL", "mysql": "MySQL", "oracle": "Oracle"}
        provider = known.get(form.partition("://")[0], "SqlServer")
        return self.put_connection(name, form.format(self.secrets.word()), provider)

    def leaks(self) -> list[str]:
        starts = [secret[:LEAST] for secret in self.secrets.planted]
        told = [
            *((name, one.text) for name, one in self.answers),
            ("log", self.host.log.read_text()),
        ]
        return [
            f"{name}: {context_of(start, text)}"
            for name, text in told
            for start in starts
            if start in text
        ]


@pytest.fixture(scope="module")
def sealed(make_database: Callable[..., str], migrated: str) -> Iterator[Sealed]:
    secrets, keys = Secrets(), [make_key(), make_key()]
    secrets.planted += keys
    url = make_database(migrated)
    secrets.planted.append(urlsplit(url).password or "")
    settings = {"CACHE_SECONDS": "0", "ENCRYPTION_KEYS": ",".join(keys)}
    with running_host(url, "--no-timers", env=settings) as running:
        yield Sealed(running, url, secrets)


@pytest.mark.slow
def test_the_secret_of_an_address_is_in_no_answer_and_no_log_line_however_it_fails(
    sealed: Sealed,
) -> None:
    for number, form in enumerate(FORMS):
        made = sealed.put_address(form, f"form-{number}")
        assert made.status_code == httpx.codes.CREATED, (form, made.text)
        assert made.json()["connection"]["address"] == "(stored)"
    for number, form in enumerate(NONSENSE):
        refused = sealed.put_address(form, f"nonsense-{number}")
        assert refused.status_code == httpx.codes.BAD_REQUEST, (form, refused.text)
    parts = urlsplit(sealed.url)
    place = f"{parts.hostname}:{parts.port}{parts.path}"
    wrong = f"postgresql://{parts.username}:{sealed.secrets.word()}@{place}"
    for name, address in (("well", sealed.url), ("wrong", wrong), ("lost", sealed.url)):
        made = sealed.put_connection(name, address, "PostgreSQL")
        assert made.status_code == httpx.codes.CREATED
    with psycopg.connect(sealed.url, autocommit=True) as connection:
        tokens = connection.execute(
            "SELECT connection_string FROM monitoring.database_connections WHERE is_encrypted"
        ).fetchall()
        lost = Fernet(make_key()).encrypt(sealed.url.encode()).decode()
        connection.execute(
            "UPDATE monitoring.database_connections SET connection_string = %s"
            " WHERE connection_name = 'lost'",
            [lost],
        )
    # The first characters of a token are the version and the time, which are alike in all.
    sealed.secrets.planted += [token[20:60] for (token,) in tokens] + [lost[20:60]]
    for name, sql in QUERIES.items():
        sealed.ask("PUT", f"queries/{name}", {"sql": sql, "timeout_seconds": 1})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        address = f"postgresql://me:{sealed.secrets.word()}@127.0.0.1:{port}/x"
        sealed.put_connection("silent", address, "PostgreSQL")
        for connection_name, verdicts in run_each(sealed).items():
            assert "Healthy" not in verdicts or connection_name == "well"
    assert_errors(sealed)
    sealed.ask(
        "PUT",
        "connections/well",
        {
            "provider": "PostgreSQL",
            "environment": "Test",
            "address": "(stored)",
            "description": "x",
        },
    )
    for path in (
        "connections",
        "connections/well",
        "kpis",
        "queries",
        "metrics",
        "health?fresh=true",
    ):
        sealed.ask("GET", path)
    sealed.answers += ask_everything(sealed.host)
    assert sealed.leaks() == []


def run_each(sealed: Sealed) -> dict[str, set[str]]:
    """Each connection is tried out and runs one KPI, and the one that works all of them."""
    verdicts: dict[str, set[str]] = {}
    listed = sealed.ask("GET", "connections?limit=100").json()["connections"]
    for one in listed:
        name = one["name"]
        sealed.ask("POST", f"connections/{name}/test")
        for query in QUERIES if name == "well" else ["good"]:
            kpi = {"connection": name, "query": query, "schedule": "3600"}
            sealed.ask("PUT", f"kpis/{name}-{query}", kpi)
            answer = sealed.ask("POST", f"kpis/{name}-{query}/run")
            if answer.status_code == httpx.codes.OK:
                verdicts.setdefault(name, set()).add(answer.json()["result"]["status"])
    return verdicts


def assert_errors(sealed: Sealed) -> None:
    """That all of what could fail did, each in its own way."""
    told = [
        one.json()["result"]
        for name, one in sealed.answers
        if name.endswith("/run") and one.status_code == httpx.codes.OK
    ]
    kinds = {result["error_type"] for result in told}
    assert {"login_refused", "connection_lost", "not_configured", "bad_sql", "timeout"} <= kinds
    messages = " ".join(result["message"] for result in told)
    assert "no key of ENCRYPTION_KEYS fits" in messages
