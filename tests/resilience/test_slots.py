"""Every slot of a KPI has exactly one result, whoever runs it and whatever happens to them."""

import time
from datetime import datetime
from typing import Any, NamedTuple

import psutil
import psycopg
import pytest

from tests.hosts import LocalHost, running_host, wait_until
from tests.resilience.following import follow, note_taken_slots, put_off
from tests.resilience.kpis import (
    EVERY_SECOND,
    Slot,
    add_kpi,
    due_times,
    slots_of,
    unfinished,
)
from tests.resilience.simulated_time import run_faster

pytestmark = pytest.mark.slow

Connection = psycopg.Connection[Any]
SECONDS_OF_TWO_HOSTS = 7.0
FACTOR = 10
EVERY_THIRD_SECOND = {**EVERY_SECOND, "KpiMonitoring__Schedule": "*/3 * * * * *"}
LEASE_SECONDS = (1 + 1 + 20) / FACTOR  # the query's, the connection's and the margin


def test_two_hosts_on_one_store_run_each_slot_once(store_url: str, connection: Connection) -> None:
    names = [f"kpi_{number}" for number in range(40)]
    connection.execute("CREATE TABLE executions (name text)")
    note_taken_slots(connection)
    for number, name in enumerate(names):
        add_kpi(
            connection,
            name,
            f"INSERT INTO executions VALUES ('{name}')",  # noqa: S608 - a name of our own
            result_type="NonQuery",
            schedule=str(1 + number % 2),
            timeout_seconds=10,
        )
    first = due_times(connection)
    with (
        running_host(store_url, env=EVERY_SECOND) as one,
        running_host(store_url, env=EVERY_SECOND) as other,
    ):
        time.sleep(SECONDS_OF_TWO_HOSTS)
        wait_until(lambda: len(takers(connection)) == 2)
        following = put_off(connection)
        wait_until(lambda: not unfinished(connection), within=15)
        workers = {worker_of(connection, one), worker_of(connection, other)}
    results = {name: slots_of(connection, name) for name in names}
    for slots in results.values():
        assert [slot.status for slot in slots] == ["Healthy"] * len(slots)
    for followed in follow(connection, first, following):
        followed.assert_no_slot_was_lost()
        followed.assert_results_agree_with_jobs()
    assert executions_of(connection) == {name: len(slots) for name, slots in results.items()}
    assert min(map(len, results.values())) >= 3, "the slots do not advance"
    assert {slot.worker_instance_id for slots in results.values() for slot in slots} == workers


def takers(connection: Connection) -> set[str]:
    """The processes that have run anything."""
    rows = connection.execute(
        "SELECT DISTINCT worker_instance_id::text FROM monitoring.database_monitoring_results"
    ).fetchall()
    return {row[0] for row in rows}


def test_the_slots_of_a_killed_host_run_elsewhere_once_their_lease_ends(
    store_url: str, connection: Connection
) -> None:
    names = [f"slow_{number}" for number in range(8)]
    run_faster(connection, FACTOR)
    with psycopg.connect(store_url, autocommit=True) as faster:
        note_taken_slots(faster)
        for name in names:
            statement = f"SELECT 1 FROM pg_sleep(0.5) -- {name}"  # noqa: S608 - a name of our own
            add_kpi(faster, name, statement, schedule="20")
        first = due_times(faster)
        with (
            running_host(store_url, env=EVERY_SECOND) as killed,
            running_host(store_url, env=EVERY_THIRD_SECOND) as survivor,
        ):
            wait_until(lambda: worker_of(faster, survivor) is not None)
            wait_until(lambda: bool(claims_of(faster, killed)), every=0.005)
            claims = claims_of(faster, killed)
            killed.kill()
            left = [claim for claim in claims if result_of(faster, claim) is None]
            assert left, "it was killed too late"
            time.sleep(LEASE_SECONDS + 1)
            following = put_off(faster)
            wait_until(lambda: not unfinished(faster), within=15)
            its_id = worker_of(faster, survivor)
        for claim in left:
            slot = result_of(faster, claim)
            assert slot is not None
            assert slot.executed_at > claim.leased_until
            assert (slot.worker_instance_id, slot.status) == (its_id, "Healthy")
        for followed in follow(faster, first, following):
            followed.assert_no_slot_was_lost()
            followed.assert_results_agree_with_jobs()


def test_a_slow_kpi_does_not_hold_up_the_others(store_url: str, connection: Connection) -> None:
    add_kpi(connection, "slow", "SELECT 1 FROM pg_sleep(4)", schedule="3600", timeout_seconds=30)
    add_kpi(connection, "quick", "SELECT 1")
    with running_host(store_url, env=EVERY_SECOND):
        wait_until(lambda: bool(slots_of(connection, "slow")))
    (slow,) = slots_of(connection, "slow")
    meanwhile = [one for one in slots_of(connection, "quick") if one.slot_at < slow.executed_at]
    assert len(meanwhile) >= 3


class Claim(NamedTuple):
    """A slot that a host has taken, until its lease ends."""

    name: str
    slot_at: datetime
    leased_until: datetime


def claims_of(connection: Connection, host: LocalHost) -> list[Claim]:
    """What a host runs at this moment, by the ports of its own connections."""
    rows = connection.execute(
        """
        SELECT job_name, slot_at, available_at, client_port
          FROM monitoring.worker_jobs
          JOIN pg_stat_activity ON state = 'active' AND query LIKE '%% -- ' || job_name
         WHERE application_name = 'watchkeeper-kpi' AND status = 'Running'
        """
    ).fetchall()
    ports = {socket.laddr[1] for socket in psutil.Process(host.pid).net_connections("tcp")}
    return [Claim(*claim) for *claim, port in rows if port in ports]


def result_of(connection: Connection, claim: Claim) -> Slot | None:
    slots = slots_of(connection, claim.name)
    return next((slot for slot in slots if slot.slot_at == claim.slot_at), None)


def worker_of(connection: Connection, host: LocalHost) -> str | None:
    """The id under which a host has registered; None before its first heartbeat."""
    row = connection.execute(
        "SELECT worker_instance_id::text FROM monitoring.worker_instances WHERE process_id = %s",
        [host.pid],
    ).fetchone()
    return None if row is None else str(row[0])


def executions_of(connection: Connection) -> dict[str, int]:
    """How often each KPI's own statement was run to its end."""
    return dict(
        connection.execute("SELECT name, count(*) FROM executions GROUP BY name").fetchall()
    )
