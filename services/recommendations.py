"""What to do about a job. Each rule looks at the facts and cites the rows that it rests on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from repositories.records.jobs import Job, JobSpan
from services.bottlenecks import Bottleneck, Straggler
from services.durations import say_duration, say_share
from services.job_failures import FailureGroup, JobFailures
from services.meanwhile import BadKpi
from services.timelines import (
    MILLISECOND,
    WAITING,
    StageTimeline,
    TimedTask,
    Timeline,
    share_of,
)

CITED = 10
SHOWN_GROUPS = 3
SILENT_MS = 300_000
TIMES_THE_MEDIAN = 3
LATE_MS = 300_000
WORTH_SAYING_MS = 10_000
MOST_OF_THE_TIME = 0.5
MUCH_OF_THE_TIME = 0.2
TASK_STATUSES = frozenset({"queued", "processing", "completed", "failed"})


class Severity(StrEnum):
    """From what is worst."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    task_id: str
    table: Literal["tasks"] = "tasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    job_id: str
    table: Literal["jobs"] = "jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiVerdict:
    kpi: str


Row = TaskRow | JobRow | KpiVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to do, why, the rows that say so (the first of them), and what to ask for more."""

    title: str
    detail: str
    severity: Severity
    rests_on: Sequence[Row]
    ask: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules look at; `is_whole` says that they have all of the job's tasks."""

    job: Job
    span: JobSpan
    timeline: Timeline
    is_whole: bool
    bottleneck: Bottleneck | None
    stragglers: Sequence[Straggler]
    failures: JobFailures
    kpis: Sequence[BadKpi]

    @property
    def is_running(self) -> bool:
        return self.span.ended_at is None

    @property
    def total_stages(self) -> int:
        """Where nobody keeps it, the stage that the job is in is taken for the last."""
        return self.job.total_stages or self.job.stage

    @property
    def current(self) -> StageTimeline | None:
        """The stage that the job says it is in."""
        return next((s for s in self.timeline.stages if s.stage == self.job.stage), None)


Rule = Callable[[Facts], Iterable[Recommendation]]


def recommend(facts: Facts) -> Sequence[Recommendation]:
    """The most severe first."""
    found = [one for rule in RULES for one in rule(facts)]
    order = [*Severity]
    return sorted(found, key=lambda one: order.index(one.severity)) or [_nothing_wrong(facts)]


def judge_retries(facts: Facts) -> Iterator[Recommendation]:
    kept_failing = [t for t in facts.timeline.tasks if t.status == "failed" and t.retry_count]
    if kept_failing:
        most = max(task.retry_count for task in kept_failing)
        yield Recommendation(
            title="Retrying does not help",
            detail=f"{_count(kept_failing, 'task')} failed again after up to {_times(most)} of"
            " trying anew: look for the cause before another retry.",
            severity=Severity.CRITICAL,
            rests_on=_rows(kept_failing),
            ask=f"GET /api/db/tasks/{facts.job.job_id}?status=failed",
        )


def judge_failures(facts: Facts) -> Iterator[Recommendation]:
    for group in facts.failures.groups[:SHOWN_GROUPS]:
        yield _judge_group(group, facts)


def judge_job_error(facts: Facts) -> Iterator[Recommendation]:
    group = facts.failures.job_error
    if facts.job.status == "failed" and not facts.failures.total:
        said = f"It says: {group.message}." if group else "It has no error text."
        yield Recommendation(
            title="The job failed, and none of its tasks did",
            detail=f"Look at what moves the job on, not at its tasks. {said}",
            severity=Severity.CRITICAL,
            rests_on=[JobRow(job_id=facts.job.job_id)],
            ask=f"GET /api/db/jobs/{facts.job.job_id}",
        )


def find_stuck_tasks(facts: Facts) -> Iterator[Recommendation]:
    usual = {stage.stage: stage.median_working_ms or 0 for stage in facts.timeline.stages}
    stuck = [
        task
        for task in facts.timeline.tasks
        if task.silent_ms is not None
        and task.silent_ms > max(SILENT_MS, TIMES_THE_MEDIAN * usual[task.stage])
    ]
    if stuck:
        silent = max(task.silent_ms or 0 for task in stuck)
        yield Recommendation(
            title="Tasks are stuck in processing",
            detail=f"{_count(stuck, 'task')} in processing {_is_or_are(stuck)} silent for up to"
            f" {say_duration(silent)}: the worker is most likely gone. Look whether it runs, then"
            " put them back as queued.",
            severity=Severity.CRITICAL,
            rests_on=_rows(stuck),
            ask="GET /api/db/poison",
        )


def find_stall(facts: Facts) -> Iterator[Recommendation]:
    """All tasks of the stage have ended, and the job does not know."""
    stage, job = facts.current, facts.job
    if stage is None or stage.ended_at is None or not (facts.is_running and facts.is_whole):
        return
    since = facts.span.read_at - stage.ended_at
    if since < timedelta(milliseconds=LATE_MS):
        return
    tasks = [task for task in facts.timeline.tasks if task.stage == stage.stage]
    last = max(tasks, key=lambda task: (task.ended_at or task.created_at, task.task_id))
    next_step = "end the job" if job.stage >= facts.total_stages else f"begin stage {job.stage + 1}"
    yield Recommendation(
        title=f"Stage {stage.stage} is complete, and the job did not move on",
        detail=f"Its last task, {last.task_id}, ended {say_duration(since // MILLISECOND)} ago."
        f" Whoever ended it should have called advance_job_stage('{job.job_id}', {job.stage}) to"
        f" {next_step}: call it, and look why it was not.",
        severity=Severity.CRITICAL,
        rests_on=[JobRow(job_id=job.job_id), TaskRow(task_id=last.task_id)],
        ask="GET /api/db/poison",
    )


def find_empty_stage(facts: Facts) -> Iterator[Recommendation]:
    stage, job = facts.current, facts.job
    if not (facts.is_running and facts.is_whole) or (stage is not None and stage.tasks["total"]):
        return
    since = (facts.span.read_at - job.updated_at) // MILLISECOND
    if since > LATE_MS:
        yield Recommendation(
            title=f"Stage {job.stage} has no task",
            detail=f"The job is {job.status} in stage {job.stage} for {say_duration(since)}, and"
            " nobody made a task for it, so it can never end: look at what makes the tasks.",
            severity=Severity.CRITICAL,
            rests_on=[JobRow(job_id=job.job_id)],
            ask="GET /api/db/poison",
        )


def judge_waiting(facts: Facts) -> Iterator[Recommendation]:
    path = facts.timeline.critical_path
    share = share_of(path.waiting_ms, path.duration_ms)
    if share >= MOST_OF_THE_TIME and path.waiting_ms >= WORTH_SAYING_MS:
        steps = sorted(path.steps, key=lambda step: -step.waiting_ms)
        yield Recommendation(
            title="The job waits for workers",
            detail=f"For {say_duration(path.waiting_ms)} ({say_share(share)} of its time) the tasks"
            " that it depended on waited to be taken, longest in stage"
            f" {steps[0].stage}: more workers would help, or those that are there are busy with"
            " something else, or down.",
            severity=Severity.WARNING,
            rests_on=[TaskRow(task_id=step.task_id) for step in steps if step.waiting_ms][:CITED],
            ask="GET /api/db/performance",
        )


def judge_gap(facts: Facts) -> Iterator[Recommendation]:
    """Time between stages, where the job went on after it."""
    path = facts.timeline.critical_path
    late = sorted((step for step in path.steps if step.gap_ms), key=lambda step: -step.gap_ms)
    lost = sum(step.gap_ms for step in late)
    share = share_of(lost, path.duration_ms)
    if share >= MUCH_OF_THE_TIME and lost >= WORTH_SAYING_MS:
        yield Recommendation(
            title=f"Stage {late[0].stage} came late",
            detail=f"For {say_duration(lost)} ({say_share(share)} of its time) the job had no task"
            f" to work on, longest before stage {late[0].stage}: look at what makes the tasks of a"
            " stage.",
            severity=Severity.WARNING,
            rests_on=[
                JobRow(job_id=facts.job.job_id),
                *(TaskRow(task_id=step.task_id) for step in late[: CITED - 1]),
            ],
            ask="GET /api/db/performance",
        )


def judge_stragglers(facts: Facts) -> Iterator[Recommendation]:
    if facts.stragglers:
        first = facts.stragglers[0]
        yield Recommendation(
            title="Some tasks take much longer than the others of their stage",
            detail=f"{first.task_id} took {say_duration(first.duration_ms)}, where half of stage"
            f" {first.stage} took no more than {say_duration(first.median_ms)}: look whether it was"
            " given more to do.",
            severity=Severity.WARNING,
            rests_on=[TaskRow(task_id=one.task_id) for one in facts.stragglers[:CITED]],
            ask=f"GET /api/db/tasks/{facts.job.job_id}",
        )


def find_unknown_statuses(facts: Facts) -> Iterator[Recommendation]:
    unknown = [task for task in facts.timeline.tasks if task.status not in TASK_STATUSES]
    if unknown:
        statuses = ", ".join(sorted({task.status for task in unknown}))
        yield Recommendation(
            title="Some tasks have a status that the stage functions do not know",
            detail=f"{_count(unknown, 'task')}: {statuses}. complete_task_and_check_stage counts"
            " only completed and failed as ended, so a stage with others may never be complete.",
            severity=Severity.WARNING if facts.is_running else Severity.INFO,
            rests_on=_rows(unknown),
            ask="GET /api/health/jobs",
        )


def judge_kpis(facts: Facts) -> Iterator[Recommendation]:
    if facts.kpis:
        names = [*dict.fromkeys(kpi.name for kpi in facts.kpis)]
        first = facts.kpis[0]
        yield Recommendation(
            title="The database was not well at that time",
            detail=f"{', '.join(names[:CITED])}; the newest, {first.name}, was {first.status}:"
            f" {first.message}",
            severity=Severity.WARNING,
            rests_on=[KpiVerdict(kpi=name) for name in names[:CITED]],
            ask=f"GET /api/kpis/{first.name}/results",
        )


RULES: Sequence[Rule] = (
    find_stall,
    find_stuck_tasks,
    find_empty_stage,
    judge_job_error,
    judge_retries,
    judge_failures,
    judge_waiting,
    judge_gap,
    judge_stragglers,
    judge_kpis,
    find_unknown_statuses,
)


def _judge_group(group: FailureGroup, facts: Facts) -> Recommendation:
    what = f"{group.error_type or 'Error'}: {group.message}"
    here = f"{group.count} of its tasks" if group.count > 1 else "One of its tasks"
    rests_on = [TaskRow(task_id=task_id) for task_id in group.task_ids]
    if group.elsewhere:
        return Recommendation(
            title="Other jobs fail in the same way",
            detail=f"{what}. {here} failed so, and {group.elsewhere} of"
            f" {_plural(group.jobs_elsewhere or 0, 'other job')} within the last"
            f" {facts.failures.hours_elsewhere} h: look at what they share, before this job's"
            " input.",
            severity=Severity.CRITICAL,
            rests_on=rests_on,
            ask=f"GET /api/db/errors?hours={facts.failures.hours_elsewhere}",
        )
    is_alone = group.elsewhere is not None and _failed_lately(facts)
    only = (
        f", and no other job did within the last {facts.failures.hours_elsewhere} h: look at its"
        " input first"
    )
    return Recommendation(
        title="Only this job fails in this way" if is_alone else "Tasks failed",
        detail=f"{what}. {here} failed so{only if is_alone else ''}.",
        severity=Severity.WARNING,
        rests_on=rests_on,
        ask=f"GET /api/db/tasks/{facts.job.job_id}?status=failed",
    )


def _failed_lately(facts: Facts) -> bool:
    """Whether what failed at that time elsewhere is among what was looked at."""
    end = facts.span.ended_at or facts.span.read_at
    return facts.span.read_at - end < timedelta(hours=facts.failures.hours_elsewhere)


def _nothing_wrong(facts: Facts) -> Recommendation:
    waiting = sum(task.status in WAITING for task in facts.timeline.tasks)
    still = f", {_plural(waiting, 'task')} still to be started" if waiting else ""
    return Recommendation(
        title="Nothing wrong was found",
        detail=f"The job is {facts.job.status} in stage {facts.job.stage} of"
        f" {facts.total_stages}{still}.",
        severity=Severity.INFO,
        rests_on=[JobRow(job_id=facts.job.job_id)],
        ask=f"GET /api/db/jobs/{facts.job.job_id}",
    )


def _rows(tasks: Iterable[TimedTask]) -> Sequence[Row]:
    return [TaskRow(task_id=task.task_id) for task in tasks][:CITED]


def _count(things: Sequence[object], noun: str) -> str:
    return _plural(len(things), noun)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _times(number: int) -> str:
    return "one time" if number == 1 else f"{number} times"


def _is_or_are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
