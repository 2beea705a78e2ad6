"""What Watchkeeper stores of its own."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from repositories.contracts.baselines import Baselines
from repositories.contracts.kpis import (
    Connections,
    DeadLetters,
    Executions,
    Indicators,
    Queries,
    Results,
)
from repositories.contracts.overviews import Hours, Overviews
from repositories.contracts.pasts import Pasts
from repositories.records.processes import (
    Beat,
    Figure,
    JobMetric,
    JobRuns,
    Server,
    ServiceStatus,
    Worker,
)
from repositories.records.retries import AuditEntry, AuditRecord, PlannedRetry, Retry
from repositories.records.speeds import JobFigures, KpiGauge, Regression, WorkerGauge


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

    def beat_all(self, beats: Sequence[Beat]) -> Sequence[ServiceStatus]:
        """The same of several services, each named once; the statuses in their order."""
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


class Metrics(Protocol):
    def count(self, runs: Sequence[JobRuns]) -> None:
        """All of them or none; several of one job are added up."""
        ...

    def begin(self, job_id: str) -> None:
        """The job has begun to run; it is counted when it ends."""
        ...

    def totals(self, *, prefix: str | None = None) -> Sequence[JobMetric]:
        """By job_id; those that begin so."""
        ...

    def page(
        self,
        *,
        job_id: str | None = None,
        prefix: str | None = None,
        regressed_hours: int | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[JobFigures]:
        """By job_id: all of them, the one, those that begin so, or that regressed so lately."""
        ...

    def add_samples(
        self, samples: Mapping[str, Sequence[float]], *, worker_instance_id: str
    ) -> int:
        """Durations (ms) by job_id, of a process; none are kept where it is not registered."""
        ...

    def note_regressions(self, regressions: Sequence[Regression]) -> Sequence[Regression]:
        """Those that were stored: one in five minutes, of a job that has been counted."""
        ...

    def remove(self, job_id: str) -> None:
        """What is known of a job that there is no more."""
        ...

    def kpis(self) -> Sequence[KpiGauge]:
        """What every KPI last said that runs, by name."""
        ...

    def workers(self) -> Sequence[WorkerGauge]:
        """The processes that are alive."""
        ...


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


class Facts(Protocol):
    """What is known of the store itself."""

    def now(self) -> datetime:
        """By the store's clock, which is what everything in it is dated by."""
        ...

    def server(self) -> Server: ...
    def revision(self) -> str | None: ...


class Locks(Protocol):
    """By name, among everyone who uses this store; until the transaction ends. StatementTimeout
    where the wait is as long as for a statement.
    """

    def hold(self, name: str) -> None:
        """Alone."""
        ...

    def share(self, name: str) -> None:
        """With others who share it."""
        ...


class Work(Protocol):
    """Every repository, on one session."""

    @property
    def heartbeats(self) -> Heartbeats: ...
    @property
    def workers(self) -> Workers: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def indicators(self) -> Indicators: ...
    @property
    def executions(self) -> Executions: ...
    @property
    def results(self) -> Results: ...
    @property
    def pasts(self) -> Pasts: ...
    @property
    def overviews(self) -> Overviews: ...
    @property
    def hours(self) -> Hours: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def baselines(self) -> Baselines: ...
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
    @property
    def locks(self) -> Locks: ...


class Store(Protocol):
    """Watchkeeper's own data. See Database for the three kinds of session."""

    def read(self) -> AbstractContextManager[Work]: ...
    def single(self) -> AbstractContextManager[Work]: ...
    def work(self) -> AbstractContextManager[Work]: ...
    def lock(self, name: str) -> AbstractContextManager[bool]: ...
    def ping(self) -> None: ...
    def mean_query_ms(self) -> float | None: ...
