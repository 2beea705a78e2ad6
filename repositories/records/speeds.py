"""How fast jobs are, normally and when they are not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from repositories.records.rows import Json


class RegressionKind(StrEnum):
    SLOWER = "slower"
    FASTER = "faster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """An execution far from its job's normal speed (mean, p95), which was this then; all in ms."""

    job_id: str
    kind: RegressionKind
    duration_ms: float
    mean_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRegression:
    """The newest of a job."""

    regression: str
    duration_ms: float
    mean_ms: float | None
    p95_ms: float | None
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBaseline:
    """A job's normal speed in ms, of how many executions, and since when it is known."""

    mean_ms: float
    p95_ms: float
    sample_size: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """How often a job ran and how it went, how fast it is normally, and when it last was not.

    Durations are in ms; the rate is the share of executions that succeeded.
    """

    job_id: str
    total_executions: int
    success_count: int
    failure_count: int
    success_rate: float | None
    total_duration_ms: float
    mean_duration_ms: float | None
    min_duration_ms: float | None
    max_duration_ms: float | None
    last_execution_at: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    metadata: Json
    baseline: StoredBaseline | None
    last_regression: StoredRegression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One step of a walk over jobs: how many have a normal speed now, and where the next starts.

    `next` is None at the end.
    """

    updated: int
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiGauge:
    """What a KPI last said; None before the first time. A value that is text is None too."""

    name: str
    connection: str
    environment: str
    status: str | None
    value: float | None
    checked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerUptime:
    """A process that runs Watchkeeper, and for how long it has."""

    worker_instance_id: str
    machine_name: str
    version: str
    uptime_seconds: float
