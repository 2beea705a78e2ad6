"""A host that is killed in the middle of a write leaves all of it or nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.hosts import LocalHost, running_host, wait_until
from tests.resilience.following import follow, note_taken_slots, results_without_a_job
from tests.resilience.kpis import (
    EVERY_SECOND,
    add_kpi,
    due_times,
    end_leases,
    slots_of,
    unfinished,
)

pytestmark = pytest.mark.slow

Connection = psycopg.Connection[Any]


def test_a_heartbeat_that_dies_before_its_history_agrees_with_it(
    store_url: str, connection: Connection
) -> None:
    with running_host(store_url, "--no-timers") as host:
        beat(host, "importer", "running")
        with held_up(store_url, "system_status_history"):
            in_flight = beat_beside(host, "importer", "stopping")
            wait_until(lambda: waits_for_a_lock(connection))
            host.kill()
            in_flight.join()
    wait_until(lambda: not is_anyone_connected(connection))
    assert disagreeing_services(connection) == []
    assert beats_of(connection, "importer") in (["running"], ["running", "stopping"])


def test_a_result_that_is_not_written_leaves_its_slot_to_run_again(
    store_url: str, connection: Connection
) -> None:
    note_taken_slots(connection)
    add_kpi(connection, "one", "SELECT 1", schedule="3600")
    first = due_times(connection)
    with running_host(store_url, "--no-timers") as host:
        with held_up(store_url, "database_monitoring_results"):
            host.fire("run_kpi_checks")
            wait_until(lambda: waits_for_a_lock(connection))
            host.kill()
        wait_until(lambda: not is_anyone_connected(connection))
    assert slots_of(connection, "one") == []
    assert unfinished(connection) > 0
    end_leases(connection)
    with running_host(store_url, "--no-timers") as host:
        host.fire("run_kpi_checks")
        wait_until(lambda: len(slots_of(connection, "one")) == 1)
    (followed,) = follow(connection, first, due_times(connection))
    followed.assert_no_slot_was_lost()
    followed.assert_results_agree_with_jobs()


def test_hosts_killed_at_any_moment_leave_nothing_half_written(
    store_url: str, connection: Connection
) -> None:
    names = [f"kpi_{number}" for number in range(20)]
    note_taken_slots(connection)
    for name in names:
        add_kpi(connection, name, "SELECT 1")
    first = due_times(connection)
    for seconds in (0.05, 0.4, 0.9):
        with running_host(store_url, env=EVERY_SECOND) as host:
            writers = [
                threading.Thread(target=beat_until_killed, args=(host, f"service_{number % 3}"))
                for number in range(6)
            ]
            for writer in writers:
                writer.start()
            wait_until(lambda: bool(host.logged("tick", timer="run_kpi_checks")))
            time.sleep(seconds)
            host.kill()
            for writer in writers:
                writer.join()
        wait_until(lambda: not is_anyone_connected(connection))
        assert disagreeing_services(connection) == []
        for followed in follow(connection, first, due_times(connection)):
            followed.assert_no_slot_was_lost()
            followed.assert_results_agree_with_jobs()
        assert results_without_a_job(connection) == 0
        end_leases(connection)
    assert len(beats_of(connection, "service_0")) > 10
    assert sum(len(slots_of(connection, name)) for name in names) > 20


def beat(host: LocalHost, service: str, status: str) -> None:
    answer = host.post(f"/api/status/{service}/heartbeat", json={"status": status})
    assert answer.status_code == httpx.codes.OK


def beat_beside(host: LocalHost, service: str, status: str) -> threading.Thread:
    """A heartbeat whose answer nobody will see."""

    def act() -> None:
        with suppress(httpx.TransportError):
            beat(host, service, status)

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def beat_until_killed(host: LocalHost, service: str) -> None:
    with suppress(httpx.TransportError):
        for number in range(100_000):
            beat(host, service, f"step {number % 10}")


@contextmanager
def held_up(store_url: str, table: str) -> Iterator[None]:
    """Nobody can write to this table inside the block."""
    with psycopg.connect(store_url) as holder:
        holder.execute(
            sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier("monitoring", table))
        )
        yield
        holder.rollback()


def waits_for_a_lock(connection: Connection) -> bool:
    return is_there(
        connection,
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'watchkeeper' AND wait_event_type = 'Lock'",
    )


def is_anyone_connected(connection: Connection) -> bool:
    """Whether the server still works for a host, which it may do after the host's end."""
    return is_there(
        connection,
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'watchkeeper%'",
    )


def is_there(connection: Connection, statement: str) -> bool:
    return connection.execute(statement.encode()).fetchone() is not None


def disagreeing_services(connection: Connection) -> list[str]:
    """Services whose status is not what the newest row of their history says."""
    rows = connection.execute(
        """
        SELECT service.service_name
          FROM monitoring.system_status AS service
          LEFT JOIN LATERAL (
                   SELECT * FROM monitoring.system_status_history AS beat
                    WHERE beat.service_name = service.service_name
                    ORDER BY beat.id DESC LIMIT 1) AS newest ON true
         WHERE (service.status, service.last_heartbeat, service.due_at)
               IS DISTINCT FROM (newest.status, newest.heartbeat_timestamp, newest.due_at)
         UNION
        SELECT service_name FROM monitoring.system_status_history
         WHERE service_name NOT IN (SELECT service_name FROM monitoring.system_status)
        """
    ).fetchall()
    return [name for (name,) in rows]


def beats_of(connection: Connection, service: str) -> list[str]:
    rows = connection.execute(
        "SELECT status FROM monitoring.system_status_history WHERE service_name = %s ORDER BY id",
        [service],
    ).fetchall()
    return [status for (status,) in rows]
