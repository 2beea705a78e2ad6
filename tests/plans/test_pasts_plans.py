"""What a verdict needs of the past is found by an index, in as many rows as are asked for."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.judging.seasons import plans_for
from tests.plans.plans import Plan, catalogue

pytestmark = pytest.mark.slow

RESULTS = "database_monitoring_results"
NOW = datetime.now(UTC)
KPI = "0b1f8f2e-6a55-4a53-9c6d-000000000001"
FILL = """
INSERT INTO monitoring.database_connections
       (connection_id, connection_name, provider, connection_string, environment, created_by,
        modified_by)
VALUES (gen_random_uuid(), 'one', 'PostgreSQL', 'setting:ONE', 'Test', 'test', 'test');
INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)
VALUES ('one', 'SELECT 1', 'test', 'test');
INSERT INTO monitoring.indicators
       (indicator_id, indicator_name, connection_id, query_id, created_by, modified_by)
SELECT ('0b1f8f2e-6a55-4a53-9c6d-' || lpad(n::text, 12, '0'))::uuid, 'kpi ' || n, connection_id,
       query_id, 'test', 'test'
  FROM generate_series(1, 50) AS n, monitoring.database_connections, monitoring.database_queries;
INSERT INTO monitoring.database_monitoring_results
       (indicator_id, slot_at, executed_at, status, value_number, raw_number, message, duration_ms,
        environment, provider)
SELECT indicator_id, now() - n * interval '10 minutes', now() - n * interval '10 minutes',
       'Healthy', n % 100, n, 'm', 1, 'Test', 'PostgreSQL'
  FROM generate_series(1, 6000) AS n, monitoring.indicators;
"""
SPANS = plans_for(NOW)[0]
ASKED: list[tuple[str, dict[str, object], int]] = [
    ("pasts.previous", {"until": NOW, "bound": 1000}, 1),
    ("pasts.previous_counter", {"until": NOW, "bound": 1000}, 1),
    (
        "pasts.nearest",
        {
            "at": NOW - timedelta(days=7),
            "earliest": NOW - timedelta(days=7, minutes=10),
            "latest": NOW - timedelta(days=7) + timedelta(minutes=10),
        },
        2,
    ),
    (
        "pasts.samples",
        {
            "starts": json.dumps([start.isoformat() for start in SPANS.starts]),
            "milliseconds": 61017,
        },
        len(SPANS.starts),
    ),
    ("pasts.verdicts", {"before": NOW, "limit": 3}, 3),
    ("pasts.verdicts", {"before": None, "limit": 3}, 3),
]


@pytest.fixture(scope="module")
def results(make_database: Callable[..., str], migrated: str) -> Iterator[psycopg.Connection[Any]]:
    """Six weeks of fifty KPIs, one value in ten minutes."""
    with closing(psycopg.connect(make_database(migrated), autocommit=True)) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(FILL.encode())
        connection.execute("VACUUM (ANALYZE) monitoring.database_monitoring_results")
        yield connection


@pytest.mark.parametrize(("name", "values", "most"), ASKED)
def test_no_more_rows_are_read_than_are_asked_for(
    results: psycopg.Connection[Any], name: str, values: dict[str, object], most: int
) -> None:
    text, bound = catalogue()[name].bind({"indicator_id": KPI, **values})
    row = results.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".encode(), bound).fetchone()
    assert row is not None
    reads = [*_reads(row[0][0]["Plan"])]
    assert {read["Node Type"] for read in reads} <= {"Index Scan", "Index Only Scan"}, reads
    rows_read = sum(
        read["Actual Loops"] * (read["Actual Rows"] + read.get("Rows Removed by Filter", 0))
        for read in reads
    )
    assert 0 < rows_read <= most


def _reads(plan: Plan) -> Iterator[Plan]:
    if plan.get("Relation Name") == RESULTS:
        yield plan
    for part in plan.get("Plans", ()):
        yield from _reads(part)
