"""Ten minutes of two hosts with a thousand KPIs, while hosts are killed and the server goes away.

The minutes are simulated: the store's clock, which is what decides when a slot has come, when
another try is due and when a lease ends, runs twenty times as fast as the world's.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest

from devhost.postgres import EmbeddedPostgres
from devhost.postgres.scratch import scratch_folder
from repositories.migrations.__main__ import main as migrate
from tests.hosts import LocalHost, running_host, wait_until
from tests.resilience.following import (
    follow,
    note_taken_slots,
    put_off,
    results_without_a_job,
)
from tests.resilience.freezing import postmaster_of
from tests.resilience.kpis import EVERY_SECOND, due_times, unfinished
from tests.resilience.simulated_time import run_faster

pytestmark = pytest.mark.slow

SEED = 20_261_128
FACTOR = 20
SECONDS = 600 / FACTOR
SECONDS_AWAY = 0.7
SECONDS_TO_DRAIN = 25
KILLS, RESTARTS = 4, 2


@dataclass(frozen=True)
class Kind:
    """So many KPIs that are alike."""

    name: str
    kpis: int
    schedule: str
    statement: str = "SELECT 17"
    jitter_seconds: int = 0
    max_retries: int = 0


KINDS = (
    Kind("rare", 450, "300"),
    Kind("usual", 250, "120"),
    Kind("frequent", 70, "60"),
    Kind("by the clock", 80, "0 */2 * * * *"),
    Kind("spread", 70, "0 */2 * * * *", jitter_seconds=60),
    Kind("flaky", 50, "120", "SELECT fails_often()", max_retries=3),
    Kind("broken", 20, "180", "SELECT 1/0"),
    Kind("slow", 8, "120", "SELECT 17 FROM pg_sleep(0.4)"),
    Kind("slower than its slots", 2, "20", "SELECT 17 FROM pg_sleep(2.2)"),
)
FIXTURES = """
CREATE FUNCTION public.fails_often() RETURNS integer VOLATILE LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.5 THEN
        RAISE EXCEPTION 'a conflict, for a change' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN 17;
END $$;

INSERT INTO monitoring.database_connections
       (connection_name, provider, connection_string, environment, max_parallel,
        connection_timeout_seconds, created_by, modified_by)
VALUES ('here', 'PostgreSQL', 'setting:STORE_URL', 'test', 8, 5, 'test', 'test');
"""
ADD_KIND = """
WITH query AS (
    INSERT INTO monitoring.database_queries
           (query_name, sql_query, timeout_seconds, created_by, modified_by)
    VALUES (%(name)s, %(statement)s, 60, 'test', 'test')
    RETURNING query_id)
INSERT INTO monitoring.indicators
       (indicator_name, connection_id, query_id, schedule, jitter_seconds, max_retries, next_due_at,
        created_by, modified_by)
SELECT %(name)s || ' ' || n, connection_id, query_id, %(schedule)s, %(jitter_seconds)s,
       %(max_retries)s, now() + n * interval '60 seconds' / %(kpis)s, 'test', 'test'
  FROM query, generate_series(1, %(kpis)s) AS n, monitoring.database_connections
 WHERE connection_name = 'here'
"""


class Hosts:
    """Two hosts on one store, each in a process of its own, that can be replaced."""

    def __init__(self, store_url: str, stack: ExitStack) -> None:
        self._store_url, self._outer = store_url, stack
        self._stacks: dict[int, ExitStack] = {}
        self._hosts: dict[int, LocalHost] = {}
        for number in (0, 1):
            self.start(number)

    def start(self, number: int) -> None:
        stack = self._outer.enter_context(ExitStack())
        self._hosts[number] = stack.enter_context(running_host(self._store_url, env=EVERY_SECOND))
        self._stacks[number] = stack

    def replace(self, number: int) -> None:
        """Kill one as kill -9 does, and start another."""
        self._hosts[number].kill()
        self._stacks[number].close()
        self.start(number)


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server that loses nothing of what it has said is kept, with the store in it."""
    with scratch_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        postgres.start()
        assert migrate(["--url", postgres.url, "up"]) == 0
        yield postgres


def test_two_hosts_give_each_slot_one_result_whatever_is_killed(server: EmbeddedPostgres) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret depends on it
    print(f"seed {SEED}")  # noqa: T201 - for whoever looks into a failure
    first = prepare(server.url)
    with ExitStack() as stack:
        hosts = Hosts(server.url, stack)
        disturb(hosts, server, chance)
        with psycopg.connect(server.url, autocommit=True) as connection:
            following = put_off(connection)
            wait_until(lambda: not unfinished(connection), within=SECONDS_TO_DRAIN, every=0.2)
            followed = follow(connection, first, following)
            assert results_without_a_job(connection) == 0
    for one in followed:
        one.assert_no_slot_was_lost()
        one.assert_results_agree_with_jobs()
    outcomes = Counter(status for one in followed for slot in one.taken for status in slot.jobs)
    print(outcomes)  # noqa: T201
    assert len(followed) == 1000
    assert min(outcomes[status] for status in ("Completed", "Failed", "Cancelled")) > 0
    assert sum(outcomes.values()) > 1.5 * len(followed), "time does not pass"


def prepare(url: str) -> Mapping[str, datetime]:
    """The first slot of each KPI, by its id."""
    with psycopg.connect(url, autocommit=True) as connection:
        run_faster(connection, FACTOR)
    with psycopg.connect(url, autocommit=True) as connection:
        note_taken_slots(connection)
        connection.execute(FIXTURES.encode())
        for kind in KINDS:
            connection.execute(ADD_KIND.encode(), vars(kind))
        return due_times(connection)


def disturb(hosts: Hosts, server: EmbeddedPostgres, chance: random.Random) -> None:
    """For ten minutes: kill a host now and then, and let the server die and come back."""
    until = time.monotonic() + SECONDS
    events = ["kill"] * KILLS + ["restart"] * RESTARTS
    chance.shuffle(events)
    moments = sorted(chance.uniform(0.1, 0.9) * SECONDS for _ in events)
    for event, moment in zip(events, moments, strict=True):
        time.sleep(max(until - SECONDS + moment - time.monotonic(), 0))
        if event == "kill":
            hosts.replace(chance.randrange(2))
        else:
            die(server)
            time.sleep(chance.uniform(0, SECONDS_AWAY))
            server.start()
    time.sleep(max(until - time.monotonic(), 0))


def die(server: EmbeddedPostgres) -> None:
    """At once and without a last word; whoever is connected loses what is under way."""
    postmaster_of(server).send_signal(signal.SIGQUIT)
    server.stop()
