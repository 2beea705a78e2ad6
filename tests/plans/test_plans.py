"""No statement reads all jobs or all tasks, whatever is asked for.

Every statement of sql/postgres that reads {jobs} or {tasks} is found and asked here by itself. A
parameter gets a value by its name, or one of its type: see plans.py.
"""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest

from repositories.containment import documents_of
from repositories.jobs import SqlJobs
from repositories.records.filters import ChangeTime, JobFilter, Parameter, TaskFilter
from tests.bench.volumes import BIG_JOB
from tests.plans.plans import (
    catalogue,
    combinations_of,
    plan_of,
    statements_on_jobs,
    tables_read_whole,
    values_for,
)

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
CUSTOMER = [Parameter(path=("customer",), value="42")]
KNOWN: dict[str, object] = {
    "job_id": BIG_JOB,
    "job_ids": [BIG_JOB],
    "last_id": "t",
    "after_id": "t",
    "limit": 100,
    "bound": 1000,
    "hours": 24,
    "status": "failed",
    "statuses": ["failed", "processing"],
    "each_status": ["failed", "processing"],
    "job_type": "tile_raster",
    "task_type": "warp_tile",
    "stage": 2,
    "after_stage": 1,
    "documents": documents_of(CUSTOMER),
    "as_of": NOW,
    "before_at": NOW - timedelta(hours=12),
    "since_at": NOW - timedelta(hours=12),
    "since": NOW - timedelta(hours=24),
    "until": NOW,
    "at_most_us": 10**8,
    "at_least_us": 10**8,
}
STATUSES = (None, ("failed",), ("completed",), ("processing",), ("queued", "completed"), ("lost",))
HOURS = (None, 1, 720)


@pytest.mark.parametrize("name", statements_on_jobs())
def test_no_statement_reads_a_table_whole(filled: psycopg.Connection[Any], name: str) -> None:
    statement = catalogue()[name]
    for given in combinations_of(statement):
        variant = statement._compile(given)
        plan = plan_of(filled, variant.text, values_for(filled, variant, KNOWN))
        assert tables_read_whole(plan) == set(), f"{name} with {sorted(given)}: {plan}"


class PlanningSession:
    """Plans what it is asked, and answers nothing."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self._catalogue = connection, catalogue()
        self.asked = 0

    def rows(self, statement: str, /, **values: object) -> list[Any]:
        text, bound = self._catalogue[statement].bind(values)
        plan = plan_of(self._connection, text, bound)
        assert tables_read_whole(plan) == set(), f"{statement} with {values}: {plan}"
        self.asked += 1
        return []

    def row(self, statement: str, /, **values: object) -> None:
        self.rows(statement, **values)

    def run(self, statement: str, /, **values: object) -> int:
        return len(self.rows(statement, **values))


def test_no_list_of_jobs_reads_a_table_whole(filled: psycopg.Connection[Any]) -> None:
    session = PlanningSession(filled)
    jobs = SqlJobs(session)
    wanted = product(
        STATUSES, (None, "tile_raster", "nothing"), HOURS, ((), CUSTOMER), (False, True), (None, 12)
    )
    for statuses, job_type, hours, parameters, backwards, beyond in wanted:
        chosen = JobFilter(statuses=statuses, job_type=job_type, hours=hours, parameters=parameters)
        after = None if beyond is None else (NOW - timedelta(hours=beyond), BIG_JOB)
        for by in ChangeTime:
            jobs.newest(chosen, by=by, oldest_first=backwards, after=after, limit=100)
        lasting = None if beyond is None else (beyond * 10**7, BIG_JOB)
        jobs.longest(chosen, as_of=NOW, shortest_first=backwards, after=lasting, limit=100)
    assert session.asked == 6 * 3 * 3 * 2 * 2 * 2 * 3


def test_no_list_of_tasks_reads_a_table_whole(filled: psycopg.Connection[Any]) -> None:
    session = PlanningSession(filled)
    jobs = SqlJobs(session)
    wanted = product(
        STATUSES, (None, 1, 99), (None, "warp_tile", "nothing"), HOURS, (False, True), (None, 12)
    )
    for statuses, stage, task_type, hours, backwards, beyond in wanted:
        chosen = TaskFilter(statuses=statuses, stage=stage, task_type=task_type, hours=hours)
        after = None if beyond is None else (NOW - timedelta(hours=beyond), "t")
        for by in ChangeTime:
            jobs.newest_tasks(chosen, by=by, oldest_first=backwards, after=after, limit=100)
    assert session.asked == 6 * 3 * 3 * 3 * 2 * 2 * 2


def test_a_table_that_is_read_whole_is_seen(filled: psycopg.Connection[Any]) -> None:
    plan = plan_of(filled, "SELECT count(error_details) FROM app.tasks", [])
    assert tables_read_whole(plan) == {"tasks"}
