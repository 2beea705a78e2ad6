"""What puts tasks back, and what tidies up, finds its rows by an index."""

import json
from typing import Any

import psycopg
import pytest

from repositories.trials import JOB_ID, JOB_TYPE
from tests.bench.volumes import BIG_JOB
from tests.plans.plans import catalogue, plan_of, tables_read_whole, values_for

pytestmark = pytest.mark.slow

KNOWN: dict[str, object] = {
    "job_id": BIG_JOB,
    "stage": 1,
    "before": "failed",
    "after": "processing",
    "tasks": json.dumps([{"task_id": f"t-{number}", "retry_count": 0} for number in range(1000)]),
}
TRIAL: dict[str, object] = {"job_id": JOB_ID, "job_type": JOB_TYPE}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("requeues.lock", KNOWN),
        ("requeues.put_back", KNOWN),
        ("requeues.take_up", KNOWN),
        ("trials.remove_tasks", TRIAL),
        ("trials.remove_job", TRIAL),
    ],
)
def test_what_is_changed_is_found_by_an_index(
    filled: psycopg.Connection[Any], name: str, known: dict[str, object]
) -> None:
    statement = catalogue()[name]
    variant = statement._compile(statement.parameters | statement.flags)
    plan = plan_of(filled, variant.text, values_for(filled, variant, known))
    assert tables_read_whole(plan) == set(), plan
