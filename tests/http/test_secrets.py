"""Secrets in every column, in statements and in settings: in no answer, and in no log line."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import product
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from services.masking import MASK
from tests.hosts import LocalHost, running_host, wait_until
from tests.http.asking import Asked, operations_of
from tests.http.samples import JOB, KPI, SERVICE, Secrets, plant

PLACES = {"job_id": JOB, "name": KPI, "service": SERVICE, "fingerprint": "0" * 16}
LEAST = 12
"""How many characters of a secret are too many: texts may be cut."""

SHOWING = {
    *("get_job", "list_jobs", "list_tasks", "list_tasks_of_job", "debug_job", "list_errors"),
    *("get_poison", "get_activity", "get_performance", "get_kpi", "list_kpis", "list_kpi_results"),
    "list_services",
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
            wait_until(lambda: is_waited_for(asking), within=10)
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
