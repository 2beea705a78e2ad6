"""What fails, hangs, or was forgotten."""

from dataclasses import dataclass
from datetime import datetime

from repositories.records.rows import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task that failed, or a job that says why it did (`task_id` is None).

    `head` and `tail` are what is looked at of its error text; `mark` is its place in a list.
    """

    task_id: str | None = None
    job_id: str
    job_type: str | None
    task_type: str | None = None
    stage: int
    retry_count: int = 0
    failed_at: datetime
    mark: object
    head: str | None
    tail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckTask:
    """A task in processing that was silent for longer than is normal for its type.

    `sample_size` is of how many completed tasks the normal was taken.
    """

    task_id: str
    job_id: str
    task_type: str
    stage: int
    retry_count: int
    heartbeat: datetime | None
    started_at: datetime | None
    updated_at: datetime
    silent_seconds: float
    normal_seconds: float
    sample_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedTask:
    """A task that was retried, and has not been completed."""

    task_id: str
    job_id: str
    task_type: str
    status: str
    stage: int
    retry_count: int
    error_details: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedJob:
    """A job whose tasks were retried; type and status are None where the job is gone."""

    job_id: str
    job_type: str | None
    status: str | None
    retries: int
    tasks: int
    most_retries: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledJob:
    """A job under way whose stage has no task that has yet to end."""

    job_id: str
    job_type: str
    status: str
    stage: int
    total_stages: int | None
    created_at: datetime
    updated_at: datetime
    tasks: int
    failed_tasks: int
    last_task_at: datetime | None
    quiet_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTask:
    """One of the tasks of the stage that a job is in."""

    task_id: str
    task_type: str
    status: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A task whose job does not exist, or (with its status) ended without it."""

    task_id: str
    job_id: str
    task_type: str
    status: str
    stage: int
    created_at: datetime
    updated_at: datetime
    job_status: str | None = None
    job_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What failed for good, with its input; `last_occurred_at` is when it did so last."""

    dead_letter_id: str
    job_id: str
    event_data: Json
    error: str
    metadata: Json
    status: str
    attempts: int
    last_occurred_at: datetime
    last_attempt_at: datetime | None
    processed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    fingerprint: str | None = None
    error_type: str | None = None
    occurrences: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRate:
    """Tasks by how they ended, in the last hour and in the seven days before it."""

    recent_failed: int
    recent_completed: int
    normal_failed: int
    normal_completed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """A task that waits for somebody to take it."""

    task_id: str
    job_id: str
    task_type: str
    status: str
    created_at: datetime
    age_seconds: float
