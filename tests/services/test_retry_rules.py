"""Which failed tasks can be put back, for any job that could be there."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from repositories.records.jobs import Job, Layout, Stage
from repositories.records.retries import TaskFailure
from repositories.records.rows import Json
from services.retry_rules import (
    FAILED,
    MOST_RETRIES,
    QUIET_SECONDS,
    UNDER_WAY,
    decide_retry,
    job_fault,
    layout_fault,
    status_afterwards,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STATUSES = ("queued", "processing", "completed", "failed", "completed_with_errors", "cancelled")
numbers = st.integers(1, 3)


@st.composite
def failures(draw: st.DrawFn) -> list[TaskFailure]:
    return [
        TaskFailure(
            task_id=f"t{number}",
            task_type="copy",
            status=draw(st.sampled_from(["failed", "failed", "queued", "lost"])),
            stage=draw(numbers),
            retry_count=draw(st.integers(0, 12)),
            error_details=None,
            failed_at=NOW,
        )
        for number in range(draw(st.integers(0, 6)))
    ]


def job_of(status: str, stage: int, idle_seconds: int = 3600) -> Job:
    return Job(
        job_id="a" * 64,
        job_type="copy_files",
        status=status,
        stage=stage,
        total_stages=3,
        parameters=None,
        stage_results=None,
        result_data=None,
        error_details=None,
        created_at=NOW - timedelta(days=1),
        updated_at=NOW - timedelta(seconds=idle_seconds),
        duration_ms=0,
        task_counts=Json("{}"),
    )


def stage_of(number: int, *, waiting: int = 0, idle_seconds: int = 3600) -> Stage:
    return Stage(
        stage=number,
        total=2 + waiting,
        completed=1,
        failed=1,
        processing=0,
        waiting=waiting,
        created_at=NOW - timedelta(days=1),
        updated_at=NOW - timedelta(seconds=idle_seconds),
    )


@given(failures(), st.sampled_from(STATUSES), numbers, st.one_of(st.none(), st.just("no")))
def test_every_task_is_either_put_back_or_refused_with_a_reason(
    tasks: list[TaskFailure], status: str, stage: int, fault: str | None
) -> None:
    decision = decide_retry(job_of(status, stage), fault, tasks, None)
    moved, refused = [one.task_id for one in decision.tasks], decision.refused
    assert sorted([*moved, *(one.task_id for one in refused)]) == [one.task_id for one in tasks]
    assert all(one.reason for one in refused)
    for task in decision.tasks:
        assert fault is None
        assert (task.status, task.stage) == ("failed", stage)
        assert task.retry_count < MOST_RETRIES


@given(failures(), st.lists(st.sampled_from(["t0", "t1", "x", "y"]), max_size=6))
def test_each_named_task_that_the_job_does_not_have_is_refused_once(
    tasks: list[TaskFailure], named: list[str]
) -> None:
    there = [task for task in tasks if task.task_id in named]
    decision = decide_retry(job_of("failed", 1), None, there, named)
    answered = [task.task_id for task in decision.tasks]
    answered += [refused.task_id for refused in decision.refused]
    assert sorted(answered) == sorted(set(named))


@given(st.sampled_from(STATUSES), st.sets(numbers), numbers)
def test_a_job_whose_later_stages_have_begun_is_never_taken_up(
    status: str, stages: set[int], stage: int
) -> None:
    fault = job_fault(job_of(status, stage), [stage_of(number) for number in stages], NOW)
    is_sound = status in (*UNDER_WAY, *FAILED) and max(stages, default=0) <= stage
    assert (fault is None) == is_sound


@given(st.sampled_from(UNDER_WAY), st.integers(0, 1), st.integers(0, 200), st.integers(0, 200))
def test_a_job_under_way_is_left_alone_while_it_moves_on(
    status: str, waiting: int, job_idle: int, stage_idle: int
) -> None:
    job = job_of(status, 1, job_idle)
    fault = job_fault(job, [stage_of(1, waiting=waiting, idle_seconds=stage_idle)], NOW)
    has_just_ended = waiting == 0 and min(job_idle, stage_idle) < QUIET_SECONDS
    assert (fault is not None) == has_just_ended


def test_a_job_that_had_ended_is_processing_then_and_others_stay_what_they_are() -> None:
    assert {status: status_afterwards(job_of(status, 1)) for status in (*UNDER_WAY, *FAILED)} == {
        "queued": "queued",
        "processing": "processing",
        "failed": "processing",
        "completed_with_errors": "processing",
    }


def test_tables_that_cannot_tell_one_retry_from_another_are_left_alone() -> None:
    missing = ["tasks.retry_count", "jobs.result_data"]
    fault = layout_fault(Layout(renamed={}, missing=missing, unread=()))
    assert fault is not None
    assert "no tasks.retry_count," in fault
    assert layout_fault(Layout(renamed={}, missing=["jobs.result_data"], unread=())) is None
