"""KPIs that a test puts into its store, and what became of their slots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from services.schedules import next_slot

Connection = psycopg.Connection[Any]

EVERY_SECOND: Mapping[str, str] = {
    "KpiMonitoring__Schedule": "* * * * * *",
    "Heartbeat__Schedule": "* * * * * *",
}


@dataclass(frozen=True)
class Slot:
    """A slot that has its result."""

    name: str
    slot_at: datetime
    executed_at: datetime
    status: str
    worker_instance_id: str | None


@dataclass(frozen=True)
class Indicator:
    """Where a KPI stands: its next slot, and the lease of whoever runs that now."""

    name: str
    schedule: str
    next_due_at: datetime
    lease_id: str | None
    leased_until: datetime | None
    created_at: datetime


def add_kpi(
    connection: Connection,
    name: str,
    statement: str,
    *,
    result_type: str = "Scalar",
    schedule: str = "1",
    timeout_seconds: int = 1,
    address: str = "setting:STORE_URL",
) -> None:
    """Due at once, and before any other. It has one second to connect to `address`."""
    connection.execute(
        """
        WITH here AS (
            INSERT INTO monitoring.database_connections
                   (connection_name, provider, connection_string, environment,
                    connection_timeout_seconds, created_by, modified_by)
            VALUES (md5(%(address)s), 'PostgreSQL', %(address)s, 'test', 1, 'test', 'test')
            ON CONFLICT (connection_name) DO UPDATE SET modified_by = 'test'
            RETURNING connection_id),
        query AS (
            INSERT INTO monitoring.database_queries
                   (query_name, sql_query, result_type, timeout_seconds, created_by, modified_by)
            VALUES (%(name)s, %(statement)s, %(result_type)s, %(timeout)s, 'test', 'test')
            RETURNING query_id)
        INSERT INTO monitoring.indicators
               (indicator_name, connection_id, query_id, schedule, priority,
                created_by, modified_by)
        SELECT %(name)s, connection_id, query_id, %(schedule)s, 1, 'test', 'test'
          FROM here, query
        """,
        {
            "name": name,
            "statement": statement,
            "result_type": result_type,
            "timeout": timeout_seconds,
            "schedule": schedule,
            "address": address,
        },
    )


def slots_of(connection: Connection, name: str) -> list[Slot]:
    """In the order of their times."""
    with connection.cursor(row_factory=class_row(Slot)) as cursor:
        return cursor.execute(
            """
            SELECT indicator_name AS name, slot_at, executed_at, status,
                   worker_instance_id::text AS worker_instance_id
              FROM monitoring.database_monitoring_results
              JOIN monitoring.indicators USING (indicator_id)
             WHERE indicator_name = %s
             ORDER BY slot_at
            """,
            [name],
        ).fetchall()


def indicator_of(connection: Connection, name: str) -> Indicator:
    with connection.cursor(row_factory=class_row(Indicator)) as cursor:
        (indicator,) = cursor.execute(
            """
            SELECT indicator_name AS name, schedule, next_due_at, lease_id::text AS lease_id,
                   leased_until, created_at
              FROM monitoring.indicators
             WHERE indicator_name = %s
            """,
            [name],
        ).fetchall()
    return indicator


def assert_no_slot_was_lost(indicator: Indicator, slots: Sequence[Slot]) -> None:
    """The first slot is when it was made, each result leads to the next, the newest to now's."""
    came = [*(slot.slot_at for slot in slots), indicator.next_due_at]
    led_to = [
        next_slot(indicator.schedule, slot_at=slot.slot_at, now=slot.executed_at) for slot in slots
    ]
    assert came == [indicator.created_at, *led_to], indicator.name


def switch_off(connection: Connection) -> None:
    """No KPI is claimed any more; those under way go on."""
    connection.execute("UPDATE monitoring.indicators SET is_active = false")


def leases_of(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """The leases of those that run at this moment, by name; a dead host's until it is taken."""
    found = [indicator_of(connection, name) for name in names]
    return {one.name: one.lease_id for one in found if one.lease_id is not None}
