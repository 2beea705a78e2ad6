"""Lists of jobs and tasks in every order, page by page and at once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repositories.records.filters import ChangeTime, JobFilter, Parameter, TaskFilter
from repositories.records.jobs import Job, Task
from repositories.records.rows import Json
from services.caching import Cache
from services.jobs import JobService
from services.pages import Page
from tests.contract.conftest import Lab

T = TypeVar("T", Job, Task)
NOON = datetime(2026, 1, 1, 12, 0, 0, 123457, tzinfo=UTC)
JOB = "a" * 64
ENDED = ("completed", "failed", "completed_with_errors")
STATUSES = ("queued", "processing", *ENDED)
FEW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
chosen_statuses = st.none() | st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3)
limits = st.integers(1, 7)


def job_id(number: int) -> str:
    return f"{number * 7 % 20:064x}"


@pytest.fixture
def facts(lab: Lab) -> Sequence[dict[str, Any]]:
    """Twenty jobs of few instants, so that there are many ties, and what is known of them."""
    rows = []
    for number in range(20):
        created_at = NOON + timedelta(microseconds=number % 3)
        row = {
            "job_id": job_id(number),
            "job_type": "odd" if number % 2 else "even",
            "status": STATUSES[number % 5],
            "created_at": created_at,
            "updated_at": created_at + timedelta(seconds=number % 4),
        }
        lab.add_job(**row)
        rows.append(row)
    return rows


def walk(page_after: Callable[[Any], Page[T]]) -> list[T]:
    found: list[T] = []
    place = None
    while True:
        page = page_after(place)
        found += page.items
        if page.next is None:
            return found
        place = page.next


def in_order(
    rows: Sequence[dict[str, Any]], key: Callable[[dict[str, Any]], Any], *, ascending: bool
) -> list[str]:
    by_id = sorted(rows, key=lambda row: str(row["job_id"]))
    found = [str(row["job_id"]) for row in sorted(by_id, key=key, reverse=True)]
    return found[::-1] if ascending else found


@FEW
@given(
    by=st.sampled_from(ChangeTime),
    ascending=st.booleans(),
    statuses=chosen_statuses,
    job_type=st.none() | st.just("odd"),
    limit=limits,
)
def test_a_walk_by_time_sees_each_job_once_and_in_order(
    lab: Lab,
    facts: Sequence[dict[str, Any]],
    by: ChangeTime,
    ascending: bool,
    statuses: list[str] | None,
    job_type: str | None,
    limit: int,
) -> None:
    service = JobService(lab.jobs, cache=Cache(0))
    chosen = JobFilter(statuses=statuses, job_type=job_type)
    found = walk(
        lambda after: service.newest(
            chosen, by=by, oldest_first=ascending, after=after, limit=limit
        )
    )
    expected = [row for row in facts if is_chosen(row, chosen)]
    assert [job.job_id for job in found] == in_order(
        expected, lambda row: row[by], ascending=ascending
    )


@FEW
@given(ascending=st.booleans(), statuses=chosen_statuses, limit=limits)
def test_a_walk_by_duration_sees_each_job_once_though_some_still_run(
    lab: Lab,
    facts: Sequence[dict[str, Any]],
    ascending: bool,
    statuses: list[str] | None,
    limit: int,
) -> None:
    service = JobService(lab.jobs, cache=Cache(0))
    chosen = JobFilter(statuses=statuses)
    found = walk(
        lambda after: service.longest(chosen, shortest_first=ascending, after=after, limit=limit)
    )
    expected = [row for row in facts if is_chosen(row, chosen)]
    assert [job.job_id for job in found] == in_order(expected, duration, ascending=ascending)
    lasted = [job.duration_ms for job in found]
    assert lasted == sorted(lasted, reverse=not ascending)


def is_chosen(row: dict[str, Any], chosen: JobFilter) -> bool:
    return (chosen.statuses is None or row["status"] in chosen.statuses) and (
        chosen.job_type in {None, row["job_type"]}
    )


def duration(row: dict[str, Any]) -> timedelta:
    until = row["updated_at"] if row["status"] in ENDED else NOON + timedelta(days=1)
    lasted: timedelta = until - row["created_at"]
    return lasted


def test_a_job_that_begins_during_a_walk_by_duration_is_not_in_it(lab: Lab) -> None:
    for number in range(4):
        lab.add_job(job_id=job_id(number), job_type="x")
    service = JobService(lab.jobs, cache=Cache(0))
    first = service.longest(JobFilter(), shortest_first=True, after=None, limit=2)
    lab.add_job(job_id=job_id(9), job_type="x")
    rest = service.longest(JobFilter(), shortest_first=True, after=first.next, limit=9)  # type: ignore[arg-type]
    assert {job.job_id for job in (*first.items, *rest.items)} == {job_id(n) for n in range(4)}


@FEW
@given(
    by=st.sampled_from(ChangeTime),
    ascending=st.booleans(),
    statuses=st.none() | st.lists(st.sampled_from(("queued", "failed")), min_size=1),
    stage=st.none() | st.just(2),
    limit=limits,
)
def test_a_walk_over_tasks_sees_each_once(
    lab: Lab,
    tasks: Sequence[dict[str, Any]],
    by: ChangeTime,
    ascending: bool,
    statuses: list[str] | None,
    stage: int | None,
    limit: int,
) -> None:
    service = JobService(lab.jobs, cache=Cache(0))
    chosen = TaskFilter(statuses=statuses, stage=stage)
    found = walk(
        lambda after: service.newest_tasks(
            chosen, by=by, oldest_first=ascending, after=after, limit=limit
        )
    )
    expected = [
        {**row, "job_id": row["task_id"]}
        for row in tasks
        if (statuses is None or row["status"] in statuses) and stage in {None, row["stage"]}
    ]
    assert [task.task_id for task in found] == in_order(
        expected, lambda row: row[by], ascending=ascending
    )


@pytest.fixture
def tasks(lab: Lab) -> Sequence[dict[str, Any]]:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2)
    rows = []
    for number in range(15):
        row = {
            "task_id": f"t{number * 7 % 15:02}",
            "parent_job_id": JOB,
            "task_type": "x",
            "status": ("queued", "failed", "completed")[number % 3],
            "stage": 1 + number % 2,
            "created_at": NOON + timedelta(seconds=number % 4),
            "updated_at": NOON + timedelta(seconds=number % 5),
        }
        lab.add_task(**row)
        rows.append(row)
    return rows


PARAMETERS = (
    '{"customer": 42}',
    '{"customer": "42"}',
    '{"customer": {"id": 42}, "urgent": true}',
    '{"customer": [42]}',
    '{"input": {"file": "a,b.tif", "size": 2.5}, "urgent": "true"}',
    '{"Customer": "42 "}',
    "{}",
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"customer": "42"}, {0, 1}),
        ({"customer.id": "42"}, {2}),
        ({"urgent": "true"}, {2, 4}),
        ({"input.file": "a,b.tif"}, {4}),
        ({"input.file": "A,B.tif"}, set()),
        ({"input.size": "2.5", "urgent": "true"}, {4}),
        ({"customer": "42", "urgent": "true"}, set()),
        ({"Customer": "42 "}, {5}),
        ({"Customer": "42"}, set()),
        ({"nothing": "null"}, set()),
        ({"input": "{}"}, set()),
    ],
)
def test_jobs_are_found_by_what_is_in_their_parameters(
    lab: Lab, wanted: dict[str, str], found: set[int]
) -> None:
    for number, text in enumerate(PARAMETERS):
        lab.add_job(job_id=job_id(number), job_type="x", parameters=Json(text))
    chosen = JobFilter(
        parameters=[
            Parameter(path=tuple(name.split(".")), value=value) for name, value in wanted.items()
        ]
    )
    with lab.jobs.read() as work:
        newest = work.jobs.newest(chosen, limit=10)
        longest = work.jobs.longest(chosen, as_of=work.jobs.now(), limit=10)
    assert {job.job_id for job in newest} == {job_id(number) for number in found}
    assert {job.job_id for job, _ in longest} == {job_id(number) for number in found}


def test_the_last_hours_are_of_when_a_job_was_made(lab: Lab) -> None:
    lab.add_job(job_id=job_id(1), job_type="x", created_at=NOON)
    lab.add_job(job_id=job_id(2), job_type="x")
    with lab.jobs.read() as work:
        chosen = JobFilter(hours=1)
        changed = work.jobs.newest(chosen, by=ChangeTime.UPDATED_AT, limit=10)
        longest = work.jobs.longest(chosen, as_of=work.jobs.now(), limit=10)
    assert [job.job_id for job in changed] == [job_id(2)]
    assert [job.job_id for job, _ in longest] == [job_id(2)]
