"""The processes that run Watchkeeper, the services that report to it, and the store itself."""

from dataclasses import dataclass
from datetime import datetime

from repositories.records.rows import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number of a process, with its unit (bytes, seconds, count, %)."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that runs Watchkeeper."""

    worker_instance_id: str
    worker_name: str
    machine_name: str
    process_id: int
    version: str
    environment: str
    configuration: Json | None = None
    tags: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A service's word that it is alive; interval and grace (s) stay what they were if None."""

    service: str
    status: str
    current_task: str | None = None
    interval_seconds: int | None = None
    grace_seconds: int | None = None
    worker_instance_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """A service's newest heartbeat, and the store's clock when it was read."""

    service: str
    status: str
    current_task: str | None
    last_heartbeat: datetime
    due_at: datetime
    interval_seconds: int
    read_at: datetime


NOTHING = Json("{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRuns:
    """Executions of a job that are to be counted: one, or several that were added up.

    The ages are the seconds since the last one ended well, and badly. Metadata that say something
    take the place of those that are stored.
    """

    job_id: str
    successes: int
    failures: int
    total_duration_ms: float
    min_duration_ms: float
    max_duration_ms: float
    success_age_seconds: float | None
    failure_age_seconds: float | None
    metadata: Json = NOTHING

    @classmethod
    def one(
        cls, job_id: str, *, succeeded: bool, duration_ms: float, metadata: Json = NOTHING
    ) -> "JobRuns":
        """A single one, which has just ended."""
        return cls(
            job_id=job_id,
            successes=int(succeeded),
            failures=int(not succeeded),
            total_duration_ms=duration_ms,
            min_duration_ms=duration_ms,
            max_duration_ms=duration_ms,
            success_age_seconds=0.0 if succeeded else None,
            failure_age_seconds=None if succeeded else 0.0,
            metadata=metadata,
        )

    def plus(self, later: "JobRuns") -> "JobRuns":
        """Both, of the same job."""
        return JobRuns(
            job_id=self.job_id,
            successes=self.successes + later.successes,
            failures=self.failures + later.failures,
            total_duration_ms=self.total_duration_ms + later.total_duration_ms,
            min_duration_ms=min(self.min_duration_ms, later.min_duration_ms),
            max_duration_ms=max(self.max_duration_ms, later.max_duration_ms),
            success_age_seconds=_newer(self.success_age_seconds, later.success_age_seconds),
            failure_age_seconds=_newer(self.failure_age_seconds, later.failure_age_seconds),
            metadata=self.metadata if later.metadata == NOTHING else later.metadata,
        )


def _newer(one: float | None, other: float | None) -> float | None:
    ages = [age for age in (one, other) if age is not None]
    return min(ages, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetric:
    """How often a job ran, how long it took (ms), when it last went well or badly, and how often it
    was far slower or faster than normal.

    `last_execution_at` is when it ended; only of timers is it known when they began.
    """

    job_id: str
    total_executions: int
    success_count: int
    failure_count: int
    total_duration_ms: float
    min_duration_ms: float | None
    max_duration_ms: float | None
    last_execution_at: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    slower_count: int
    faster_count: int
    last_started_at: datetime | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The database server that answered, and how many of its connections are used."""

    version: str
    database_name: str
    connections: int
    max_connections: int
