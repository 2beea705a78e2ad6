"""What one process ran, what one KPI found, and who is silent: a look costs what it shows."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.plans.test_overview_plans import plan_of, read_whole, rows_read

pytestmark = pytest.mark.slow

JOBS, RESULTS = "worker_jobs", "database_monitoring_results"
STATUSES = ("Queued", "Running", "Completed", "Failed", "Cancelled")
WORKER = str(UUID(int=0))
NOW = datetime.now(UTC)
FILL = """
INSERT INTO monitoring.database_connections
       (connection_name, provider, connection_string, environment, created_by, modified_by)
VALUES ('c', 'PostgreSQL', 'setting:ONE', 'Test', 'test', 'test');
INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)
VALUES ('one', 'SELECT 1', 'test', 'test');
INSERT INTO monitoring.indicators
       (indicator_name, connection_id, query_id, created_by, modified_by)
SELECT 'kpi' || n, connection_id, query_id, 'test', 'test'
  FROM generate_series(1, 3) AS n, monitoring.database_connections, monitoring.database_queries;
INSERT INTO monitoring.database_monitoring_results
       (indicator_id, executed_at, status, message, duration_ms, environment, provider)
SELECT indicator_id, at, CASE WHEN n = 1 THEN 'Critical' ELSE 'Healthy' END, 'm', 1, 'Test',
       'PostgreSQL'
  FROM (SELECT n, now() - interval '15 days' + n * interval '1 second' AS at
          FROM generate_series(1, 5000) AS n) AS slot, monitoring.indicators
 WHERE indicator_name = 'kpi2';
INSERT INTO monitoring.worker_instances
       (worker_instance_id, worker_name, machine_name, process_id, version, environment, status,
        last_heartbeat)
SELECT CAST(lpad(n::text, 32, '0') AS uuid), 'w', 'm', 1, '0', 'Test',
       CASE WHEN n < 3 THEN 'Running' ELSE 'Stopped' END, now() - n * interval '20 minutes'
  FROM generate_series(0, 2000) AS n;
INSERT INTO monitoring.worker_jobs
       (worker_instance_id, job_type, job_name, status, scheduled_at, available_at)
SELECT CAST(lpad((n % 2)::text, 32, '0') AS uuid), 'DatabaseMonitoring', 'one',
       CASE WHEN n < 8 THEN 'Running' WHEN n < 16 THEN 'Queued' WHEN n % 5000 < 2 THEN 'Failed'
            WHEN n % 50 < 2 THEN 'Cancelled' ELSE 'Completed' END,
       now() - n * interval '1 second', now()
  FROM generate_series(1, 60000) AS n;
"""


@pytest.fixture(scope="module")
def filled(make_database: Callable[..., str], migrated: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(make_database(migrated), autocommit=True)) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(FILL.encode())
        for table in (JOBS, RESULTS, "worker_instances", "indicators"):
            connection.execute(f"VACUUM (ANALYZE) monitoring.{table}".encode())
        yield connection


@pytest.mark.parametrize("status", [None, *STATUSES])
@pytest.mark.parametrize("seconds_ago", [None, 20, 40_000])
def test_a_page_of_a_workers_jobs_reads_what_it_shows(
    filled: psycopg.Connection[Any], status: str | None, seconds_ago: int | None
) -> None:
    before = None if seconds_ago is None else NOW - timedelta(seconds=seconds_ago)
    values = {
        "worker_instance_id": WORKER,
        "status": status,
        "before_at": before,
        "before_id": before and str(uuid4()),
        "limit": 10,
    }
    plan = plan_of(filled, "executions.jobs_of", values)
    assert read_whole(plan) == set()
    assert rows_read(plan, JOBS) <= 20


@pytest.mark.parametrize("status", [None, "Healthy", "Critical", "Error"])
def test_results_are_found_by_what_they_say(
    filled: psycopg.Connection[Any], status: str | None
) -> None:
    values = {
        "name": "kpi2",
        "status": status,
        "bad": status in {"Critical", "Error"},
        "hours": 400,
        "before_at": None,
        "before_id": None,
        "limit": 10,
    }
    plan = plan_of(filled, "results.history", values)
    assert read_whole(plan) & {RESULTS} == set()
    assert rows_read(plan, RESULTS) <= 10 + 1


def test_retiring_processes_reads_those_that_are_not_retired(
    filled: psycopg.Connection[Any],
) -> None:
    filled.execute("BEGIN")
    plan = plan_of(filled, "workers.retire", {"silent_seconds": 180})
    filled.execute("ROLLBACK")
    assert read_whole(plan) == set()
    assert rows_read(plan["Plans"][0], "worker_instances") <= 3
