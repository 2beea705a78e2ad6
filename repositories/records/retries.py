"""Failed tasks that are put back as queued, and who changed what."""

from dataclasses import dataclass
from datetime import datetime

from repositories.records.rows import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that somebody changed: what it was, and what it became."""

    actor: str
    action: str
    entity_type: str
    entity_id: str
    old_values: Json | None = None
    new_values: Json | None = None
    reason: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord(AuditEntry):
    """An entry as it was kept; entries of later have greater numbers."""

    audit_id: int
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailure:
    """What a task has to say about being put back; `failed_at` is its last change."""

    task_id: str
    task_type: str
    status: str
    stage: int
    retry_count: int
    error_details: str | None
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRetry:
    """The failure of a task that is to be put back; `retry_count` is the one before that."""

    retry_id: str
    job_id: str
    task_id: str
    task_type: str
    stage: int
    fingerprint: str | None
    error_details: str | None
    retry_count: int
    failed_at: datetime
    actor: str
    reason: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(PlannedRetry):
    """`state` is planned, done, or dropped where the task was not put back."""

    retried_at: datetime
    state: str
    settled_at: datetime | None
