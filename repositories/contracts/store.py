"""What Watchkeeper stores of its own."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from repositories.records.kpis import (
    BadVerdict,
    Check,
    Definition,
    Kpi,
    Result,
    StoredResult,
    VerdictCount,
)
from repositories.records.processes import Figure, JobMetric, Server, ServiceStatus, Worker
from repositories.records.retries import AuditEntry, AuditRecord, PlannedRetry, Retry
from repositories.records.rows import Counted, Json
from repositories.records.trouble import DeadLetter


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
    def register(self, worker: Worker) -> str:
        """The id that the store knows the process by from now on, which may be another."""
        ...

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

    def not_healthy(
        self,
        connections: Collection[str],
        *,
        since: datetime,
        until: datetime,
        limit: int,
        limit_each: int,
    ) -> list[BadVerdict]:
        """What these connections' KPIs found bad, newest first, so many of each KPI."""
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


class Audit(Protocol):
    """Who changed what; nothing here is ever changed afterwards."""

    def add(self, entries: Sequence[AuditEntry]) -> None: ...
    def recent(
        self,
        *,
        entity_type: str | None = None,
        entity_id: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[AuditRecord]:
        """Newest first; `before` is the number of the last one that is known already."""
        ...


class Retries(Protocol):
    """The failures of tasks that were put back as queued."""

    def plan(self, retries: Sequence[PlannedRetry]) -> None: ...
    def finish(self, retry_ids: Collection[str]) -> Sequence[str]:
        """Their tasks were put back; which of them were not known to be, and now are."""
        ...

    def drop(self, retry_ids: Collection[str]) -> int:
        """Their tasks were not put back."""
        ...

    def of_job(self, job_id: str, *, limit: int) -> list[Retry]:
        """Newest first."""
        ...

    def unsettled(
        self, *, job_id: str | None = None, older_than_seconds: int, limit: int
    ) -> list[Retry]:
        """Planned, and nobody said what became of it; oldest first."""
        ...


class DeadLetters(Protocol):
    """What failed for good."""

    def pending(self, *, hours: int | None = None, limit: int) -> Counted[DeadLetter]:
        """What waits for another try, newest first."""
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
    def audit(self) -> Audit: ...
    @property
    def retries(self) -> Retries: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
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
