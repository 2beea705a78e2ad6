"""The clean-up: by one process at a time, a batch at a time, and only what is old."""

from collections import Counter
from typing import Any

import psycopg
import pytest
from psycopg import sql

from services.upkeep import LARGEST_BATCH, SMALLEST_BATCH
from tests.hosts import LocalHost, running_host, wait_until

pytestmark = pytest.mark.slow

Connection = psycopg.Connection[Any]
OLD = {
    "database_monitoring_results": 2500,
    "worker_jobs": 30,
    "worker_metrics": 1200,
    "system_status_history": 1000,
}
ELSE = {
    "audit_log": 0,
    "job_metrics": 0,
    "database_monitoring_hours": 0,
    "dead_letter_queue": 0,
    "planned_retries": 0,
    "trial_rows": 0,
}
NEW = 50


def test_a_clean_up_fired_on_two_hosts_at_once_runs_on_one(
    store_url: str, connection: Connection
) -> None:
    fill(connection)
    watch_deletions(connection)
    with (
        running_host(store_url, "--no-timers") as one,
        running_host(store_url, "--no-timers") as other,
        psycopg.connect(store_url) as holder,
    ):
        holder.execute("LOCK TABLE monitoring.worker_instances IN SHARE MODE")
        for host in (one, other):
            host.fire("clean_up")
        wait_until(lambda: bool(skips(one) or skips(other)))
        holder.rollback()
        wait_until(lambda: bool(runs(one) or runs(other)))
        ran, skipped = (one, other) if skips(other) else (other, one)
        assert (runs(skipped), skips(ran)) == ([], [])
        (line,) = runs(ran)
    assert line["outcome"] == {**OLD, **ELSE, "worker_instances": 1}
    assert remaining(connection) == dict.fromkeys(OLD, NEW)
    removed = deletions(connection)
    assert {table: sum(batches) for table, batches in removed.items()} == {
        **OLD,
        "worker_instances": 1,
    }
    for batches in removed.values():
        assert max(batches) <= LARGEST_BATCH
        assert min(batches[:-1], default=SMALLEST_BATCH) >= SMALLEST_BATCH


def test_a_clean_up_that_runs_twice_removes_nothing_the_second_time(
    store_url: str, connection: Connection
) -> None:
    fill(connection)
    with running_host(store_url, "--no-timers") as host:
        for times in (1, 2):
            host.fire("clean_up")
            wait_until(lambda times=times: len(runs(host)) == times)  # type: ignore[misc]
        first, second = runs(host)
    assert first["outcome"] == {**OLD, **ELSE, "worker_instances": 1}
    assert Counter(second["outcome"].values()) == {0: len(first["outcome"])}


def runs(host: LocalHost) -> list[dict[str, Any]]:
    return [line for line in host.logged("tick", timer="clean_up") if line["message"] == "tick"]


def skips(host: LocalHost) -> list[dict[str, Any]]:
    return host.logged("tick skipped", timer="clean_up")


def fill(connection: Connection) -> None:
    """Old and new rows of every table; the old worker's metrics go before it does."""
    connection.execute(
        """
        INSERT INTO monitoring.worker_instances
               (worker_instance_id, worker_name, machine_name, process_id, version, environment,
                status, last_heartbeat)
        VALUES ('00000000-0000-0000-0000-000000000001', 'old', 'm', 1, '1', 'test', 'Stopped',
                now() - interval '100 days'),
               ('00000000-0000-0000-0000-000000000002', 'new', 'm', 2, '1', 'test', 'Running',
                now());
        WITH here AS (
            INSERT INTO monitoring.database_connections
                   (connection_name, provider, connection_string, environment, created_by,
                    modified_by)
            VALUES ('here', 'PostgreSQL', 'setting:STORE_URL', 'test', 'test', 'test')
            RETURNING connection_id),
        query AS (
            INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)
            VALUES ('one', 'SELECT 1', 'test', 'test') RETURNING query_id)
        INSERT INTO monitoring.indicators
               (indicator_name, connection_id, query_id, created_by, modified_by)
        SELECT 'one', connection_id, query_id, 'test', 'test' FROM here, query
        """
    )
    for table, statement in FILLINGS.items():
        connection.execute(statement.encode(), {"rows": OLD[table], "days": 91})
        connection.execute(statement.encode(), {"rows": NEW, "days": 29})


FILLINGS = {
    "database_monitoring_results": """
        INSERT INTO monitoring.database_monitoring_results
               (indicator_id, executed_at, status, message, duration_ms, environment, provider)
        SELECT indicator_id, now() - make_interval(days => %(days)s), 'Healthy', '', 1, 'test',
               'PostgreSQL'
          FROM monitoring.indicators, generate_series(1, %(rows)s)
         WHERE indicator_name = 'one'
        """,
    "worker_jobs": """
        INSERT INTO monitoring.worker_jobs (job_type, job_name, completed_at)
        SELECT 'test', 'test', now() - make_interval(days => %(days)s)
          FROM generate_series(1, %(rows)s)
        """,
    "worker_metrics": """
        INSERT INTO monitoring.worker_metrics
               (worker_instance_id, metric_type, metric_name, metric_value, recorded_at)
        SELECT worker_instance_id, 'Heartbeat', 'memory', 1, at
          FROM generate_series(1, %(rows)s),
               (SELECT now() - make_interval(days => %(days)s) AS at) AS clock,
               monitoring.worker_instances
         WHERE worker_name = CASE WHEN %(days)s > 90 THEN 'old' ELSE 'new' END
        """,
    "system_status_history": """
        INSERT INTO monitoring.system_status_history
               (service_name, status, heartbeat_timestamp, due_at)
        SELECT 'importer', 'running', at, at
          FROM generate_series(1, %(rows)s),
               (SELECT now() - make_interval(days => %(days)s) AS at) AS clock
        """,
}


def remaining(connection: Connection) -> dict[str, int]:
    return {table: count(connection, table) for table in OLD}


def count(connection: Connection, table: str) -> int:
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("monitoring", table))
    (row,) = connection.execute(statement).fetchall()
    return int(row[0])


def watch_deletions(connection: Connection) -> None:
    """Note how many rows each statement removes, and in which transaction."""
    connection.execute(
        b"""
        CREATE TABLE public.deletions (
            id bigint GENERATED ALWAYS AS IDENTITY, of text, removed bigint, transaction xid8);
        CREATE FUNCTION public.note_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO public.deletions (of, removed, transaction)
            SELECT TG_TABLE_NAME, count(*), pg_current_xact_id() FROM gone;
            RETURN NULL;
        END $$;
        """
    )
    for table in (*OLD, "worker_instances"):
        connection.execute(
            f"CREATE TRIGGER watched AFTER DELETE ON monitoring.{table}"
            " REFERENCING OLD TABLE AS gone"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.note_deletion()".encode()
        )


def deletions(connection: Connection) -> dict[str, list[int]]:
    """The rows of each batch by table, those that found nothing left out."""
    rows = connection.execute(
        "SELECT of, array_agg(removed::integer ORDER BY id), count(DISTINCT transaction), count(*)"
        " FROM public.deletions WHERE removed > 0 GROUP BY of"
    ).fetchall()
    assert all(transactions == batches for _, _, transactions, batches in rows)
    return {table: removed for table, removed, _, _ in rows}
