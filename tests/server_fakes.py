"""In-memory stand-ins for what a database server says of itself."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

from repositories.errors import NotOffered
from repositories.records.jobs import Job, Task
from repositories.records.server import (
    BlockedSession,
    CacheUse,
    ConnectionGroup,
    DatabaseSession,
    HourCounts,
    IndexSize,
    Measured,
    MissingIndex,
    Resource,
    ScannedTable,
    ServerFacts,
    StatementSource,
    StatementTimes,
    SuggestedIndex,
    TableSize,
    Wait,
)

FAILED = {"failed", "completed_with_errors"}
ENDED = {"completed", "failed", "completed_with_errors", "cancelled", "skipped"}
Clock = Callable[[], datetime]
Key = tuple[str, int | None, bool]
R = TypeVar("R", bound=Job | Task)


class Tables(Protocol):
    """The rows of a fake jobs database."""

    all: list[Job]
    all_tasks: list[Task]


class FakeStatistics:
    """A server of this process; it keeps nothing but the hours."""

    def __init__(self, clock: Clock, jobs: Tables) -> None:
        self._clock, self._jobs = clock, jobs

    def server(self) -> ServerFacts:
        return ServerFacts(
            version="memory",
            database_name="memory",
            size_bytes=0,
            max_connections=100,
            started_at=None,
            uptime_seconds=None,
            statistics_since=None,
        )

    def tables(self, *, limit: int) -> list[TableSize]:
        raise NotOffered("this server has no tables")

    def indexes(self, *, unused: bool = False, limit: int) -> list[IndexSize]:
        raise NotOffered("this server has no indexes")

    def missing_indexes(self) -> Sequence[MissingIndex]:
        return []

    def suggested_indexes(self, *, limit: int) -> list[SuggestedIndex]:
        return []

    def scanned_tables(self, *, limit: int) -> list[ScannedTable]:
        return []

    def activity_by_hour(self, *, hours: int) -> list[HourCounts]:
        newest = _hour_of(self._clock())
        created = Counter(_hour_of(job.created_at) for job in self._jobs.all)
        tasks_created = Counter(_hour_of(task.created_at) for task in self._jobs.all_tasks)
        jobs = Counter((_hour_of(job.updated_at), job.status) for job in self._jobs.all)
        tasks = Counter((_hour_of(task.updated_at), task.status) for task in self._jobs.all_tasks)
        return [
            HourCounts(
                hour=hour,
                jobs_created=created[hour],
                jobs_completed=jobs[hour, "completed"],
                jobs_completed_with_errors=jobs[hour, "completed_with_errors"],
                jobs_failed=jobs[hour, "failed"],
                tasks_created=tasks_created[hour],
                tasks_completed=tasks[hour, "completed"],
                tasks_failed=tasks[hour, "failed"],
            )
            for hour in (newest - timedelta(hours=ago) for ago in reversed(range(hours)))
        ]

    def cache_use(self) -> CacheUse:
        return CacheUse(ratio=None, hits=0, reads=0)

    def waits(self, *, limit: int) -> list[Wait]:
        return []


@dataclass
class FakeActivity:
    """Says what a test has given it."""

    right: str | None = None
    busy: list[DatabaseSession] = field(default_factory=list)
    waiting: list[BlockedSession] = field(default_factory=list)
    groups: list[ConnectionGroup] = field(
        default_factory=lambda: [
            ConnectionGroup(
                user="me",
                application="watchkeeper-read",
                state="active",
                connections=1,
                longest_idle_in_transaction_ms=None,
            )
        ]
    )

    def missing_right(self) -> str | None:
        return self.right

    def running(self, *, min_ms: int | None = None, limit: int) -> list[DatabaseSession]:
        return [one for one in self.busy if (one.duration_ms or 0) >= (min_ms or 0)][:limit]

    def sessions(self, session_ids: Collection[str]) -> list[DatabaseSession]:
        return [one for one in self.busy if one.session_id in session_ids]

    def blocked(self, *, limit: int) -> list[BlockedSession]:
        return self.waiting[:limit]

    def connections(self) -> list[ConnectionGroup]:
        return self.groups


class FakePerformance:
    """Measures the rows; nobody has counted statements."""

    def __init__(self, clock: Clock, jobs: Tables) -> None:
        self._clock, self._jobs = clock, jobs

    def statement_source(self) -> StatementSource:
        raise NotOffered("this server counts no statements")

    def slow_statements(self, *, limit: int) -> list[StatementTimes]:
        return []

    def task_times(self, *, hours: int, limit: int) -> list[Measured]:
        tasks = [task for task in self._jobs.all_tasks if task.status in ENDED]
        by_stage = self._windows(tasks, hours, lambda task: (task.task_type, task.stage))
        by_type = self._windows(tasks, hours, lambda task: (task.task_type, None))
        return [*_measure_tasks("stage", by_stage), *_measure_tasks("task_type", by_type)][:limit]

    def job_times(self, *, hours: int, limit: int) -> list[Measured]:
        jobs = [job for job in self._jobs.all if job.status in ENDED]
        windows = self._windows(jobs, hours, lambda job: (job.job_type, None))
        return [
            _measure(
                "job_type", key, "total", rows, [_ms(j.created_at, j.updated_at) for j in rows]
            )
            for key, rows in windows.items()
        ][:limit]

    def resources(self) -> list[Resource]:
        return []

    def _windows(
        self, rows: Iterable[R], hours: int, name: Callable[[R], tuple[str, int | None]]
    ) -> dict[Key, list[R]]:
        now, width = self._clock(), timedelta(hours=hours)
        windows: dict[Key, list[R]] = defaultdict(list)
        for row in rows:
            if row.updated_at >= now - 2 * width:
                windows[*name(row), row.updated_at >= now - width].append(row)
        return windows


def _measure_tasks(
    kind: Literal["stage", "task_type"], windows: dict[Key, list[Task]]
) -> Iterator[Measured]:
    for key, tasks in windows.items():
        working = [_ms(task.started_at or task.created_at, task.updated_at) for task in tasks]
        total = [_ms(task.created_at, task.updated_at) for task in tasks]
        waits = [_ms(task.created_at, task.started_at) for task in tasks if task.started_at]
        if key[2]:
            yield _measure(kind, key, "queue_wait", tasks, waits)
            yield _measure(kind, key, "total", tasks, total)
        yield _measure(kind, key, "working", tasks, working)


def _measure(
    kind: Literal["stage", "task_type", "job_type"],
    key: Key,
    metric: Literal["working", "total", "queue_wait"],
    rows: Sequence[Job | Task],
    times: Sequence[float],
) -> Measured:
    name, stage, is_now = key
    return Measured(
        kind=kind,
        name=name,
        stage=stage,
        is_now=is_now,
        metric=metric,
        ended=len(rows),
        failed=sum(row.status in FAILED for row in rows),
        known=len(times),
        mean_ms=sum(times) / len(times) if times else None,
        p50_ms=percentile(times, 0.5),
        p95_ms=percentile(times, 0.95),
        p99_ms=percentile(times, 0.99),
        max_ms=max(times, default=None),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Between the two nearest values, as percentile_cont has it."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = ordered[math.floor(place)]
    return low + (ordered[math.ceil(place)] - low) * (place - math.floor(place))


def _ms(since: datetime, until: datetime) -> float:
    return max((until - since) / timedelta(milliseconds=1), 0.0)


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
