"""KPIs that a test puts into its store, and what became of their slots."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

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


def due_times(connection: Connection) -> dict[str, datetime]:
    """The next slot of each KPI, by its id."""
    return dict(
        connection.execute(
            "SELECT indicator_id::text, next_due_at FROM monitoring.indicators"
        ).fetchall()
    )


def unfinished(connection: Connection) -> int:
    """How many executions nobody has ended; of a dead host's, too, until they are taken over."""
    row = connection.execute(
        "SELECT count(*) FROM monitoring.worker_jobs WHERE status IN ('Queued', 'Running')"
    ).fetchone()
    assert row is not None
    return int(row[0])


def end_leases(connection: Connection) -> None:
    """As if the time of every lease had passed."""
    connection.execute(
        "UPDATE monitoring.worker_jobs SET available_at = now() - interval '1 second'"
        " WHERE status = 'Running'"
    )
