"""How long things take: statements, stages, types of tasks and jobs; now and before that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from repositories.contracts.jobs import JobsDatabase, JobsWork
from repositories.records.server import Measured, Resource, StatementTimes
from services.caching import Aged, Cache
from services.parts import NotAvailable, ask_part
from services.statements import mask_statement
from services.statistics import HoursPart, read_part

T = TypeVar("T")

Verdict = Literal["slower", "faster", "same", "unknown"]
STATEMENTS, GROUPS, ROWS = 50, 100, 1000
ENOUGH, NOTABLE = 20, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How times lie, in ms."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The window before, and the ratio of now to then; None where there was nothing."""

    ended_before: int
    p50_before_ms: float | None
    p95_before_ms: float | None
    p50_ratio: float | None
    p95_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTimes:
    """Tasks of one type that ended in the window.

    `working_ms` is from their start, where it is known, else from their creation; `total_ms` from
    their creation; both to their end. `queue_wait_ms` is None where no start is known.
    """

    task_type: str
    count: int
    failed: int
    working_ms: Spread
    total_ms: Spread
    queue_wait_ms: Spread | None
    queue_wait_known: int
    change: Comparison
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes(TaskTimes):
    """Tasks of one type in one stage."""

    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimes:
    """Jobs of one type that ended in the window, from their creation to their end."""

    job_type: str
    count: int
    failed: int
    total_ms: Spread
    change: Comparison
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsPart:
    """The statements that took most time in all, as `source` counts them since `since`."""

    status: Literal["available"] = "available"
    source: Literal["pg_stat_statements", "query_store", "query_stats"]
    since: datetime | None
    restricted: bool
    missing_right: str | None
    statements: Sequence[StatementTimes]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesPart:
    status: Literal["available"] = "available"
    stages: Sequence[StageTimes]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTypesPart:
    status: Literal["available"] = "available"
    task_types: Sequence[TaskTimes]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypesPart:
    status: Literal["available"] = "available"
    job_types: Sequence[JobTimes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesPart:
    """What the server has used, counted since `since`."""

    status: Literal["available"] = "available"
    since: datetime | None
    resources: Sequence[Resource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Every part that can be had, of what ended in the last `hours`; the most frequent first."""

    hours: int
    slow_statements: StatementsPart | NotAvailable
    stages: StagesPart | NotAvailable
    task_types: TaskTypesPart | NotAvailable
    job_types: JobTypesPart | NotAvailable
    throughput: HoursPart | NotAvailable
    resources: ResourcesPart | NotAvailable


class PerformanceService:
    def __init__(self, database: JobsDatabase, *, cache: Cache) -> None:
        self._database, self._cache = database, cache

    def performance(self, *, hours: int, fresh: bool = False) -> Aged[Performance]:
        key = ("performance", hours)
        return self._cache.get(key, lambda: self._every_part(hours), fresh=fresh)

    def _every_part(self, hours: int) -> Performance:
        times = self._part(lambda work: work.performance.task_times(hours=hours, limit=ROWS))
        lost = times if isinstance(times, NotAvailable) else None
        measured = [] if isinstance(times, NotAvailable) else times
        return Performance(
            hours=hours,
            slow_statements=self._part(slow_statements_of),
            stages=lost or StagesPart(stages=stages_of(measured)),
            task_types=lost or TaskTypesPart(task_types=task_types_of(measured)),
            job_types=self._part(lambda work: job_types_of(work, hours)),
            throughput=self._part(lambda work: throughput_of(work, hours)),
            resources=self._part(resources_of),
        )

    def _part(self, ask: Callable[[JobsWork], T]) -> T | NotAvailable:
        return ask_part(lambda: read_part(self._database, ask))


def slow_statements_of(work: JobsWork) -> StatementsPart:
    source = work.performance.statement_source()
    missing = work.activity.missing_right()
    found = work.performance.slow_statements(limit=STATEMENTS)
    return StatementsPart(
        source=source.source,
        since=source.since,
        restricted=missing is not None,
        missing_right=missing,
        statements=[replace(one, query=mask_statement(one.query)) for one in found],
    )


def stages_of(rows: Iterable[Measured]) -> Sequence[StageTimes]:
    groups = _grouped((row for row in rows if row.kind == "stage"), main="working")
    return [
        StageTimes(**_task_times(group), stage=stage)
        for (_, stage), group in groups.items()
        if stage is not None
    ]


def task_types_of(rows: Iterable[Measured]) -> Sequence[TaskTimes]:
    groups = _grouped((row for row in rows if row.kind == "task_type"), main="working")
    return [TaskTimes(**_task_times(group)) for group in groups.values()]


def job_types_of(work: JobsWork, hours: int) -> JobTypesPart:
    groups = _grouped(work.performance.job_times(hours=hours, limit=ROWS), main="total")
    return JobTypesPart(job_types=[_job_times(group) for group in groups.values()])


def throughput_of(work: JobsWork, hours: int) -> HoursPart:
    return HoursPart(hours=work.statistics.activity_by_hour(hours=hours))


def resources_of(work: JobsWork) -> ResourcesPart:
    return ResourcesPart(
        since=work.statistics.server().statistics_since, resources=work.performance.resources()
    )


def compare_times(now: Measured, before: Measured | None) -> Comparison:
    """Times below a millisecond count as one: their ratios say nothing."""
    return Comparison(
        ended_before=before.ended if before else 0,
        p50_before_ms=before.p50_ms if before else None,
        p95_before_ms=before.p95_ms if before else None,
        p50_ratio=_ratio(now.p50_ms, before.p50_ms if before else None),
        p95_ratio=_ratio(now.p95_ms, before.p95_ms if before else None),
    )


def judge_change(ended: int, change: Comparison) -> Verdict:
    """Slower where either ratio is beyond 1.5, faster where either is below 1 / 1.5 and none above;
    unknown where fewer than 20 ended in either window.
    """
    ratios = [ratio for ratio in (change.p50_ratio, change.p95_ratio) if ratio is not None]
    if min(ended, change.ended_before) < ENOUGH or not ratios:
        return "unknown"
    if max(ratios) > NOTABLE:
        return "slower"
    return "faster" if min(ratios) < 1 / NOTABLE else "same"


def _ratio(now: float | None, before: float | None) -> float | None:
    if now is None or before is None:
        return None
    return round(max(now, 1.0) / max(before, 1.0), 3)


Group = Mapping[tuple[str, bool], Measured]
"""What was measured of one kind and name, by the metric and whether it is of now."""


def _grouped(rows: Iterable[Measured], *, main: str) -> Mapping[tuple[str, int | None], Group]:
    """By name and stage, the most frequent first. What did not end in the window is not there, nor
    what the bound on the rows cut off: `main`, the last metric of each, is missing then.
    """
    groups: dict[tuple[str, int | None], dict[tuple[str, bool], Measured]] = {}
    for row in rows:
        groups.setdefault((row.name, row.stage), {})[row.metric, row.is_now] = row
    whole = [group for group in groups.values() if (main, True) in group]
    whole.sort(key=lambda group: -group[main, True].ended)
    return {(group[main, True].name, group[main, True].stage): group for group in whole[:GROUPS]}


def _task_times(group: Group) -> dict[str, Any]:
    working, waited = group["working", True], group.get(("queue_wait", True))
    change = compare_times(working, group.get(("working", False)))
    return {
        "task_type": working.name,
        "count": working.ended,
        "failed": working.failed,
        "working_ms": _spread(working),
        "total_ms": _spread(group["total", True]),
        "queue_wait_ms": _spread(waited) if waited and waited.known else None,
        "queue_wait_known": waited.known if waited else 0,
        "change": change,
        "verdict": judge_change(working.ended, change),
    }


def _job_times(group: Group) -> JobTimes:
    total = group["total", True]
    change = compare_times(total, group.get(("total", False)))
    return JobTimes(
        job_type=total.name,
        count=total.ended,
        failed=total.failed,
        total_ms=_spread(total),
        change=change,
        verdict=judge_change(total.ended, change),
    )


def _spread(row: Measured) -> Spread:
    return Spread(
        mean=_shown(row.mean_ms),
        p50=_shown(row.p50_ms),
        p95=_shown(row.p95_ms),
        p99=_shown(row.p99_ms),
        max=_shown(row.max_ms),
    )


def _shown(ms: float | None) -> float:
    return round(ms or 0.0, 3)
