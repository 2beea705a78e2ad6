"""What a job spent most of its time on."""

import pytest

from repositories.records.jobs import JobSpan, TaskTrace
from services.bottlenecks import Kind, describe_bottlenecks, find_bottleneck, find_stragglers
from services.timelines import Timeline, draw_timeline
from tests.histories import span, trace


def draw(job_span: JobSpan, *traces: TaskTrace) -> Timeline:
    return draw_timeline(job_span, traces, total_stages=1)


WAITED = (span(100), trace("a", 0, 80, 100))
WORKED = (span(100), trace("a", 0, 10, 100))
UNKNOWN = (span(100), trace("a", 0, None, 100))
BETWEEN = (span(100), trace("a", 0, 1, 10), trace("b", 80, 81, 100, stage=2))
AFTER = (span(None, now=100), trace("a", 0, 5, 10))


@pytest.mark.parametrize(
    ("history", "kind", "stage", "task_id", "ms", "sentence"),
    [
        (WAITED, Kind.WAITING, 1, "a", 80000, "the task a waited 1 min 20 s (80 % of the job)"),
        (WORKED, Kind.WORKING, 1, "a", 90000, "the task a was worked on for 1 min 30 s"),
        (UNKNOWN, Kind.UNKNOWN, 1, "a", 100000, "waiting and working cannot be told apart"),
        (BETWEEN, Kind.BETWEEN_STAGES, 2, "b", 70000, "passed before stage 2 had the task b"),
        (AFTER, Kind.BETWEEN_STAGES, None, None, 90000, "passed after the last task"),
    ],
)
def test_the_longest_part_is_the_bottleneck(
    history: tuple[JobSpan, *tuple[TaskTrace, ...]],
    kind: Kind,
    stage: int | None,
    task_id: str | None,
    ms: int,
    sentence: str,
) -> None:
    path = draw(*history).critical_path
    found = find_bottleneck(path)
    assert found is not None
    assert (found.kind, found.stage, found.task_id) == (kind, stage, task_id)
    assert (found.duration_ms, found.share) == (ms, ms / path.duration_ms)
    assert sentence in describe_bottlenecks(path, found, ())[0]


def test_a_job_that_has_just_been_made_has_no_bottleneck() -> None:
    path = draw(span(None, now=0)).critical_path
    assert find_bottleneck(path) is None
    assert describe_bottlenecks(path, None, ()) == []


def test_all_of_the_time_is_said_to_have_gone_somewhere() -> None:
    path = draw(*BETWEEN).critical_path
    _, whole = describe_bottlenecks(path, find_bottleneck(path), ())
    assert whole == (
        "Of the job's 1 min 40 s it spent 28 % working, 2 % waiting for a worker,"
        " 70 % between stages."
    )


def test_a_straggler_takes_several_times_as_long_as_half_of_its_stage() -> None:
    usual = [trace(f"t{number}", 0, 10, 20 + number) for number in range(5)]
    timeline = draw(span(200), *usual, trace("slow", 0, 10, 110), trace("slower", 0, 10, 130))
    assert [(one.task_id, one.duration_ms, one.median_ms) for one in find_stragglers(timeline)] == [
        ("slower", 120000, 13000),
        ("slow", 100000, 13000),
    ]


def test_one_that_still_runs_may_be_a_straggler_and_one_that_waits_is_none() -> None:
    usual = [trace(f"t{number}", 0, 10, 20) for number in range(5)]
    running = trace("running", 0, 10, None)
    queued = trace("queued", 0, None, None, status="queued")
    timeline = draw(span(None, now=500), *usual, running, queued)
    assert [one.task_id for one in find_stragglers(timeline)] == ["running"]


def test_a_few_milliseconds_and_a_few_tasks_make_no_straggler() -> None:
    quick = [trace(f"t{number}", 0, 1, 1.002) for number in range(9)]
    assert find_stragglers(draw(span(9), *quick, trace("slow", 0, 1, 1.5))) == []
    assert find_stragglers(draw(span(99), trace("a", 0, 1, 2), trace("b", 0, 1, 90))) == []


def test_stragglers_are_bounded() -> None:
    usual = [trace(f"t{number}", 0, 1, 2) for number in range(60)]
    slow = [trace(f"s{number}", 0, 1, 50) for number in range(40)]
    found = find_stragglers(draw(span(99), *usual, *slow))
    assert len(found) == 20
    assert len(describe_bottlenecks(draw(*WORKED).critical_path, None, found)) == 3
