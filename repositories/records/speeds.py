"""How fast jobs are, normally and when they are not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from repositories.records.kpis import Baseline
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
    mean_ms: float
    p95_ms: float
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

    An execution of a KPI succeeded where it came to a verdict other than Error, one of an HTTP
    function where it answered less than 500, one of a timer where it raised nothing. The rate is
    from 0 to 1; durations are in ms. `slower_count` and `faster_count` are of executions that were
    far from normal, one in five minutes.
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
    slower_count: int
    faster_count: int
    baseline: StoredBaseline | None
    last_regression: StoredRegression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a job was lately, in ms, in so many executions; None where there were none.

    `name` is where a walk goes on from. `baseline` is what was normal before, since so many
    seconds.
    """

    name: str
    job_id: str
    mean_ms: float | None
    p95_ms: float | None
    sample_size: int
    baseline: Baseline | None
    baseline_age_seconds: float | None


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
class WorkerGauge:
    """A process that runs Watchkeeper: when it was last heard of, and how long it had run then."""

    worker_instance_id: str
    machine_name: str
    version: str
    uptime_seconds: float
    heartbeat_age_seconds: float
