"""A store that goes away, or stops answering: everything says so in time, and recovers."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import httpx
import psycopg
import pytest

from devhost.postgres import EmbeddedPostgres
from tests.hosts import LocalHost, running_host, wait_until
from tests.resilience.freezing import frozen
from tests.resilience.kpis import EVERY_SECOND, add_kpi, slots_of
from tests.resilience.load import SECONDS_TO_ANSWER, Asked, ask, asking, figures

pytestmark = pytest.mark.slow

SECONDS_AWAY = 20.0
SECONDS_TO_RECOVER = 3.0
SIXTEEN_THREADS = {"PYTHON_THREADPOOL_THREAD_COUNT": "16"}
LIVEZ = ("GET", "/api/livez")
EVERYDAY = (
    ("GET", "/api/db/jobs?limit=5"),
    ("GET", "/api/status"),
    ("POST", "/api/status/importer/heartbeat"),
    ("GET", "/api/kpis"),
    ("GET", "/api/db/tasks?limit=5"),
)

Connection = psycopg.Connection[Any]
Say = Callable[[str], None]


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Say:
    """Note a figure: in the test's report, and on the terminal with `-s`."""

    def note(line: str) -> None:
        record_property("figure", line)
        print(line)  # noqa: T201 - for whoever asks for it

    return note


def test_requests_go_on_being_answered_while_postgresql_is_away_and_after(
    server: EmbeddedPostgres, say: Say
) -> None:
    settings = {**EVERY_SECOND, **SIXTEEN_THREADS}
    with ExitStack() as stack:
        host = stack.enter_context(running_host(server.url, env=settings))
        load = stack.enter_context(asking(host, EVERYDAY, callers=16, pause=0.08))
        lives = stack.enter_context(asking(host, [LIVEZ], callers=1, pause=0.05))
        wait_until(lambda: len(load.asked) >= 50)
        left = time.monotonic()
        url = server.url
        server.stop()
        gone = time.monotonic()
        time.sleep(SECONDS_AWAY)
        returning = time.monotonic()
        server.start(durable=False)
        back = time.monotonic()
        assert server.url == url
        time.sleep(SECONDS_TO_RECOVER + 1)
        ended = time.monotonic()
    away = load.between(gone, returning)
    later = load.between(back + SECONDS_TO_RECOVER, ended)
    say(f"before: {figures(load.between(0, left))}")
    say(f"away: {figures(away)}")
    say(f"all well {recovery(load.asked, back):.2f} s after the start; then {figures(later)}")
    say(f"livez: {figures(lives.asked)}")
    assert {one.status for one in load.between(0, left)} == {200}
    assert {one.status for one in load.asked} == {200, 503}
    assert {one.status for one in away} == {503}
    for one in load.asked:
        assert_is_a_problem_or_well(one)
    assert median(one.seconds for one in away) < 0.5
    assert {one.status for one in later} == {200}
    assert {one.status for one in lives.asked} == {200}
    assert max(one.seconds for one in lives.asked) < 1


def test_the_timers_go_on_by_themselves_after_an_outage(server: EmbeddedPostgres) -> None:
    with running_host(server.url, env=EVERY_SECOND) as host:
        wait_until(lambda: bool(host.logged("tick", timer="heartbeat")))
        server.stop()
        wait_until(lambda: bool(host.logged("tick failed", timer="heartbeat")), within=8)
        server.start(durable=False)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("TRUNCATE monitoring.system_status")
            wait_until(lambda: is_watchkeeper_seen(connection), within=8)
        wait_until(lambda: host.get("/api/health?fresh=true").status_code == 200, within=5)


def test_a_host_that_starts_before_its_store_is_well_once_that_is_there(
    server: EmbeddedPostgres,
) -> None:
    url = server.url
    server.stop()
    with running_host(url, "--no-timers") as host:
        assert ask(host, *LIVEZ).status == 200
        assert host.get("/api/readyz").status_code == 503
        assert_is_a_problem_or_well(ask(host, "GET", "/api/db/jobs"))
        server.start(durable=False)
        wait_until(lambda: host.get("/api/readyz").status_code == 200, within=SECONDS_TO_RECOVER)


def test_a_server_that_accepts_and_does_not_answer_is_not_ready_within_three_seconds(
    server: EmbeddedPostgres,
) -> None:
    with warm_host(server) as host, frozen(server):
        ready = ask(host, "GET", "/api/readyz")
        assert (ready.status, ready.seconds < 3) == (503, True)
        assert_is_alive(host)


def test_a_server_that_does_not_answer_holds_up_neither_livez_nor_readyz_nor_requests_for_long(
    server: EmbeddedPostgres, say: Say
) -> None:
    with warm_host(server) as host, ThreadPoolExecutor(24) as callers:
        with frozen(server):
            stuck = [
                callers.submit(
                    ask, host, *EVERYDAY[number % len(EVERYDAY)], timeout=SECONDS_TO_ANSWER
                )
                for number in range(24)
            ]
            time.sleep(0.5)
            assert_is_alive(host)
            ready = ask(host, "GET", "/api/readyz")
            say(f"readyz, with 24 requests under way: {ready.status} in {ready.seconds:.2f} s")
            assert (ready.status, ready.seconds < 3) == (503, True)
            wait_until(lambda: all(one.done() for one in stuck), within=SECONDS_TO_ANSWER + 1)
            answers = [one.result() for one in stuck]
            say(f"while it does not answer: {figures(answers)}")
        for answer in answers:
            assert answer.status == 503
            assert_is_a_problem_or_well(answer)
        wait_until(lambda: is_well(host), within=SECONDS_TO_RECOVER)


def test_a_target_that_stops_answering_in_the_middle_of_a_query_is_an_error_in_time(
    store_url: str, connection: Connection, server: EmbeddedPostgres
) -> None:
    statement = "SELECT 1 FROM pg_sleep(2)"
    add_kpi(connection, "far", statement, schedule="3600", timeout_seconds=3, address=server.url)
    with (
        psycopg.connect(server.url, autocommit=True) as target,
        running_host(store_url, "--no-timers") as host,
    ):
        host.fire("run_kpi_checks")
        wait_until(lambda: is_asleep(target))
        with frozen(server):
            wait_until(lambda: bool(slots_of(connection, "far")), within=10)
        wait_until(lambda: bool(host.logged("tick", timer="run_kpi_checks")))
    assert [slot.status for slot in slots_of(connection, "far")] == ["Error"]


def assert_is_alive(host: LocalHost) -> None:
    alive = ask(host, *LIVEZ)
    assert alive.status == 200
    assert alive.seconds < 1


def assert_is_a_problem_or_well(asked: Asked) -> None:
    if asked.status == httpx.codes.OK:
        assert asked.content_type.startswith("application/json")
        return
    assert asked.content_type.startswith("application/problem+json")
    problem = json.loads(asked.body)
    assert problem["status"] == 503
    assert problem["title"] == "Service Unavailable"
    assert problem["correlation_id"]
    assert "127.0.0.1" not in asked.body


def is_well(host: LocalHost) -> bool:
    return all(ask(host, *request).status == 200 for request in (*EVERYDAY, LIVEZ))


def recovery(asked: Sequence[Asked], back: float) -> float:
    """Seconds from then to the end of the last request that was not answered well."""
    return max((one.at + one.seconds - back for one in asked if one.status != 200), default=0)


def is_watchkeeper_seen(connection: Connection) -> bool:
    return connection.execute("SELECT FROM monitoring.system_status").fetchone() is not None


def is_asleep(connection: Connection) -> bool:
    sleepers = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    return connection.execute(sleepers.encode()).fetchone() is not None


@contextmanager
def warm_host(server: EmbeddedPostgres) -> Iterator[LocalHost]:
    """Its pools hold as many connections as it has threads."""
    with running_host(server.url, "--no-timers", env=SIXTEEN_THREADS) as host:
        with asking(host, EVERYDAY, callers=16, pause=0):
            time.sleep(0.5)
        yield host
