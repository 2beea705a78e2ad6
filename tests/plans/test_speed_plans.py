"""What is asked of executions and durations never reads all of them."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from repositories.statements import load
from tests.plans.plans import Plan, plan_of

pytestmark = pytest.mark.slow

BIG = {"database_monitoring_results", "worker_metrics"}
STEP = {"after": "", "limit": 100, "older_than_seconds": 1800}
PAGE: dict[str, object] = {
    "job_id": None,
    "prefix": None,
    "regressed_hours": None,
    "after": None,
    "limit": 100,
}
NOTED = json.dumps([{"job_id": "kpi:k1", "kind": "slower", "duration_ms": 1.0}])
FILL = Path(__file__).with_name("speeds.sql")


@pytest.fixture(scope="module")
def busy(make_database: Callable[..., str], migrated: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(make_database(migrated), autocommit=True)) as connection:
        connection.execute(FILL.read_bytes())
        yield connection


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("baselines.speeds_of_kpis", STEP),
        ("baselines.speeds_of_functions", STEP),
        ("metrics.kpis", {}),
        ("metrics.page", PAGE),
        ("metrics.page", PAGE | {"job_id": "kpi:k1"}),
        ("metrics.page", PAGE | {"prefix": "http:"}),
        ("metrics.page", PAGE | {"after": "kpi:k1"}),
        ("metrics.page", PAGE | {"regressed_hours": 24}),
        ("metrics.note_regressions", {"regressions": NOTED}),
    ],
)
def test_what_is_asked_of_executions_reads_few_of_them(
    busy: psycopg.Connection[Any], name: str, values: dict[str, object]
) -> None:
    text, bound = load("postgres", "%s", {"schema": "app"})[name].bind(values)
    plan = plan_of(busy, text, bound)
    assert read_whole(plan) & BIG == set(), plan


def read_whole(plan: Plan) -> set[str]:
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(read_whole(part) for part in plan.get("Plans", ())))
