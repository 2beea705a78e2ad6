"""In-memory stand-ins, held to the same contract as the real engines."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from repositories.contracts import Answer
from repositories.records import (
    Check,
    Connection,
    Definition,
    Figure,
    Job,
    JobMetric,
    Json,
    Kpi,
    Result,
    ResultType,
    Server,
    ServiceStatus,
    Stage,
    StoredResult,
    Task,
    VerdictCount,
    Worker,
)

LEASE_MARGIN_SECONDS = 10


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class RunningClock(FakeClock):
    """A clock that goes, as a server's does, and can be moved ahead; it never reads the same."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        now = datetime.now(UTC) + self._ahead
        self.now = max(now, self.now + timedelta(microseconds=1))
        return self.now

    def move(self, **by: float) -> None:
        self._ahead += timedelta(**by)


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

    def services(self, *, after: str | None, limit: int) -> list[ServiceStatus]:
        now = self._clock()
        names = sorted(name for name in self.newest if after is None or name > after)
        return [replace(self.newest[name][0], read_at=now) for name in names[:limit]]


class FakeWorkers:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.all: dict[str, tuple[Worker, datetime, str]] = {}
        self.figures: list[tuple[str, datetime, Figure]] = []

    def register(self, worker: Worker) -> None:
        self.all.setdefault(worker.worker_instance_id, (worker, self._clock(), "Running"))

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


@dataclass
class FakeIndicator:
    definition: Definition
    next_due_at: datetime
    lease_id: str | None = None
    leased_until: datetime | None = None
    is_active: bool = True
    results: list[StoredResult] = field(default_factory=list)


class FakeIndicators:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.all: dict[str, FakeIndicator] = {}
        self.connections: dict[str, Connection] = {}

    def claim(
        self, *, lease_id: str, limit: int, timeout_seconds: int, active_only: bool
    ) -> list[Check]:
        now = self._clock()
        due = [
            one
            for one in self.all.values()
            if one.next_due_at <= now
            and (one.leased_until is None or one.leased_until < now)
            and (one.is_active or not active_only)
        ]
        due.sort(key=lambda one: (one.definition.priority, one.next_due_at))
        return [self._lease(one, lease_id, timeout_seconds, now) for one in due[:limit]]

    def find(self, name: str) -> Check | None:
        one = self.all.get(name)
        return None if one is None else self._check(one, self._clock(), by_hand=True)

    def release(self, check: Check, *, next_due_at: datetime) -> bool:
        one = self.all[check.name]
        if one.lease_id is None or one.lease_id != check.lease_id:
            return False
        one.next_due_at, one.lease_id, one.leased_until = next_due_at, None, None
        return True

    def overview(self, *, name: str | None, after: str | None, limit: int) -> list[Kpi]:
        names = sorted(
            one for one in self.all if name in {None, one} and (after is None or one > after)
        )
        return [self._kpi(self.all[one]) for one in names[:limit]]

    def add(self, definition: Definition, *, actor: str) -> bool:
        if definition.name in self.all or definition.connection_name not in self.connections:
            return False
        self.all[definition.name] = FakeIndicator(definition, self._clock())
        return True

    def add_connection(
        self, name: str, *, provider: str, address: str, environment: str, actor: str
    ) -> bool:
        if name in self.connections:
            return False
        self.connections[name] = Connection(
            name=name,
            provider=provider,
            environment=environment,
            address=address,
            is_encrypted=False,
            timeout_seconds=30,
        )
        return True

    def summary(self) -> Sequence[VerdictCount]:
        late = self._clock() - timedelta(seconds=60)
        active = [one for one in self.all.values() if one.is_active]
        counts = Counter(_newest_status(one) for one in active)
        overdue = Counter(_newest_status(one) for one in active if one.next_due_at < late)
        return [
            VerdictCount(status=status, kpis=kpis, overdue=overdue[status])
            for status, kpis in counts.items()
        ]

    def _lease(
        self, one: FakeIndicator, lease_id: str, timeout_seconds: int, now: datetime
    ) -> Check:
        connection = self.connections[one.definition.connection_name]
        seconds = min(one.definition.timeout_seconds, timeout_seconds)
        one.lease_id = lease_id
        one.leased_until = now + timedelta(
            seconds=seconds + connection.timeout_seconds + LEASE_MARGIN_SECONDS
        )
        return self._check(one, now, by_hand=False)

    def _check(self, one: FakeIndicator, now: datetime, *, by_hand: bool) -> Check:
        return Check(
            indicator_id=one.definition.name,
            name=one.definition.name,
            schedule=one.definition.schedule,
            slot_at=None if by_hand else one.next_due_at,
            lease_id=None if by_hand else one.lease_id,
            claimed_at=now,
            connection=self.connections[one.definition.connection_name],
            sql=one.definition.sql,
            timeout_seconds=one.definition.timeout_seconds,
            rule=one.definition.rule,
        )

    @staticmethod
    def _kpi(one: FakeIndicator) -> Kpi:
        newest = one.results[-1] if one.results else None
        return Kpi(
            name=one.definition.name,
            status=newest.status if newest else None,
            value=newest.value if newest else None,
            unit=one.definition.rule.unit,
            checked_at=newest.checked_at if newest else None,
            message=newest.message if newest else None,
            error_type=newest.error_type if newest else None,
            duration_ms=newest.duration_ms if newest else None,
            description=one.definition.description,
            connection=one.definition.connection_name,
            schedule=one.definition.schedule,
            priority=one.definition.priority,
            owner=one.definition.owner,
            is_active=one.is_active,
            next_due_at=one.next_due_at,
        )


def _newest_status(one: FakeIndicator) -> str:
    if not one.results:
        return "Unknown"
    newest = one.results[-1]
    return "NotAvailable" if newest.error_type == "not_available" else newest.status


class FakeResults:
    def __init__(self, clock: FakeClock, indicators: FakeIndicators) -> None:
        self._clock, self._indicators = clock, indicators
        self._numbers = itertools.count(1)

    def add(self, check: Check, result: Result, *, worker_instance_id: str | None) -> bool:
        kept = self._indicators.all[check.name].results
        if check.slot_at is not None and any(one.slot_at == check.slot_at for one in kept):
            return False
        kept.append(
            StoredResult(
                result_id=str(next(self._numbers)),
                slot_at=check.slot_at,
                checked_at=result.executed_at,
                status=result.status,
                value=result.value,
                message=result.message,
                error_type=result.error_type,
                duration_ms=result.duration_ms,
                details=result.details,
                environment=check.connection.environment,
                provider=check.connection.provider,
            )
        )
        return True

    def history(
        self, name: str, *, hours: int | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[StoredResult]:
        one = self._indicators.all.get(name)
        since = None if hours is None else self._clock() - timedelta(hours=hours)
        found = [
            result
            for result in (one.results if one else ())
            if (since is None or result.checked_at >= since)
            and (before is None or _place(result) < (before[0], int(before[1])))
        ]
        return sorted(found, key=_place, reverse=True)[:limit]


def _place(result: StoredResult) -> tuple[datetime, int]:
    return result.checked_at, int(result.result_id)


class FakeMetrics:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.all: dict[str, JobMetric] = {}

    def count(self, job_id: str, *, succeeded: bool, duration_ms: float, metadata: Json) -> None:
        now = self._clock()
        old = self.all.get(job_id)
        self.all[job_id] = JobMetric(
            job_id=job_id,
            total_executions=1 + (old.total_executions if old else 0),
            success_count=succeeded + (old.success_count if old else 0),
            failure_count=(not succeeded) + (old.failure_count if old else 0),
            total_duration_ms=duration_ms + (old.total_duration_ms if old else 0),
            min_duration_ms=min(duration_ms, _or(old, "min_duration_ms", duration_ms)),
            max_duration_ms=max(duration_ms, _or(old, "max_duration_ms", duration_ms)),
            last_execution_at=now,
            last_success_at=now if succeeded else (old.last_success_at if old else None),
            last_failure_at=(old.last_failure_at if old else None) if succeeded else now,
            read_at=now,
        )

    def totals(self) -> Sequence[JobMetric]:
        now = self._clock()
        return [replace(self.all[job_id], read_at=now) for job_id in sorted(self.all)]


def _or(old: JobMetric | None, name: str, otherwise: float) -> float:
    return otherwise if old is None else float(getattr(old, name))


class FakeConfig:
    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def find(self, key: str) -> str | None:
        return self.all.get(key)

    def put(self, key: str, value: str, *, description: str, actor: str) -> None:
        self.all[key] = value


class FakeRetention:
    """Removes from what the other fakes hold; nobody makes worker jobs yet."""

    def __init__(
        self,
        clock: FakeClock,
        heartbeats: FakeHeartbeats,
        workers: FakeWorkers,
        indicators: FakeIndicators,
    ) -> None:
        self._clock = clock
        self._heartbeats, self._workers, self._indicators = heartbeats, workers, indicators

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
            for one in self._indicators.all.values():
                for result in one.results:
                    yield result.checked_at, partial(one.results.remove, result)
        elif table == "system_status_history":
            for beat in self._heartbeats.history:
                yield beat.last_heartbeat, partial(self._heartbeats.history.remove, beat)
        elif table == "worker_metrics":
            for measured in self._workers.figures:
                yield measured[1], partial(self._workers.figures.remove, measured)
        elif table == "worker_instances":
            measured_ids = {worker_id for worker_id, _, _ in self._workers.figures}
            for worker_id, (_, seen, status) in self._workers.all.items():
                if status in {"Stopped", "Error"} and worker_id not in measured_ids:
                    yield seen, partial(self._workers.all.pop, worker_id)


class FakeFacts:
    def __init__(self) -> None:
        self.applied: str | None = "0002"

    def server(self) -> Server:
        return Server(version="memory", database_name="memory", connections=1, max_connections=100)

    def revision(self) -> str | None:
        return self.applied


class FakeStore:
    """Every session is the same; `fail_with` makes each of them fail."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or RunningClock()
        self.fail_with: Exception | None = None
        self.heartbeats = FakeHeartbeats(self.clock)
        self.workers = FakeWorkers(self.clock)
        self.indicators = FakeIndicators(self.clock)
        self.results = FakeResults(self.clock, self.indicators)
        self.metrics = FakeMetrics(self.clock)
        self.config = FakeConfig()
        self.retention = FakeRetention(self.clock, self.heartbeats, self.workers, self.indicators)
        self.facts = FakeFacts()
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

    def newest(
        self,
        *,
        statuses: Iterable[str] | None = None,
        job_type: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        found = [
            job
            for job in self.all
            if _among(job.status, statuses)
            and job_type in {None, job.job_type}
            and self._recent(job.created_at, hours)
            and _after(job.created_at, job.job_id, before)
        ]
        return sorted(found, key=lambda job: (-job.created_at.timestamp(), job.job_id))[:limit]

    def newest_tasks(
        self,
        *,
        statuses: Iterable[str] | None = None,
        stage: int | None = None,
        task_type: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Task]:
        found = [
            task
            for task in self.all_tasks
            if _among(task.status, statuses)
            and stage in {None, task.stage}
            and task_type in {None, task.task_type}
            and self._recent(task.created_at, hours)
            and _after(task.created_at, task.task_id, before)
        ]
        return sorted(found, key=lambda task: (-task.created_at.timestamp(), task.task_id))[:limit]

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

    def _recent(self, at: datetime, hours: int | None) -> bool:
        return hours is None or at >= self._clock() - timedelta(hours=hours)


class FakeJobsDatabase:
    def __init__(self, clock: FakeClock | None = None) -> None:
        self.jobs = FakeJobs(clock or RunningClock())

    @contextmanager
    def read(self) -> Iterator[FakeJobs]:
        yield self.jobs


def _among(value: str, chosen: Iterable[str] | None) -> bool:
    return chosen is None or value in chosen


def _after(at: datetime, key: str, before: tuple[datetime, str] | None) -> bool:
    return before is None or at < before[0] or (at == before[0] and key > before[1])


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
