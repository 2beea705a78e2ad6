"""Where the time of a job went."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.jobs import JobSpan, TaskTrace
from services.timelines import Timeline, draw_timeline
from tests.histories import NOON, moment, span, trace

SECONDS = st.integers(-50, 400)


def draw(job_span: JobSpan, *traces: TaskTrace, total_stages: int = 1) -> Timeline:
    return draw_timeline(job_span, traces, total_stages=total_stages)


def test_a_task_waits_from_its_creation_and_works_from_its_start() -> None:
    (task,) = draw(span(20), trace("a", 2, 5, 15)).tasks
    assert (task.gap_ms, task.wait_ms, task.working_ms, task.duration_ms) == (
        2000,
        3000,
        10000,
        13000,
    )


def test_without_a_start_waiting_and_working_cannot_be_told_apart() -> None:
    timeline = draw(span(20), trace("a", 0, None, 15))
    (task,) = timeline.tasks
    assert (task.wait_ms, task.working_ms, task.duration_ms) == (None, None, 15000)
    (step,) = timeline.critical_path.steps
    assert (step.waiting_ms, step.working_ms, step.unknown_ms) == (0, 0, 15000)


@pytest.mark.parametrize("status", ["queued", "pending", "ready", "pending_retry"])
def test_what_is_in_a_queue_waits_whatever_start_was_noted(status: str) -> None:
    timeline = draw(span(None, now=60), trace("a", 0, 10, None, status=status))
    (task,) = timeline.tasks
    assert (task.wait_ms, task.working_ms) == (60000, None)
    assert timeline.critical_path.waiting_ms == 60000


def test_a_task_in_processing_works_until_now_and_is_silent_since_its_heartbeat() -> None:
    running = trace("a", 0, 10, None, heartbeat=moment(40))
    (task,) = draw(span(None, now=100), running).tasks
    assert (task.working_ms, task.silent_ms, task.ended_at) == (90000, 60000, None)


def test_a_task_without_heartbeat_is_silent_since_it_was_changed() -> None:
    (task,) = draw(span(None, now=100), trace("a", 0, 10, None)).tasks
    assert task.silent_ms == 90000


def test_a_stage_begins_after_the_end_of_the_one_before() -> None:
    first, second = draw(
        span(60), trace("a", 0, 1, 10), trace("b", 0, 2, 20), trace("c", 25, 30, 50, stage=2)
    ).stages
    assert (first.gap_ms, first.duration_ms, first.tasks) == (
        0,
        20000,
        {"completed": 2, "total": 2},
    )
    assert (first.median_wait_ms, first.median_working_ms) == (1500, 13500)
    assert first.longest_working_ms == 18000
    assert (second.gap_ms, second.created_at, second.started_at, second.ended_at) == (
        5000,
        moment(25),
        moment(30),
        moment(50),
    )


def test_a_stage_whose_tasks_have_not_all_ended_has_no_end_and_the_next_no_gap() -> None:
    first, second = draw(
        span(None, now=60),
        trace("a", 0, 1, 10),
        trace("b", 0, 1, None),
        trace("c", 5, 6, 7, stage=2),
    ).stages
    assert first.ended_at is None
    assert first.duration_ms == 60000
    assert second.gap_ms is None


def test_stages_without_a_task_are_shown_and_a_number_that_cannot_be_is_not() -> None:
    stages = draw(span(9), trace("b", 0, 1, 9, stage=2), total_stages=3).stages
    assert [(stage.stage, stage.tasks["total"]) for stage in stages] == [(1, 0), (2, 1), (3, 0)]
    assert len(draw(span(9), total_stages=2_000_000_000).stages) == 100


def test_a_stage_waits_for_its_last_task() -> None:
    path = draw(
        span(100),
        trace("a", 0, 5, 10),
        trace("b", 0, 5, 40),
        trace("c", 50, 60, 90, stage=2),
    ).critical_path
    assert [step.task_id for step in path.steps] == ["b", "c"]
    one, two = path.steps
    assert (one.gap_ms, one.waiting_ms, one.working_ms, one.share) == (0, 5000, 35000, 0.4)
    assert (two.gap_ms, two.waiting_ms, two.working_ms) == (10000, 10000, 30000)
    assert (two.gap_share, path.after_ms, path.after_share) == (0.1, 10000, 0.1)


def test_a_stage_waits_for_what_has_not_ended_and_first_for_what_runs() -> None:
    path = draw(
        span(None, now=100),
        trace("a", 0, 5, 10),
        trace("b", 0, None, None, status="queued"),
        trace("c", 1, 20, None),
    ).critical_path
    assert [step.task_id for step in path.steps] == ["c"]
    assert path.after_ms == 0


def test_a_job_without_tasks_has_spent_its_time_with_nothing_to_work_on() -> None:
    path = draw(span(None, now=30)).critical_path
    assert (path.steps, path.after_ms, path.between_stages_ms) == ([], 30000, 30000)


def test_a_job_that_has_just_been_made_has_no_shares() -> None:
    path = draw(span(None, now=0), trace("a", 0, None, None, status="queued")).critical_path
    assert [(step.share, step.gap_share) for step in path.steps] == [(0.0, 0.0)]


def test_clocks_that_do_not_agree_give_no_negative_times() -> None:
    (task,) = draw(span(10), trace("a", 5, 3, 4)).tasks
    assert (task.wait_ms, task.working_ms, task.duration_ms) == (0, 1000, 0)


@st.composite
def histories(draw_one: st.DrawFn) -> tuple[JobSpan, list[TaskTrace]]:
    """Any times whatever, also ones that contradict each other."""
    statuses = st.sampled_from(["queued", "processing", "completed", "failed", "odd"])
    optional = st.none() | SECONDS
    tasks = draw_one(
        st.lists(
            st.tuples(st.integers(1, 4), SECONDS, optional, optional, statuses), max_size=12
        ).map(sorted_by_stage)
    )
    now = draw_one(st.integers(0, 500))
    end = draw_one(st.none() | st.integers(0, now))
    traces = [
        trace(f"t{number}", created, started, ended, stage=stage, status=status)
        for number, (stage, created, started, ended, status) in enumerate(tasks)
    ]
    return span(end, now=now), traces


def sorted_by_stage(
    tasks: list[tuple[int, int, int | None, int | None, str]],
) -> list[tuple[int, int, int | None, int | None, str]]:
    return sorted(tasks, key=lambda task: task[:2])


@given(histories())
def test_the_parts_of_the_critical_path_add_up_to_the_job(
    history: tuple[JobSpan, list[TaskTrace]],
) -> None:
    job_span, traces = history
    path = draw_timeline(job_span, traces, total_stages=4).critical_path
    whole = ((job_span.ended_at or job_span.read_at) - NOON) // timedelta(milliseconds=1)
    parts = [
        ms
        for step in path.steps
        for ms in (step.gap_ms, step.waiting_ms, step.working_ms, step.unknown_ms)
    ]
    assert min([*parts, path.after_ms]) >= 0
    assert sum(parts) + path.after_ms == path.duration_ms == whole
    sums = (path.waiting_ms, path.working_ms, path.unknown_ms, path.between_stages_ms)
    assert sum(sums) == whole


@given(histories())
def test_every_task_is_there_once_and_counted_once(
    history: tuple[JobSpan, list[TaskTrace]],
) -> None:
    job_span, traces = history
    timeline = draw_timeline(job_span, traces, total_stages=4)
    assert [task.task_id for task in timeline.tasks] == [one.task_id for one in traces]
    assert sum(stage.tasks["total"] for stage in timeline.stages) == len(traces)
    for task in timeline.tasks:
        if task.wait_ms is not None and task.working_ms is not None:
            assert task.wait_ms + task.working_ms >= task.duration_ms
