"""Jobs and tasks as their history has them, made for tests of what is read from it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from repositories.records.jobs import Job, JobSpan, TaskTrace
from repositories.records.rows import Json

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB = "a" * 64
ENDED = frozenset({"completed", "failed", "skipped"})


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else NOON + timedelta(seconds=seconds)


def moment(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def span(end: float | None, *, now: float | None = None) -> JobSpan:
    """A job that was made at noon, in seconds from there."""
    read_at = now if now is not None else (end or 0)
    return JobSpan(created_at=NOON, ended_at=at(end), read_at=moment(read_at))


def trace(
    task_id: str,
    created: float,
    started: float | None,
    ended: float | None,
    *,
    stage: int = 1,
    status: str | None = None,
    **columns: Any,
) -> TaskTrace:
    """A task by its times in seconds after noon; processing where it has not ended."""
    updated = max(value for value in (created, started, ended) if value is not None)
    values: dict[str, Any] = {
        "task_type": "work",
        "status": status or ("processing" if ended is None else "completed"),
        "retry_count": 0,
        "error": None,
        "error_tail": None,
        "heartbeat": None,
        "updated_at": moment(updated),
        **columns,
    }
    return TaskTrace(
        task_id=task_id,
        stage=stage,
        created_at=moment(created),
        started_at=at(started),
        ended_at=at(ended),
        **values,
    )


def job(**columns: Any) -> Job:
    values: dict[str, Any] = {
        "job_id": JOB,
        "job_type": "tiles",
        "status": "processing",
        "stage": 1,
        "total_stages": 1,
        "parameters": Json("{}"),
        "stage_results": Json("{}"),
        "result_data": None,
        "error_details": None,
        "created_at": NOON,
        "updated_at": NOON,
        "duration_ms": 0,
        "task_counts": Json('{"total": 0}'),
    }
    return Job(**(values | columns))
