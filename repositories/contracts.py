"""The whole storage contract on one page."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from repositories.records import (
    Check,
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

Row = Mapping[str, Any]


class Session(Protocol):
    """One connection of one engine; statements are called by name, values are always bound."""

    def rows(self, statement: str, /, **values: object) -> list[Row]: ...
    def row(self, statement: str, /, **values: object) -> Row | None: ...
    def run(self, statement: str, /, **values: object) -> int:
        """How many rows it changed."""
        ...


class Database(Protocol):
    """An engine. Every error that leaves it is a StorageError."""

    def reading(self) -> AbstractContextManager[Session]:
        """A read-only session; each statement sees what is committed when it starts."""
        ...

    def single(self) -> AbstractContextManager[Session]:
        """Each statement is a transaction of its own, and one round trip."""
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """Leaving commits; an exception rolls back."""
        ...

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """A lock among everyone who uses this database; False where someone else holds it."""
        ...

    def ping(self) -> None:
        """One round trip."""
        ...

    def mean_query_ms(self) -> float | None:
        """The mean time of this process's recent statements, in ms; None before the first."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target's query gave: the columns' names, the first rows, and how many there are."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    row_count: int


class Target(Protocol):
    """A database that KPIs are run against. Every error that leaves it is a StorageError."""

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        """Run one statement, read-only unless it is a NonQuery, and keep its first rows."""
        ...

    def close(self) -> None: ...


class Heartbeats(Protocol):
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
        """The service is alive now; its newest status and its history change together."""
        ...

    def services(self, *, after: str | None, limit: int) -> list[ServiceStatus]: ...


class Workers(Protocol):
    def register(self, worker: Worker) -> None: ...
    def beat(self, worker_instance_id: str, *, status: str, figures: Sequence[Figure]) -> bool:
        """The process is alive; False where nobody registered it."""
        ...

    def retire(self, *, silent_seconds: int) -> int: ...


class Indicators(Protocol):
    def claim(
        self, *, lease_id: str, limit: int, timeout_seconds: int, active_only: bool
    ) -> list[Check]:
        """What is due and nobody else is running; the lease covers its timeouts and a margin."""
        ...

    def find(self, name: str) -> Check | None: ...
    def release(self, check: Check, *, next_due_at: datetime) -> bool:
        """Set the next slot and end the lease; False where the lease is no longer ours."""
        ...

    def overview(self, *, name: str | None, after: str | None, limit: int) -> list[Kpi]: ...
    def add(self, definition: Definition, *, actor: str) -> bool:
        """False where a KPI or query has its name already."""
        ...

    def add_connection(
        self, name: str, *, provider: str, address: str, environment: str, actor: str
    ) -> bool: ...
    def summary(self) -> Sequence[VerdictCount]: ...


class Results(Protocol):
    def add(self, check: Check, result: Result, *, worker_instance_id: str | None) -> bool:
        """False where the slot has its result already."""
        ...

    def history(
        self, name: str, *, hours: int | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[StoredResult]:
        """Newest first."""
        ...


class Metrics(Protocol):
    def count(
        self, job_id: str, *, succeeded: bool, duration_ms: float, metadata: Json
    ) -> None: ...
    def totals(self) -> Sequence[JobMetric]: ...


class Config(Protocol):
    def find(self, key: str) -> str | None: ...
    def put(self, key: str, value: str, *, description: str, actor: str) -> None: ...


class Retention(Protocol):
    def remove(self, table: str, *, days: int, batch: int) -> int:
        """Remove one batch of what is older; how many rows it was."""
        ...


class Facts(Protocol):
    """What is known of the store itself."""

    def server(self) -> Server: ...
    def revision(self) -> str | None: ...


class Work(Protocol):
    """Every repository, on one session."""

    @property
    def heartbeats(self) -> Heartbeats: ...
    @property
    def workers(self) -> Workers: ...
    @property
    def indicators(self) -> Indicators: ...
    @property
    def results(self) -> Results: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def config(self) -> Config: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def facts(self) -> Facts: ...


class Store(Protocol):
    """Watchkeeper's own data. See Database for the three kinds of session."""

    def read(self) -> AbstractContextManager[Work]: ...
    def single(self) -> AbstractContextManager[Work]: ...
    def work(self) -> AbstractContextManager[Work]: ...
    def lock(self, name: str) -> AbstractContextManager[bool]: ...
    def ping(self) -> None: ...
    def mean_query_ms(self) -> float | None: ...


class Jobs(Protocol):
    """The jobs database, which is only ever read."""

    def find(self, job_id: str) -> Job | None: ...
    def newest(
        self,
        *,
        statuses: Iterable[str] | None = None,
        job_type: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        """Newest first."""
        ...

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
        """Newest first."""
        ...

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: Iterable[str] | None = None,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[Task]:
        """By stage and id."""
        ...

    def stages(self, job_id: str) -> Sequence[Stage]: ...
    def job_counts(self, *, hours: int) -> Mapping[str, int]: ...
    def task_counts(self, *, hours: int) -> Mapping[str, int]: ...
    def functions(self) -> Sequence[str]: ...


class JobsDatabase(Protocol):
    def read(self) -> AbstractContextManager[Jobs]: ...
