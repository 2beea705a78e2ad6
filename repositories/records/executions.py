"""Executions: every run of a KPI is a job of the process that runs it."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from repositories.records.kpis import Check
from repositories.records.rows import Json


class JobStatus(StrEnum):
    """Where an execution stands. Queued waits for another try."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A KPI at a slot whose time has come, and how many executions of it have not ended.

    Those of dead letters do not count.
    """

    check: Check
    unfinished: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An execution that anybody may take: its time for another try has come, or its lease ended.

    `retry_count` tries have failed, `attempts` were begun; `since` is when it could first be taken.
    """

    job_id: str
    check: Check
    retry_count: int
    attempts: int
    since: datetime
    dead_letter_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """A try that waited when its KPI's next slot came: how it failed the last time.

    It was begun then at `started_at`, which is None where it was given back since.
    """

    job_id: str
    indicator_id: str
    slot_at: datetime
    retry_count: int
    attempts: int
    error_message: str
    error_type: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """An execution to be written down: Running under a lease, Queued, or Cancelled at once."""

    job_id: str
    check: Check
    status: JobStatus
    lease_id: str | None = None
    lease_seconds: float = 0
    message: str | None = None
    dead_letter_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A job of ours that runs now, under `lease_id`. `retry_count` tries of it have failed.

    It was `taken_at` this time of the process's monotonic clock, which the store's `claimed_at` of
    its check is.
    """

    job_id: str
    lease_id: str
    check: Check
    retry_count: int = 0
    attempts: int = 1
    dead_letter_id: str | None = None
    taken_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a job; `result_message` is cut to what its column takes."""

    job_id: str
    lease_id: str
    status: JobStatus
    duration_ms: float
    result_status: str | None
    result_message: str | None
    error_message: str | None
    error_type: str | None
    retry_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A job that is to be tried again after so many seconds."""

    job_id: str
    lease_id: str
    retry_count: int
    delay_seconds: float
    error_message: str
    error_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerJob:
    """One execution as it is stored."""

    job_id: str
    worker_instance_id: str | None
    job_type: str
    job_name: str
    status: str
    priority: int
    scheduled_at: datetime
    slot_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: float | None
    result_status: str | None
    result_message: str | None
    error_message: str | None
    error_type: str | None
    retry_count: int
    max_retries: int
    attempts: int
    next_retry_at: datetime | None
    dead_letter_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """What failed for good, with its input; the same failure of a job that waits already is one."""

    job_id: str
    fingerprint: str
    event_data: Json
    error: str
    error_type: str | None
    metadata: Json
