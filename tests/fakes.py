"""In-memory stand-ins, held to the same contract as the real engines."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from repositories.contracts.databases import Answer, PoolUse
from repositories.records.filters import ChangeTime, JobFilter, Parameter, TaskFilter
from repositories.records.jobs import (
    Job,
    JobSpan,
    Layout,
    OtherCount,
    OtherJob,
    Stage,
    Task,
    TaskTrace,
    Window,
)
from repositories.records.kpis import (
    ResultType,
)
from repositories.records.processes import Beat, Figure, Server, ServiceStatus, Worker
from repositories.records.retries import AuditEntry, AuditRecord, PlannedRetry, Retry, TaskFailure
from repositories.records.rows import Json
from tests.fake_clocks import FakeClock, RunningClock
from tests.fake_dead_letters import FakeDeadLetters
from tests.fake_definitions import FakeConnections, FakeIndicators, FakeQueries
from tests.fake_executions import FakeExecutions, FakeResults
from tests.fake_kpis import FakeKpis
from tests.fake_metrics import FakeBaselines, FakeMetrics
from tests.fake_overviews import FakeHours, FakeOverviews
from tests.fake_pasts import FakePasts
from tests.fake_poison import FakeFailures, FakeJobHealth, FakePoison
from tests.server_fakes import FakeActivity, FakePerformance, FakeStatistics

ENDED = frozenset({"completed", "failed", "completed_with_errors", "cancelled", "skipped"})
T = TypeVar("T", Job, Task)
U = TypeVar("U")


class FakeHeartbeats:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.newest: dict[str, tuple[ServiceStatus, int]] = {}
        self.history: list[ServiceStatus] = []

    def beat(
        self,
        service: str,
        *,
        status: str,
        current_task: str | None = None,
        interval_seconds: int | None = None,
        grace_seconds: int | None = None,
        worker_instance_id: str | None = None,
    ) -> ServiceStatus:
        before = self.newest.get(service)
        interval = interval_seconds or (before[0].interval_seconds if before else 60)
        grace = grace_seconds if grace_seconds is not None else (before[1] if before else 120)
        now = self._clock()
        beaten = ServiceStatus(
            service=service,
            status=status,
            current_task=current_task,
            last_heartbeat=now,
            due_at=now + timedelta(seconds=interval + grace),
            interval_seconds=interval,
            read_at=now,
        )
        self.newest[service] = beaten, grace
        self.history.append(beaten)
        return beaten

    def beat_all(self, beats: Sequence[Beat]) -> Sequence[ServiceStatus]:
        return [self.beat(**asdict(beat)) for beat in beats]

    def services(self, *, after: str | None, limit: int) -> list[ServiceStatus]:
        now = self._clock()
        names = sorted(name for name in self.newest if after is None or name > after)
        return [replace(self.newest[name][0], read_at=now) for name in names[:limit]]


class FakeWorkers:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.all: dict[str, tuple[Worker, datetime, str]] = {}
        self.started: dict[str, datetime] = {}
        self.figures: list[tuple[str, datetime, Figure]] = []
        self.renames: dict[str, str] = {}

    def register(self, worker: Worker) -> str:
        known = self.renames.get(worker.worker_instance_id, worker.worker_instance_id)
        self.started.setdefault(known, self._clock())
        self.all.setdefault(
            known, (replace(worker, worker_instance_id=known), self._clock(), "Running")
        )
        return known

    def beat(self, worker_instance_id: str, *, status: str, figures: Sequence[Figure]) -> bool:
        if worker_instance_id not in self.all:
            return False
        self.all[worker_instance_id] = self.all[worker_instance_id][0], self._clock(), status
        now = self._clock()
        self.figures += [(worker_instance_id, now, figure) for figure in figures]
        return True

    def retire(self, *, silent_seconds: int) -> int:
        limit = self._clock() - timedelta(seconds=silent_seconds)
        silent = [
            worker
            for worker, seen, status in self.all.values()
            if seen < limit and status not in {"Stopped", "Error"}
        ]
        for worker in silent:
            _, seen, _ = self.all[worker.worker_instance_id]
            self.all[worker.worker_instance_id] = worker, seen, "Stopped"
        return len(silent)


class FakeConfig:
    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def find(self, key: str) -> str | None:
        return self.all.get(key)

    def put(self, key: str, value: str, *, description: str, actor: str) -> None:
        self.all[key] = value


class FakeAudit:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.all: list[AuditRecord] = []

    def add(self, entries: Sequence[AuditEntry]) -> None:
        now = self._clock()
        self.all += [
            AuditRecord(**asdict(entry), audit_id=next(self._numbers), happened_at=now)
            for entry in entries
        ]

    def recent(
        self,
        *,
        entity_type: str | None = None,
        entity_id: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[AuditRecord]:
        found = [
            record
            for record in reversed(self.all)
            if entity_type in {None, record.entity_type}
            and entity_id in {None, record.entity_id}
            and (before is None or record.audit_id < before)
        ]
        return found[:limit]


class FakeRetries:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.all: dict[str, Retry] = {}

    def plan(self, retries: Sequence[PlannedRetry]) -> None:
        now = self._clock()
        for one in retries:
            self.all[one.retry_id] = Retry(
                **asdict(one), retried_at=now, state="planned", settled_at=None
            )

    def finish(self, retry_ids: Collection[str]) -> Sequence[str]:
        done = {_failure(one) for one in self.all.values() if one.state == "done"}
        open_ids = [one for one in retry_ids if _failure(self.all[one]) not in done]
        self._settle(open_ids, "done")
        return open_ids

    def drop(self, retry_ids: Collection[str]) -> int:
        planned = [one for one in retry_ids if self.all[one].state == "planned"]
        self._settle(planned, "dropped")
        return len(planned)

    def of_job(self, job_id: str, *, limit: int) -> list[Retry]:
        found = sorted(
            (one for one in self.all.values() if one.job_id == job_id),
            key=lambda one: (-one.retried_at.timestamp(), one.retry_id),
        )
        return found[:limit]

    def unsettled(
        self, *, job_id: str | None = None, older_than_seconds: int, limit: int
    ) -> list[Retry]:
        until = self._clock() - timedelta(seconds=older_than_seconds)
        found = [
            one
            for one in self.all.values()
            if one.state == "planned" and one.retried_at <= until and job_id in {None, one.job_id}
        ]
        return sorted(found, key=lambda one: (one.retried_at, one.retry_id))[:limit]

    def _settle(self, retry_ids: Collection[str], state: str) -> None:
        now = self._clock()
        for one in retry_ids:
            self.all[one] = replace(self.all[one], state=state, settled_at=now)


def _failure(retry: Retry) -> tuple[str, str, int, datetime]:
    return retry.job_id, retry.task_id, retry.retry_count, retry.failed_at


class FakeRetention:
    """Removes from what the other fakes hold."""

    def __init__(
        self,
        clock: FakeClock,
        heartbeats: FakeHeartbeats,
        workers: FakeWorkers,
        kpis: FakeKpis,
        hours: FakeHours,
        dead_letters: FakeDeadLetters,
        audit: FakeAudit,
        metrics: FakeMetrics,
    ) -> None:
        self._clock, self._audit, self._metrics = clock, audit, metrics
        self._hours, self._dead_letters = hours, dead_letters
        self._heartbeats, self._workers, self._kpis = heartbeats, workers, kpis

    def remove(self, table: str, *, days: int, batch: int) -> int:
        limit = self._clock() - timedelta(days=days)
        old = sorted(
            (at, number, drop) for number, (at, drop) in enumerate(self._rows(table)) if at < limit
        )[:batch]
        for _, _, drop in old:
            drop()
        return len(old)

    def _rows(self, table: str) -> Iterator[tuple[datetime, Callable[[], object]]]:
        """When each row is from, and how to remove it."""
        if table == "database_monitoring_results":
            for one in self._kpis.indicators.values():
                for result in one.results:
                    yield result.checked_at, partial(one.results.remove, result)
        elif table == "database_monitoring_hours":
            for key in self._hours.rolled:
                yield key[1], partial(self._hours.rolled.pop, key)
        elif table == "dead_letter_queue":
            for letter in self._dead_letters.all:
                if letter.status in {"SUCCEEDED", "FAILED"}:
                    changed_last = max(letter.created_at, letter.updated_at)
                    yield changed_last, partial(self._dead_letters.all.remove, letter)
        elif table == "job_metrics":
            for job_id, metric in self._metrics.all.items():
                if metric.last_execution_at is not None:
                    yield metric.last_execution_at, partial(self._metrics.all.pop, job_id)
        elif table == "system_status_history":
            for beat in self._heartbeats.history:
                yield beat.last_heartbeat, partial(self._heartbeats.history.remove, beat)
        elif table == "worker_jobs":
            for job_id, job in self._kpis.jobs.items():
                if job.row.completed_at is not None:
                    yield job.row.completed_at, partial(self._kpis.jobs.pop, job_id)
        elif table == "audit_log":
            for record in self._audit.all:
                yield record.happened_at, partial(self._audit.all.remove, record)
        elif table == "worker_metrics":
            for measured in self._workers.figures:
                yield measured[1], partial(self._workers.figures.remove, measured)
        elif table == "worker_instances":
            measured_ids = {worker_id for worker_id, _, _ in self._workers.figures}
            for worker_id, (_, seen, status) in self._workers.all.items():
                if status in {"Stopped", "Error"} and worker_id not in measured_ids:
                    yield seen, partial(self._workers.all.pop, worker_id)


class FakeFacts:
    def __init__(self, clock: FakeClock) -> None:
        self.now = clock
        self.applied: str | None = "0002"

    def server(self) -> Server:
        return Server(version="memory", database_name="memory", connections=1, max_connections=100)

    def revision(self) -> str | None:
        return self.applied


class FakeTransactionLocks:
    """A store whose sessions come one after the other needs none."""

    def hold(self, name: str) -> None: ...
    def share(self, name: str) -> None: ...


class FakeStore:
    """Every session is the same; `fail_with` makes each of them fail."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or RunningClock()
        self.fail_with: Exception | None = None
        self.heartbeats = FakeHeartbeats(self.clock)
        self.workers = FakeWorkers(self.clock)
        self.kpis = FakeKpis(self.clock)
        self.connections = FakeConnections(self.kpis)
        self.queries = FakeQueries(self.kpis)
        self.indicators = FakeIndicators(self.kpis)
        self.executions = FakeExecutions(self.kpis)
        self.results = FakeResults(self.kpis)
        self.metrics = FakeMetrics(self.clock, self.workers, self.kpis)
        self.baselines = FakeBaselines(self.clock, self.metrics, self.kpis)
        self.pasts = FakePasts(self.kpis)
        self.hours = FakeHours(self.kpis)
        self.overviews = FakeOverviews(self.kpis, self.hours, self.workers)
        self.config = FakeConfig()
        self.audit = FakeAudit(self.clock)
        self.retries = FakeRetries(self.clock)
        self.dead_letters = FakeDeadLetters(self.clock)
        self.retention = FakeRetention(
            self.clock,
            self.heartbeats,
            self.workers,
            self.kpis,
            self.hours,
            self.dead_letters,
            self.audit,
            self.metrics,
        )
        self.facts = FakeFacts(self.clock)
        self.locks = FakeTransactionLocks()
        self._locks: set[str] = set()
        self._guard = threading.RLock()

    @contextmanager
    def read(self) -> Iterator["FakeStore"]:
        self.ping()
        with self._guard:
            yield self

    single = work = read

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        self.ping()
        held = name not in self._locks
        self._locks.add(name)
        try:
            yield held
        finally:
            if held:
                self._locks.discard(name)

    def ping(self) -> None:
        if self.fail_with:
            raise self.fail_with

    def mean_query_ms(self) -> float | None:
        return None


class FakeJobs:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.all: list[Job] = []
        self.all_tasks: list[Task] = []

    def find(self, job_id: str) -> Job | None:
        return next((job for job in self.all if job.job_id == job_id), None)

    def now(self) -> datetime:
        return self._clock()

    def newest(
        self,
        chosen: JobFilter = JobFilter(),  # noqa: B008 - frozen
        *,
        by: ChangeTime = ChangeTime.CREATED_AT,
        oldest_first: bool = False,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        keyed = [((getattr(job, by), job.job_id), job) for job in self._chosen(chosen)]
        return _in_order(keyed, after, backwards=oldest_first)[:limit]

    def longest(
        self,
        chosen: JobFilter = JobFilter(),  # noqa: B008 - frozen
        *,
        as_of: datetime,
        shortest_first: bool = False,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[tuple[Job, int]]:
        keyed = []
        for job in self._chosen(chosen):
            until = min(job.updated_at, as_of) if job.status in ENDED else as_of
            lasted = (until - job.created_at) // timedelta(microseconds=1)
            key = (lasted, job.job_id)
            keyed.append((key, (replace(job, duration_ms=lasted // 1000), lasted)))
        return _in_order(keyed, after, backwards=shortest_first)[:limit]

    def newest_tasks(
        self,
        chosen: TaskFilter = TaskFilter(),  # noqa: B008 - frozen
        *,
        by: ChangeTime = ChangeTime.CREATED_AT,
        oldest_first: bool = False,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Task]:
        keyed = [
            ((getattr(task, by), task.task_id), task)
            for task in self.all_tasks
            if _among(task.status, chosen.statuses)
            and chosen.stage in {None, task.stage}
            and chosen.task_type in {None, task.task_type}
            and self._recent(task.created_at, chosen.hours)
        ]
        return _in_order(keyed, after, backwards=oldest_first)[:limit]

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: Iterable[str] | None = None,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[Task]:
        found = [
            task
            for task in self.all_tasks
            if task.parent_job_id == job_id
            and _among(task.status, statuses)
            and (after is None or (task.stage, task.task_id) > after)
        ]
        return sorted(found, key=lambda task: (task.stage, task.task_id))[:limit]

    def stages(self, job_id: str) -> Sequence[Stage]:
        tasks = [task for task in self.all_tasks if task.parent_job_id == job_id]
        return [
            _stage(number, [task for task in tasks if task.stage == number])
            for number in sorted({task.stage for task in tasks})
        ]

    def job_counts(self, *, hours: int) -> Mapping[str, int]:
        return Counter(job.status for job in self.all if self._recent(job.created_at, hours))

    def task_counts(self, *, hours: int) -> Mapping[str, int]:
        return Counter(t.status for t in self.all_tasks if self._recent(t.created_at, hours))

    def functions(self) -> Sequence[str]:
        return ["advance_job_stage", "check_job_completion", "complete_task_and_check_stage"]

    def _chosen(self, chosen: JobFilter) -> list[Job]:
        return [
            job
            for job in self.all
            if _among(job.status, chosen.statuses)
            and chosen.job_type in {None, job.job_type}
            and self._recent(job.created_at, chosen.hours)
            and all(_holds(job.parameters, wanted) for wanted in chosen.parameters)
        ]

    def _recent(self, at: datetime, hours: int | None) -> bool:
        return hours is None or at >= self._clock() - timedelta(hours=hours)


class FakeHistories:
    def __init__(self, clock: FakeClock, jobs: FakeJobs) -> None:
        self._clock, self._jobs = clock, jobs

    def find_span(self, job_id: str) -> JobSpan | None:
        job = self._jobs.find(job_id)
        if job is None:
            return None
        return JobSpan(created_at=job.created_at, ended_at=_ended_at(job), read_at=self._clock())

    def traces_of(self, job_id: str, *, limit: int) -> list[TaskTrace]:
        tasks = [task for task in self._jobs.all_tasks if task.parent_job_id == job_id]
        tasks.sort(key=lambda task: (task.stage, task.created_at, task.task_id))
        return [_trace(task) for task in tasks[:limit]]

    def jobs_meanwhile(
        self, job_id: str, window: Window, *, bound: int, limit: int
    ) -> list[OtherJob]:
        found = [
            self._other_job(job, window)
            for job in self._looked_at(self._jobs.all, window, bound)
            if self._is_other(job, job_id, window)
        ]
        return sorted(found, key=lambda job: (-job.overlap_ms, job.job_id))[:limit]

    def job_counts_meanwhile(self, job_id: str, window: Window, *, bound: int) -> list[OtherCount]:
        looked = self._looked_at(self._jobs.all, window, bound)
        return _other_counts(
            [(job.job_type, job.status, self._is_other(job, job_id, window)) for job in looked]
        )

    def task_counts_meanwhile(self, job_id: str, window: Window, *, bound: int) -> list[OtherCount]:
        others = [task for task in self._jobs.all_tasks if task.parent_job_id != job_id]
        looked = self._looked_at(others, window, bound)
        return _other_counts(
            [(task.task_type, task.status, self._is_worked_on(task, window)) for task in looked]
        )

    @staticmethod
    def _looked_at(rows: Sequence[T], window: Window, bound: int) -> list[T]:
        found = [row for row in rows if window.earliest <= row.created_at < window.until]
        return sorted(found, key=lambda row: row.created_at, reverse=True)[:bound]

    def _is_other(self, job: Job, job_id: str, window: Window) -> bool:
        return job.job_id != job_id and (_ended_at(job) or self._clock()) > window.since

    def _is_worked_on(self, task: Task, window: Window) -> bool:
        ended_at = _ended_at(task)
        return (
            (ended_at is not None or task.status == "processing")
            and (task.started_at or window.since) < window.until
            and (ended_at or self._clock()) > window.since
        )

    def _other_job(self, job: Job, window: Window) -> OtherJob:
        end = min(_ended_at(job) or self._clock(), window.until)
        overlap = end - max(job.created_at, window.since)
        return OtherJob(
            job_id=job.job_id,
            job_type=job.job_type,
            status=job.status,
            created_at=job.created_at,
            ended_at=_ended_at(job),
            overlap_ms=overlap // timedelta(milliseconds=1),
        )


def _ended_at(row: Job | Task) -> datetime | None:
    return row.updated_at if row.status in ENDED else None


def _trace(task: Task) -> TaskTrace:
    error = task.error_details
    is_long = error is not None and len(error) > 2000
    return TaskTrace(
        task_id=task.task_id,
        task_type=task.task_type,
        status=task.status,
        stage=task.stage,
        retry_count=task.retry_count,
        error=error[:1000] if error and is_long else error,
        error_tail=error[-1000:] if error and is_long else None,
        heartbeat=task.heartbeat,
        started_at=task.started_at,
        ended_at=_ended_at(task),
        created_at=task.created_at,
        updated_at=task.updated_at,
    )


def _other_counts(rows: Iterable[tuple[str, str, bool]]) -> list[OtherCount]:
    looked: Counter[tuple[str, str]] = Counter()
    alive: Counter[tuple[str, str]] = Counter()
    for kind, status, is_alive in rows:
        looked[kind, status] += 1
        alive[kind, status] += is_alive
    counts = [
        OtherCount(kind=kind, status=status, alive=alive[kind, status], looked_at=number)
        for (kind, status), number in looked.items()
    ]
    return sorted(counts, key=lambda count: (-count.alive, count.kind, count.status))


class FakeRequeues:
    def __init__(self, clock: FakeClock, jobs: FakeJobs) -> None:
        self._clock, self._jobs = clock, jobs

    def failures(
        self, job_id: str, *, task_ids: Collection[str] | None, limit: int
    ) -> list[TaskFailure]:
        found = [
            TaskFailure(
                task_id=task.task_id,
                task_type=task.task_type,
                status=task.status,
                stage=task.stage,
                retry_count=task.retry_count,
                error_details=task.error_details,
                failed_at=task.updated_at,
            )
            for task in self._jobs.all_tasks
            if task.parent_job_id == job_id
            and (task.status == "failed" if task_ids is None else task.task_id in task_ids)
        ]
        return sorted(found, key=lambda task: (-task.stage, task.task_id))[:limit]

    def lock(self, job_id: str) -> bool:
        return self._jobs.find(job_id) is not None

    def put_back(self, job_id: str, tasks: Sequence[TaskFailure]) -> Sequence[str]:
        known = {(job_id, task.task_id, task.retry_count) for task in tasks}
        moved = []
        for number, task in enumerate(self._jobs.all_tasks):
            key = (task.parent_job_id, task.task_id, task.retry_count)
            if key in known and task.status == "failed":
                moved.append(task.task_id)
                self._jobs.all_tasks[number] = replace(
                    task,
                    status="queued",
                    error_details=None,
                    heartbeat=None,
                    started_at=None,
                    retry_count=task.retry_count + 1,
                    updated_at=self._clock(),
                )
        return moved

    def take_up(self, job_id: str, *, stage: int, before: str, after: str) -> bool:
        for number, job in enumerate(self._jobs.all):
            if (job.job_id, job.stage, job.status) == (job_id, stage, before):
                self._jobs.all[number] = replace(
                    job, status=after, error_details=None, updated_at=self._clock()
                )
                return True
        return False


class FakeJobsDatabase:
    """The jobs, and every question to them: its own JobsWork."""

    layout = Layout(renamed={}, missing=(), unread=())

    def __init__(self, clock: FakeClock | None = None) -> None:
        clock = clock or RunningClock()
        self.jobs = FakeJobs(clock)
        self.requeues = FakeRequeues(clock, self.jobs)
        self.histories = FakeHistories(clock, self.jobs)
        self.statistics = FakeStatistics(clock, self.jobs)
        self.activity = FakeActivity()
        self.performance = FakePerformance(clock, self.jobs)
        self.failures = FakeFailures(clock, self.jobs)
        self.poison = FakePoison(clock, self.jobs)
        self.job_health = FakeJobHealth(clock, self.jobs)

    @contextmanager
    def read(self) -> Iterator["FakeJobsDatabase"]:
        yield self

    change = read


def _among(value: str, chosen: Iterable[str] | None) -> bool:
    return chosen is None or value in chosen


def _in_order(
    keyed: Sequence[tuple[tuple[Any, str], U]], after: tuple[Any, str] | None, *, backwards: bool
) -> list[U]:
    """The greatest first, and equal ones by id, or exactly the other way round; what is after."""
    by_id = sorted(keyed, key=lambda one: one[0][1])
    ordered = sorted(by_id, key=lambda one: one[0][0], reverse=True)
    if backwards:
        ordered.reverse()
    if after is not None:
        ordered = [one for one in ordered if _is_beyond(one[0], after, backwards=backwards)]
    return [one for _, one in ordered]


def _is_beyond(key: tuple[Any, str], after: tuple[Any, str], *, backwards: bool) -> bool:
    first, then = (after, key) if backwards else (key, after)
    return bool(first[0] < then[0]) or (first[0] == then[0] and first[1] > then[1])


def _holds(parameters: Json | None, wanted: Parameter) -> bool:
    value: Any = json.loads(parameters or "{}")
    for member in wanted.path:
        value = value.get(member) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower() == wanted.value
    return isinstance(value, str | int | float) and str(value) == wanted.value


def _stage(number: int, tasks: Sequence[Task]) -> Stage:
    counts = Counter(task.status for task in tasks)
    known = ("completed", "failed", "processing")
    return Stage(
        stage=number,
        total=len(tasks),
        completed=counts["completed"],
        failed=counts["failed"],
        processing=counts["processing"],
        waiting=len(tasks) - sum(counts[status] for status in known),
        created_at=min(task.created_at for task in tasks),
        updated_at=max(task.updated_at for task in tasks),
    )


class FakeTarget:
    """Answers each statement with what it was given for it, or raises it."""

    def __init__(self, answers: Mapping[str, Answer | Exception]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, ResultType, int]] = []

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        self.asked.append((sql, result_type, timeout_seconds))
        answer = self.answers[sql]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing is held."""

    def close_idle(self) -> None:
        """Nothing is idle."""

    def use(self) -> PoolUse:
        return PoolUse(in_use=0, idle=0, size=0)

    def version(self, *, timeout_seconds: int) -> str:
        return "1.0"
