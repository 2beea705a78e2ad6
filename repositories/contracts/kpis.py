"""What Watchkeeper stores of KPIs: what is managed, what runs, what was found."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from repositories.records.definitions import (
    ConnectionDefinition,
    DefinitionFilter,
    KpiDefinition,
    QueryDefinition,
    Stored,
)
from repositories.records.executions import (
    Due,
    Ended,
    NewDeadLetter,
    NewJob,
    Overtaken,
    Postponed,
    Waiting,
    WorkerJob,
)
from repositories.records.kpis import (
    BadVerdict,
    Check,
    Connection,
    Kpi,
    Result,
    StoredResult,
    VerdictCount,
)
from repositories.records.rows import Counted, Json
from repositories.records.trouble import DeadLetter

D = TypeVar("D")


class Definitions(Protocol[D]):
    """One kind of what is managed; the names are unique."""

    def find(self, name: str) -> Stored[D] | None: ...
    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> list[Stored[D]]:
        """By name."""
        ...

    def add(self, definition: D, *, actor: str) -> bool:
        """False where the name is taken, or names something that is not there."""
        ...

    def replace(self, definition: D, *, version: int, actor: str) -> bool:
        """False where it is no longer of that version, or names something that is not there."""
        ...

    def remove(self, name: str, *, version: int) -> bool:
        """False where it is no longer of that version, or something refers to it."""
        ...

    def add_all(self, definitions: Sequence[D], *, actor: str) -> frozenset[str]:
        """The names of those that are new now; see `add`."""
        ...

    def replace_all(self, definitions: Sequence[tuple[D, int]], *, actor: str) -> frozenset[str]:
        """The names of those that were of that version; see `replace`."""
        ...

    def remove_all(self, versions: Mapping[str, int]) -> frozenset[str]:
        """The names of those that are gone now; see `remove`."""
        ...


class Used(Definitions[D], Protocol[D]):
    """What KPIs use."""

    def users(self, name: str, *, limit: int) -> Sequence[str]:
        """The first KPIs that do."""
        ...


class Connections(Used[ConnectionDefinition], Protocol):
    def connection(self, name: str) -> Connection | None:
        """As a KPI would use it now."""
        ...

    def count_encrypted(self) -> int:
        """How many have an address that only a key opens."""
        ...


class Queries(Used[QueryDefinition], Protocol):
    def providers(self, name: str) -> Sequence[str]:
        """What kinds of database its KPIs run it on, each once."""
        ...


class Indicators(Definitions[KpiDefinition], Protocol):
    """KPIs. A new one is due at once; when any is due next, `schedule_at` says."""

    def check(self, name: str) -> Check | None:
        """The KPI as it would run now by hand."""
        ...

    def schedule_at(self, slots: Mapping[str, datetime]) -> None:
        """The next slots of KPIs, by name."""
        ...

    def overview(
        self, filters: DefinitionFilter, *, name: str | None, after: str | None, limit: int
    ) -> list[Kpi]:
        """With their newest verdicts, by name."""
        ...

    def summary(self) -> Sequence[VerdictCount]: ...


class Executions(Protocol):
    """Who runs which KPI at which slot. All but `jobs_of` belong into a transaction."""

    def due(self, *, limit: int, busy: Collection[str]) -> list[Due]:
        """KPIs whose slot has come, most urgent first, locked; none on the connections `busy`.

        Whoever asks at the same time gets others.
        """
        ...

    def waiting(self, *, limit: int, busy: Collection[str]) -> list[Waiting]:
        """Unfinished executions that nobody runs, most urgent first, locked in the same way.

        Of a KPI's dead letters only the first that is tried.
        """
        ...

    def overtake(
        self, indicator_ids: Collection[str], *, lease_id: str, worker_instance_id: str
    ) -> list[Overtaken]:
        """Tries that wait for an earlier slot of these KPIs: Running now, and to be ended.

        Those that somebody takes at this moment are left to them.
        """
        ...

    def advance(self, slots: Mapping[str, datetime]) -> None:
        """The next slots of KPIs, by indicator_id."""
        ...

    def add(self, jobs: Sequence[NewJob], *, worker_instance_id: str | None) -> None: ...
    def resume(
        self, leases: Mapping[str, float], *, lease_id: str, worker_instance_id: str
    ) -> None:
        """Jobs that were waiting run now; `leases` are the seconds of each by job_id."""
        ...

    def end(self, jobs: Sequence[Ended]) -> frozenset[str]:
        """The job_ids of those whose lease was still theirs: only these have ended now."""
        ...

    def postpone(self, jobs: Sequence[Postponed]) -> frozenset[str]:
        """As `end`; these are Queued now."""
        ...

    def give_back(self, job_ids: Collection[str], *, lease_id: str) -> int:
        """Jobs that were taken and not begun: anybody may take them at once."""
        ...

    def cancel_of(self, indicator_id: str, *, message: str) -> int:
        """Unfinished executions of a KPI that is about to go."""
        ...

    def jobs_of(
        self,
        worker_instance_id: str,
        *,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[WorkerJob]:
        """Of one process, newest first."""
        ...

    def depth(self) -> Mapping[str, int]:
        """How many unfinished executions there are, by status."""
        ...


class Results(Protocol):
    def add(
        self, results: Sequence[tuple[Check, Result]], *, worker_instance_id: str | None
    ) -> int:
        """How many are new: a slot has one result, and a KPI that is gone has none."""
        ...

    def remove_of(self, indicator_id: str, *, batch: int) -> int:
        """Remove one batch of a KPI's results; how many rows it was."""
        ...

    def history(
        self,
        name: str,
        *,
        status: str | None = None,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
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


class DeadLetters(Protocol):
    """What failed for good."""

    def add(self, letters: Sequence[NewDeadLetter]) -> None:
        """The same failure of a job that is PENDING already is counted, with its newest input."""
        ...

    def find(self, dead_letter_id: str) -> DeadLetter | None: ...
    def list(
        self,
        *,
        status: str | None = None,
        job_id: str | None = None,
        fingerprint: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[DeadLetter]:
        """By last_occurred_at, newest first, and id. One that fails again comes to the front."""
        ...

    def pending(self, *, hours: int | None = None, limit: int) -> Counted[DeadLetter]:
        """What waits for another try, what failed last first."""
        ...

    def take(self, dead_letter_ids: Collection[str]) -> Sequence[DeadLetter]:
        """Those of them that were PENDING and are PROCESSING from now on, oldest first."""
        ...

    def settle(self, dead_letter_ids: Collection[str], *, succeeded: bool) -> None:
        """PROCESSING ones are SUCCEEDED, or PENDING once more after another failed attempt.

        One that is to be PENDING takes in what waits already of the same failure of its job.
        """
        ...

    def discard(self, dead_letter_id: str, *, metadata: Json) -> bool:
        """A PENDING one is FAILED: somebody gave it up. False where it is not PENDING."""
        ...

    def discard_of(self, job_id: str, *, metadata: Json) -> int:
        """All of a job that is about to go, also those that are PROCESSING."""
        ...

    def depth(self, *, fingerprint: str | None = None) -> Mapping[str, int]:
        """How many there are, by status."""
        ...
