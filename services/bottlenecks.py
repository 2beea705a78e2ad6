"""What a job spent most of its time on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from services.durations import say_duration, say_share
from services.timelines import CriticalPath, CriticalStep, TimedTask, Timeline, median_of, share_of

TIMES_THE_MEDIAN = 3
FEWEST_TO_COMPARE = 5
LEAST_EXCESS_MS = 1000
SHOWN_STRAGGLERS = 20


class Kind(StrEnum):
    """What the time went into; unknown is waiting or working, and nobody noted which."""

    WAITING = "waiting"
    WORKING = "working"
    BETWEEN_STAGES = "between_stages"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """The longest part of the critical path.

    Of time between stages, `stage` is the one that came late, and `task_id` its task; both are None
    where nothing came any more.
    """

    kind: Kind
    stage: int | None
    task_id: str | None
    duration_ms: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Straggler:
    """A task that took several times as long as half of its stage did."""

    task_id: str
    stage: int
    status: str
    duration_ms: int
    median_ms: int
    times: float


def find_bottleneck(path: CriticalPath) -> Bottleneck | None:
    """None where the job has lasted for no time at all."""
    parts = [*_parts(path)]
    longest = max(parts, key=lambda part: part.duration_ms)
    return longest if longest.duration_ms else None


def find_stragglers(timeline: Timeline) -> Sequence[Straggler]:
    """The longest first. A stage of few tasks has none."""
    found = [
        straggler
        for _, group in groupby(timeline.tasks, lambda task: task.stage)
        for straggler in _stragglers_of([*group])
    ]
    found.sort(key=lambda one: (one.median_ms - one.duration_ms, one.task_id))
    return found[:SHOWN_STRAGGLERS]


def describe_bottlenecks(
    path: CriticalPath, bottleneck: Bottleneck | None, stragglers: Sequence[Straggler]
) -> Sequence[str]:
    """As plain sentences: the longest part, the whole, and the worst stragglers."""
    first = [] if bottleneck is None else [_describe(bottleneck), _describe_whole(path)]
    return [*first, *(_describe_straggler(one) for one in stragglers[:3])]


def _parts(path: CriticalPath) -> Iterator[Bottleneck]:
    whole = path.duration_ms
    for step in path.steps:
        yield _part(Kind.BETWEEN_STAGES, step, step.gap_ms, whole)
        yield _part(Kind.WAITING, step, step.waiting_ms, whole)
        yield _part(Kind.WORKING, step, step.working_ms, whole)
        yield _part(Kind.UNKNOWN, step, step.unknown_ms, whole)
    yield _part(Kind.BETWEEN_STAGES, None, path.after_ms, whole)


def _part(kind: Kind, step: CriticalStep | None, ms: int, whole: int) -> Bottleneck:
    return Bottleneck(
        kind=kind,
        stage=None if step is None else step.stage,
        task_id=None if step is None else step.task_id,
        duration_ms=ms,
        share=share_of(ms, whole),
    )


def _stragglers_of(tasks: Sequence[TimedTask]) -> Iterator[Straggler]:
    usual = median_of([_time_taken(task) for task in tasks if task.ended_at is not None])
    if usual is None or len(tasks) < FEWEST_TO_COMPARE:
        return
    limit = max(TIMES_THE_MEDIAN * usual, usual + LEAST_EXCESS_MS)
    for task in tasks:
        taken = _time_taken(task)
        if taken > limit:
            yield Straggler(
                task_id=task.task_id,
                stage=task.stage,
                status=task.status,
                duration_ms=taken,
                median_ms=usual,
                times=round(taken / max(usual, 1), 1),
            )


def _time_taken(task: TimedTask) -> int:
    """What only waited took no time of its own."""
    if task.working_ms is not None:
        return task.working_ms
    return 0 if task.wait_ms is not None else task.duration_ms


def _describe(one: Bottleneck) -> str:
    took = f"{say_duration(one.duration_ms)} ({say_share(one.share)} of the job)"
    if one.stage is None:
        return f"{took} passed after the last task, with nothing to work on."
    if one.kind is Kind.BETWEEN_STAGES:
        return f"{took} passed before stage {one.stage} had the task {one.task_id}."
    if one.kind is Kind.WAITING:
        return f"In stage {one.stage} the task {one.task_id} waited {took} for a worker."
    if one.kind is Kind.WORKING:
        return f"In stage {one.stage} the task {one.task_id} was worked on for {took}."
    return (
        f"In stage {one.stage} the task {one.task_id} took {took}; when it was started was not"
        " noted, so waiting and working cannot be told apart."
    )


def _describe_whole(path: CriticalPath) -> str:
    parts = (
        (path.working_ms, "working"),
        (path.waiting_ms, "waiting for a worker"),
        (path.unknown_ms, "waiting or working"),
        (path.between_stages_ms, "between stages"),
    )
    said = [f"{say_share(share_of(ms, path.duration_ms))} {what}" for ms, what in parts if ms]
    return f"Of the job's {say_duration(path.duration_ms)} it spent {', '.join(said)}."


def _describe_straggler(one: Straggler) -> str:
    return (
        f"In stage {one.stage} the task {one.task_id} took {say_duration(one.duration_ms)},"
        f" {one.times:g} times the {say_duration(one.median_ms)} of half of the others."
    )
