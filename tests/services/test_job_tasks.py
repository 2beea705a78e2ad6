"""A walk through a job's tasks, and the progress of its stages that goes with it."""

from datetime import UTC, datetime

import pytest

from repositories.records.jobs import Task
from services.caching import Cache
from services.errors import NotFound
from services.jobs import JobService
from tests.fakes import FakeJobsDatabase

JOB = "a" * 64
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def task(number: int) -> Task:
    return Task(
        task_id=f"task-{number}",
        parent_job_id=JOB,
        task_type="x",
        status="queued",
        stage=1,
        task_index="0",
        parameters=None,
        result_data=None,
        error_details=None,
        retry_count=0,
        heartbeat=None,
        started_at=None,
        created_at=NOW,
        updated_at=NOW,
        duration_ms=0,
    )


def totals(service: JobService, after: tuple[int, str] | None) -> list[int]:
    _, stages = service.tasks_of(JOB, statuses=None, after=after, limit=1)
    return [stage.total for stage in stages]


def test_progress_is_counted_once_for_a_walk_and_anew_for_the_next() -> None:
    database = FakeJobsDatabase()
    database.jobs.all_tasks += [task(1), task(2)]
    service = JobService(database, cache=Cache(60))
    assert totals(service, None) == [2]
    database.jobs.all_tasks.append(task(3))
    assert totals(service, (1, "task-1")) == [2]
    assert totals(service, None) == [3]
    assert totals(service, (1, "task-1")) == [3]


def test_a_page_in_the_middle_of_an_unknown_walk_has_its_progress_too() -> None:
    database = FakeJobsDatabase()
    database.jobs.all_tasks += [task(1), task(2)]
    assert totals(JobService(database, cache=Cache(60)), (1, "task-1")) == [2]


def test_tasks_of_a_job_that_nobody_knows_are_not_found_however_often_asked() -> None:
    service = JobService(FakeJobsDatabase(), cache=Cache(60))
    for _ in range(2):
        with pytest.raises(NotFound):
            totals(service, None)
