"""What overviews, series and letters cost grows with what is shown, not with what is stored."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from repositories.records.overviews import Unrolled
from tests.plans.plans import Plan, catalogue, combinations_of

pytestmark = pytest.mark.slow

RESULTS, HOURS, LETTERS = (
    "database_monitoring_results",
    "database_monitoring_hours",
    "dead_letter_queue",
)
NOW = datetime.now(UTC)
KPIS = 400
FILL = """
INSERT INTO monitoring.database_connections
       (connection_name, provider, connection_string, environment, created_by, modified_by)
SELECT 'c' || lpad(n::text, 3, '0'), 'PostgreSQL', 'setting:ONE', 'Test', 'test', 'test'
  FROM generate_series(1, 400) AS n;
INSERT INTO monitoring.database_queries (query_name, sql_query, created_by, modified_by)
VALUES ('one', 'SELECT 1', 'test', 'test');
INSERT INTO monitoring.indicators
       (indicator_name, connection_id, query_id, created_by, modified_by)
SELECT 'kpi of ' || connection_name, connection_id, query_id, 'test', 'test'
  FROM monitoring.database_connections, monitoring.database_queries;
INSERT INTO monitoring.database_monitoring_results
       (indicator_id, slot_at, executed_at, status, value_number, message, duration_ms,
        environment, provider)
SELECT indicator_id, at, at, 'Healthy', 1, 'm', 1, 'Test', 'PostgreSQL'
  FROM (SELECT now() - n * interval '30 minutes' AS at
          FROM generate_series(720, 0, -1) AS n) AS slot, monitoring.indicators;
INSERT INTO monitoring.dead_letter_queue
       (job_id, fingerprint, event_data, error, status, created_at, last_occurred_at)
SELECT 'kpi:' || n, lpad(to_hex(n % 500), 16, '0'), '{}', 'e',
       CASE WHEN n % 50 = 0 THEN 'PENDING' WHEN n % 2 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
       now() - n * interval '2 minutes', now() - n * interval '1 minute'
  FROM generate_series(1, 40000) AS n;
"""
KNOWN: Mapping[str, object] = {
    "environment": "Test",
    "provider": "PostgreSQL",
    "tag": "gold",
    "enabled": True,
    "after": "c000",
    "status": "PENDING",
    "job_id": "kpi:50",
    "fingerprint": "0" * 15 + "a",
    "hours": 100,
    "before_at": NOW - timedelta(hours=1),
    "before_id": str(uuid4()),
    "limit": 10,
}


@pytest.fixture(scope="module")
def filled(make_database: Callable[..., str], migrated: str) -> Iterator[psycopg.Connection[Any]]:
    """Fifteen days of four hundred KPIs, all but the hour that is going on rolled up."""
    with closing(psycopg.connect(make_database(migrated), autocommit=True)) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(FILL.encode())
        since = None
        while (unrolled := next_hour(connection, since)).hour:
            for name in ("remove", "add"):
                run(connection, f"hours.{name}", hour=unrolled.hour)
            since = unrolled.hour + timedelta(hours=1)
        run(connection, "hours.close", until=unrolled.until)
        connection.execute("VACUUM (ANALYZE)")
        yield connection


def run(connection: psycopg.Connection[Any], name: str, **values: object) -> None:
    text, bound = catalogue()[name].bind(values)
    connection.execute(text.encode(), bound)


def next_hour(connection: psycopg.Connection[Any], since: datetime | None) -> Unrolled:
    text, bound = catalogue()["hours.unrolled"].bind({"since": since})
    row = connection.execute(text.encode(), bound).fetchone()
    assert row is not None
    return Unrolled(hour=row[0], until=row[1])


def plan_of(connection: psycopg.Connection[Any], name: str, values: Mapping[str, object]) -> Plan:
    """With the rows that were really read."""
    text, bound = catalogue()[name].bind(values)
    row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".encode(), bound).fetchone()
    assert row is not None
    plan: Plan = row[0][0]["Plan"]
    return plan


def rows_read(plan: Plan, table: str) -> int:
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    inner = sum(rows_read(part, table) for part in plan.get("Plans", ()))
    return inner + (round(own) if plan.get("Relation Name") == table else 0)


def read_whole(plan: Plan) -> set[str]:
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(read_whole(part) for part in plan.get("Plans", ())))


def asked(name: str) -> Iterator[dict[str, object]]:
    """Every way to ask."""
    statement = catalogue()[name]
    for given in combinations_of(statement):
        yield {
            one: KNOWN[one] if one in given else None
            for one in statement.parameters | statement.flags
        }


def test_a_page_of_databases_reads_the_hours_and_the_last_results_of_its_kpis(
    filled: psycopg.Connection[Any],
) -> None:
    for values in asked("overviews.databases"):
        plan = plan_of(filled, "overviews.databases", values)
        assert not read_whole(plan) & {RESULTS, HOURS}
        assert rows_read(plan, HOURS) <= 10 * 168
        assert rows_read(plan, RESULTS) <= 10 * (3 + 1)


def test_a_long_series_reads_its_hours_and_the_last_results(
    filled: psycopg.Connection[Any],
) -> None:
    values = {"name": "kpi of c001", "hours": 14 * 24, "seconds": 7200}
    plan = plan_of(filled, "overviews.long_series", values)
    assert not read_whole(plan) & {RESULTS, HOURS}
    assert rows_read(plan, HOURS) <= 14 * 24 + 2
    assert rows_read(plan, RESULTS) <= 3


def test_a_series_reads_the_results_of_its_time(filled: psycopg.Connection[Any]) -> None:
    plan = plan_of(filled, "overviews.series", {"name": "kpi of c001", "hours": 24, "seconds": 435})
    assert not read_whole(plan) & {RESULTS}
    assert rows_read(plan, RESULTS) <= 24 * 2 + 2


def test_no_list_of_letters_reads_all_of_them(filled: psycopg.Connection[Any]) -> None:
    for values in asked("dead_letters.list"):
        plan = plan_of(filled, "dead_letters.list", values)
        assert read_whole(plan) == set(), values
        assert rows_read(plan, LETTERS) <= 2000, values


def test_letters_are_taken_and_settled_by_their_ids(filled: psycopg.Connection[Any]) -> None:
    ids = [str(uuid4())]
    for name, values in (
        ("take", {"dead_letter_ids": ids}),
        ("succeed", {"dead_letter_ids": ids}),
        ("put_back", {"dead_letter_ids": ids}),
        ("discard", {"dead_letter_id": ids[0], "metadata": "{}"}),
        ("discard_of", {"job_id": "kpi:7", "metadata": "{}"}),
        ("pending", {"hours": None, "limit": 10}),
    ):
        assert read_whole(plan_of(filled, f"dead_letters.{name}", values)) == set(), name


def test_an_hour_is_rolled_up_from_its_own_results(filled: psycopg.Connection[Any]) -> None:
    hour = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
    filled.execute("BEGIN")
    plan_of(filled, "hours.remove", {"hour": hour})
    plan = plan_of(filled, "hours.add", {"hour": hour})
    filled.execute("ROLLBACK")
    assert not read_whole(plan) & {RESULTS, HOURS}
    assert rows_read(plan, RESULTS) <= KPIS * 3
