"""When the tasks of a job came, were started and ended, and which of them the job waited for.

A start that nobody noted is None, and then waiting and working cannot be told apart; but what waits
in a queue still has not been started, whatever was noted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median

from repositories.records.jobs import JobSpan, TaskTrace
from services.excerpts import join_ends

MILLISECOND = timedelta(milliseconds=1)
WAITING = frozenset({"queued", "pending", "ready", "pending_retry"})


@dataclass(frozen=True, slots=True)
class TimedTask:
    """A task and its times.

    `gap_ms` is from the end of the stage before, or from the job's creation, to its own creation;
    `wait_ms` from there to its start; `working_ms` from its start to its end, or until now;
    `silent_ms` is since a task in processing was last heard of. None where it cannot be known.
    """

    task_id: str
    task_type: str
    status: str
    stage: int
    error: str | None
    retry_count: int
    last_heartbeat: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    gap_ms: int | None
    wait_ms: int | None
    working_ms: int | None
    duration_ms: int
    silent_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimeline:
    """A stage, from the creation of its first task to the end of its last.

    `tasks` counts by status, and `total`. `ended_at` is None while a task has not ended.
    `median_working_ms` is of the tasks that have.
    """

    stage: int
    tasks: Mapping[str, int]
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    gap_ms: int | None = None
    duration_ms: int | None = None
    median_wait_ms: int | None = None
    median_working_ms: int | None = None
    longest_working_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalStep:
    """The task that a stage waited for: the last to end, or one that has not ended.

    The job's time goes into the gap before the task was there, the task's waiting and working, or
    `unknown_ms` where those two cannot be told apart.
    """

    stage: int
    task_id: str
    task_type: str
    status: str
    ended_at: datetime | None
    gap_ms: int
    waiting_ms: int
    working_ms: int
    unknown_ms: int
    gap_share: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPath:
    """Where the job's whole duration went: the steps, and what came after the last of them.

    `waiting_ms`, `working_ms`, `unknown_ms` and `between_stages_ms` are the sums over all of that.
    """

    steps: Sequence[CriticalStep]
    after_ms: int
    after_share: float
    waiting_ms: int
    working_ms: int
    unknown_ms: int
    between_stages_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All tasks by stage, as they were created; every stage; and the critical path."""

    tasks: Sequence[TimedTask]
    stages: Sequence[StageTimeline]
    critical_path: CriticalPath


def draw_timeline(span: JobSpan, traces: Iterable[TaskTrace], *, total_stages: int) -> Timeline:
    """`traces` come by stage. A job that has not ended lasts until it was read."""
    tasks: list[TimedTask] = []
    stages: list[StageTimeline] = []
    critical: list[TaskTrace] = []
    before: datetime | None = span.created_at
    for number, group in groupby(traces, lambda trace: trace.stage):
        of_stage = [*group]
        timed = [time_task(trace, before, span.read_at) for trace in of_stage]
        stages.append(_stage_timeline(number, timed, before, span.read_at))
        critical.append(last_of(of_stage))
        tasks += timed
        before = stages[-1].ended_at
    return Timeline(
        tasks=tasks,
        stages=[*_with_empty_stages(stages, total_stages)],
        critical_path=trace_critical_path(span, critical),
    )


def time_task(trace: TaskTrace, before: datetime | None, now: datetime) -> TimedTask:
    """`before` is when the stage before had ended; None where it has not."""
    created, started, ended = trace.created_at, trace.started_at, trace.ended_at
    end = ended or now
    duration = max((end - created) // MILLISECOND, 0)
    wait = working = silent = None
    if ended is None and trace.status in WAITING:
        wait = duration
    elif started is not None:
        wait = max((started - created) // MILLISECOND, 0)
        working = max((end - started) // MILLISECOND, 0)
    if trace.status == "processing":
        silent = max((now - (trace.heartbeat or trace.updated_at)) // MILLISECOND, 0)
    return TimedTask(
        trace.task_id,
        trace.task_type,
        trace.status,
        trace.stage,
        trace.error if trace.error_tail is None else join_ends(trace.error or "", trace.error_tail),
        trace.retry_count,
        trace.heartbeat,
        created,
        started,
        ended,
        None if before is None else max((created - before) // MILLISECOND, 0),
        wait,
        working,
        duration,
        silent,
    )


def last_of(traces: Sequence[TaskTrace]) -> TaskTrace:
    """The one that a stage waits for, the oldest in processing first; else the last that ended."""
    running = [trace for trace in traces if trace.ended_at is None]
    if running:
        return min(running, key=lambda one: (one.status in WAITING, one.created_at, one.task_id))
    return max(traces, key=lambda one: (one.ended_at or one.created_at, one.task_id))


def trace_critical_path(span: JobSpan, critical: Iterable[TaskTrace]) -> CriticalPath:
    """The job's duration, shared out among the tasks that it waited for one after the other.

    What overlaps counts once, for the earlier stage: the parts add up to the whole.
    """
    whole = _ms_between(span.created_at, span.ended_at or span.read_at)
    steps: list[CriticalStep] = []
    done = 0
    for trace in critical:
        created, started, ended = _places(span, trace, done, whole)
        parts = _parts_of(trace, created, started, ended)
        steps.append(
            CriticalStep(
                stage=trace.stage,
                task_id=trace.task_id,
                task_type=trace.task_type,
                status=trace.status,
                ended_at=trace.ended_at,
                gap_ms=created - done,
                **parts,
                gap_share=share_of(created - done, whole),
                share=share_of(ended - done, whole),
            )
        )
        done = ended
    return CriticalPath(
        steps=steps,
        after_ms=whole - done,
        after_share=share_of(whole - done, whole),
        waiting_ms=sum(step.waiting_ms for step in steps),
        working_ms=sum(step.working_ms for step in steps),
        unknown_ms=sum(step.unknown_ms for step in steps),
        between_stages_ms=sum(step.gap_ms for step in steps) + whole - done,
        duration_ms=whole,
    )


def share_of(part: int, whole: int) -> float:
    """From 0 to 1; 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0


def _places(span: JobSpan, trace: TaskTrace, done: int, whole: int) -> tuple[int, int, int]:
    """When it was created, started and ended, in ms of the job's life that are still to share."""
    end = trace.ended_at or span.read_at
    created = min(max(_ms_between(span.created_at, trace.created_at), done), whole)
    ended = min(max(_ms_between(span.created_at, end), created), whole)
    started = _ms_between(span.created_at, trace.started_at or trace.created_at)
    return created, min(max(started, created), ended), ended


def _parts_of(trace: TaskTrace, created: int, started: int, ended: int) -> dict[str, int]:
    parts = {"waiting_ms": 0, "working_ms": 0, "unknown_ms": 0}
    if trace.ended_at is None and trace.status in WAITING:
        return parts | {"waiting_ms": ended - created}
    if trace.started_at is None:
        return parts | {"unknown_ms": ended - created}
    return parts | {"waiting_ms": started - created, "working_ms": ended - started}


def _stage_timeline(
    number: int, tasks: Sequence[TimedTask], before: datetime | None, now: datetime
) -> StageTimeline:
    created_at = min(task.created_at for task in tasks)
    ends = [task.ended_at for task in tasks if task.ended_at is not None]
    ended_at = max(ends) if len(ends) == len(tasks) else None
    worked = [task for task in tasks if task.working_ms is not None]
    return StageTimeline(
        stage=number,
        tasks={**Counter(task.status for task in tasks), "total": len(tasks)},
        created_at=created_at,
        started_at=min((t.started_at for t in tasks if t.started_at is not None), default=None),
        ended_at=ended_at,
        gap_ms=None if before is None else _ms_between(before, created_at),
        duration_ms=_ms_between(created_at, ended_at or now),
        median_wait_ms=median_of([t.wait_ms for t in tasks if t.wait_ms is not None]),
        median_working_ms=median_of([t.working_ms or 0 for t in worked if t.ended_at is not None]),
        longest_working_ms=max((task.working_ms or 0 for task in worked), default=None),
    )


def median_of(values: Sequence[int]) -> int | None:
    return round(median(values)) if values else None


def _with_empty_stages(stages: Sequence[StageTimeline], total: int) -> Iterator[StageTimeline]:
    """Also the stages that have no task; more than a hundred are none that a job really has."""
    by_number = {stage.stage: stage for stage in stages}
    for number in sorted(by_number.keys() | set(range(1, min(total, 100) + 1))):
        yield by_number.get(number) or StageTimeline(stage=number, tasks={"total": 0})


def _ms_between(start: datetime, end: datetime) -> int:
    return max((end - start) // MILLISECOND, 0)
