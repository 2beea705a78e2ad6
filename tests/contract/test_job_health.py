"""How the jobs as a whole are doing."""

from datetime import datetime, timedelta

import pytest

from repositories.errors import BadStatement
from tests.contract.conftest import Lab

JOB = "a" * 64


@pytest.fixture
def now(lab: Lab) -> datetime:
    lab.add_job(job_id=JOB, job_type="x")
    with lab.jobs.read() as work:
        return work.failures.window(hours=1)[1]


def test_tasks_are_counted_by_how_they_ended_now_and_before(lab: Lab, now: datetime) -> None:
    added = [
        (0.5, "failed", 3),
        (0.5, "completed", 2),
        (0.5, "queued", 1),
        (5, "failed", 4),
        (100, "completed", 5),
        (200, "failed", 6),
        (200, "completed", 7),
    ]
    for hours, status, times in added:
        at = now - timedelta(hours=hours)
        for number in range(times):
            lab.add_task(
                task_id=f"{hours}-{status}-{number}",
                parent_job_id=JOB,
                task_type="x",
                status=status,
                created_at=at,
                updated_at=at,
            )
    with lab.jobs.read() as work:
        rate = work.job_health.failure_rate()
    assert (rate.recent_failed, rate.recent_completed) == (3, 2)
    assert (rate.normal_failed, rate.normal_completed) == (4, 5)


def test_without_tasks_there_is_no_rate_and_nothing_waits(lab: Lab) -> None:
    with lab.jobs.read() as work:
        rate = work.job_health.failure_rate()
        assert work.job_health.oldest_queued() is None
    assert (rate.recent_failed, rate.recent_completed) == (0, 0)
    assert (rate.normal_failed, rate.normal_completed) == (0, 0)


def test_the_oldest_queued_task_is_the_one_that_waits_longest(lab: Lab, now: datetime) -> None:
    for task_id, status, minutes in (
        ("done", "completed", 90),
        ("first", "queued", 60),
        ("second", "queued", 30),
    ):
        at = now - timedelta(minutes=minutes)
        lab.add_task(
            task_id=task_id,
            parent_job_id=JOB,
            task_type="x",
            status=status,
            created_at=at,
            updated_at=now,
        )
    with lab.jobs.read() as work:
        oldest = work.job_health.oldest_queued()
    assert oldest is not None
    assert (oldest.task_id, oldest.job_id, oldest.status) == ("first", JOB, "queued")
    assert 3600 <= oldest.age_seconds < 3660


def test_nothing_is_hidden_where_there_is_no_policy(lab: Lab) -> None:
    try:
        with lab.jobs.read() as work:
            assert list(work.job_health.hidden_tables()) == []
    except BadStatement:
        pytest.skip("SQL Server: this server knows no security policies")
