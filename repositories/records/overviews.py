"""What is shown of databases, processes, and values over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from repositories.records.kpis import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSummary:
    """A connection, the newest verdict of its KPIs, and all of a week: the last 168 whole hours
    and the one that is going on.

    `healthy_percent_7d` is how many of 100 checks were Healthy.
    """

    name: str
    provider: str
    environment: str
    tags: tuple[str, ...]
    is_enabled: bool
    checked_at: datetime | None
    status: str | None
    checks_7d: int
    healthy_7d: int
    warning_7d: int
    critical_7d: int
    error_7d: int
    healthy_percent_7d: Decimal | None
    mean_duration_ms_7d: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOverview:
    """A process, how it is by its heartbeat (healthy, stale, down), and what it has to do."""

    worker_instance_id: str
    worker_name: str
    machine_name: str
    process_id: int
    version: str
    environment: str
    status: str
    started_at: datetime
    last_heartbeat: datetime
    age_seconds: float
    state: str
    running_jobs: int
    queued_jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What a KPI found from `at` on, until the next bucket begins.

    `count` is of results; `min`, `max` and `mean` are None where none of them had a number.
    """

    at: datetime
    min: Decimal | None
    max: Decimal | None
    mean: Decimal | None
    count: int
    worst: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A KPI's buckets from `since` to `until`, the oldest first; those without results are left
    out.
    """

    kpi: str
    unit: str | None
    since: datetime
    until: datetime
    bucket_seconds: int
    buckets: Sequence[Bucket]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrolled:
    """The next hour to be rolled up, None where there is none; all before `until` are over."""

    hour: datetime | None
    until: datetime
