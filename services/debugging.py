"""All that is known of one job, for whoever asks what is wrong with it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

import orjson

from repositories.contracts.jobs import JobsDatabase
from repositories.contracts.store import Store
from repositories.errors import StorageError
from repositories.records.jobs import Job, JobSpan, TaskTrace
from repositories.records.retries import Retry
from services.bottlenecks import (
    Bottleneck,
    Straggler,
    describe_bottlenecks,
    find_bottleneck,
    find_stragglers,
)
from services.errors import NotFound
from services.excerpts import cut_short
from services.failure_sizes import GroupSize
from services.job_failures import HOURS_ELSEWHERE, JobFailures, gather_failures, shorten_errors
from services.log_queries import LogLink, link_logs
from services.meanwhile import KpisMeanwhile, Meanwhile, ask_kpis_meanwhile, ask_meanwhile
from services.parts import NotAvailable, ask_part
from services.recommendations import Facts, Recommendation, recommend
from services.timelines import CriticalPath, StageTimeline, TimedTask, draw_timeline

T = TypeVar("T")

MOST_TASKS = 20_000
SHOWN_RETRIES = 100
SHOWN_EARLIER_FAILURES = 50
LONGEST_ERROR = 2000


class Failures(Protocol):
    """Who knows what else fails."""

    def sizes_of(
        self, error_texts: Iterable[str], *, hours: int, except_job: str | None
    ) -> Mapping[str, GroupSize]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedTask:
    """A task that was tried more than once."""

    task_id: str
    stage: int
    status: str
    retry_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The tasks of a job that were tried more than once, those first that were so most often, and
    the failures before them that were kept when somebody put a task back.
    """

    total: int
    tasks: Sequence[RepeatedTask]
    earlier_failures: Sequence[Retry] | NotAvailable


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugInfo:
    """`timeline` has the stages; the times of each task are with the task.

    `tasks_total` is how many there are; more than `tasks` has are not looked at. Of a long error
    text there are the beginning and the end, and of all but the first errors only a line.
    """

    job_status: str
    current_stage: int
    total_stages: int | None
    recommendations: Sequence[Recommendation]
    bottlenecks: Sequence[str]
    bottleneck: Bottleneck | None
    stragglers: Sequence[Straggler]
    job: Job
    read_at: datetime
    failures: JobFailures
    retries: Retries
    timeline: Sequence[StageTimeline]
    critical_path: CriticalPath
    kpis: KpisMeanwhile | NotAvailable
    meanwhile: Meanwhile | NotAvailable
    logs: LogLink
    tasks_total: int
    tasks: Sequence[TimedTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugReport:
    job_id: str
    debug_info: DebugInfo


class DebugService:
    """`connections` are the names under which the KPIs know the jobs database."""

    def __init__(
        self,
        database: JobsDatabase,
        store: Store,
        failures: Failures,
        *,
        connections: Sequence[str],
        logs_resource_id: str | None,
    ) -> None:
        self._database, self._store, self._failures = database, store, failures
        self._connections, self._logs_resource_id = connections, logs_resource_id

    def explain(self, job_id: str) -> DebugReport:
        """Raises NotFound. What cannot be had beside the job and its tasks is said to be so."""
        job, span, traces = self._read(job_id)
        timeline = draw_timeline(span, traces, total_stages=job.total_stages or 1)
        kpis = _ask_of_store(lambda: ask_kpis_meanwhile(self._store, self._connections, span))
        facts = Facts(
            job=job,
            span=span,
            timeline=timeline,
            is_whole=len(traces) < MOST_TASKS,
            bottleneck=find_bottleneck(timeline.critical_path),
            stragglers=find_stragglers(timeline),
            failures=gather_failures(
                timeline.tasks, job.error_details, lambda texts: self._sizes_of(texts, job_id)
            ),
            kpis=() if isinstance(kpis, NotAvailable) else kpis.kpis,
        )
        return DebugReport(job_id=job_id, debug_info=self._describe(facts, kpis))

    def _describe(self, facts: Facts, kpis: KpisMeanwhile | NotAvailable) -> DebugInfo:
        job, span, timeline = facts.job, facts.span, facts.timeline
        return DebugInfo(
            job_status=job.status,
            current_stage=job.stage,
            total_stages=job.total_stages,
            recommendations=recommend(facts),
            bottlenecks=describe_bottlenecks(
                timeline.critical_path, facts.bottleneck, facts.stragglers
            ),
            bottleneck=facts.bottleneck,
            stragglers=facts.stragglers,
            job=job,
            read_at=span.read_at,
            failures=facts.failures,
            retries=self._gather_retries(job.job_id, timeline.tasks),
            timeline=timeline.stages,
            critical_path=timeline.critical_path,
            kpis=kpis,
            meanwhile=ask_part(lambda: ask_meanwhile(self._database, job.job_id, span)),
            logs=self._link_logs(job, span),
            tasks_total=orjson.loads(str(job.task_counts))["total"],
            tasks=shorten_errors(timeline.tasks),
        )

    def _read(self, job_id: str) -> tuple[Job, JobSpan, Sequence[TaskTrace]]:
        with self._database.read() as work:
            job, span = work.jobs.find(job_id), work.histories.find_span(job_id)
            if job is None or span is None:
                raise NotFound(f"no job {job_id}")
            return job, span, work.histories.traces_of(job_id, limit=MOST_TASKS)

    def _sizes_of(
        self, texts: Sequence[str], job_id: str
    ) -> Mapping[str, GroupSize] | NotAvailable:
        return ask_part(
            lambda: self._failures.sizes_of(texts, hours=HOURS_ELSEWHERE, except_job=job_id)
        )

    def _gather_retries(self, job_id: str, tasks: Sequence[TimedTask]) -> Retries:
        retried = list_retried(tasks)
        return Retries(
            total=len(retried),
            tasks=retried[:SHOWN_RETRIES],
            earlier_failures=_ask_of_store(lambda: self._earlier_failures(job_id)),
        )

    def _earlier_failures(self, job_id: str) -> Sequence[Retry]:
        with self._store.read() as work:
            retries = work.retries.of_job(job_id, limit=SHOWN_EARLIER_FAILURES)
        return [_shortened(retry) for retry in retries]

    def _link_logs(self, job: Job, span: JobSpan) -> LogLink:
        end = span.ended_at or span.read_at
        return link_logs(job.job_id, job.parameters, span.created_at, end, self._logs_resource_id)


def list_retried(tasks: Iterable[TimedTask]) -> Sequence[RepeatedTask]:
    """The most often retried first."""
    retried = sorted((t for t in tasks if t.retry_count > 0), key=lambda task: -task.retry_count)
    return [
        RepeatedTask(
            task_id=task.task_id,
            stage=task.stage,
            status=task.status,
            retry_count=task.retry_count,
        )
        for task in retried
    ]


def _shortened(retry: Retry) -> Retry:
    error = retry.error_details
    return replace(retry, error_details=error and cut_short(error, LONGEST_ERROR))


def _ask_of_store(ask: Callable[[], T]) -> T | NotAvailable:
    """The store may be another database than the one the job is in: a job is explained without."""
    try:
        return ask()
    except StorageError as error:
        return NotAvailable(str(error))
