"""Jobs and their tasks, as whatever jobs database has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.records.rows import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the tables of a jobs database differ from those that Watchkeeper makes.

    Columns are written `tasks.heartbeat`. `renamed` gives what a column is called there, `missing`
    the ones that are read as if they were empty, `unread` the ones that nobody here looks at.
    """

    renamed: Mapping[str, str]
    missing: Sequence[str]
    unread: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job; `duration_ms` is up to now where it has not ended."""

    job_id: str
    job_type: str
    status: str
    stage: int
    total_stages: int | None
    parameters: Json | None
    stage_results: Json | None
    result_data: Json | None
    error_details: str | None
    created_at: datetime
    updated_at: datetime
    duration_ms: int
    task_counts: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a job's stage; `started_at` is None where nobody wrote it down."""

    task_id: str
    parent_job_id: str
    task_type: str
    status: str
    stage: int
    task_index: str | None
    parameters: Json | None
    result_data: Json | None
    error_details: str | None
    retry_count: int
    heartbeat: datetime | None
    started_at: datetime | None
    created_at: datetime
    updated_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The progress of one stage: its tasks, by what became of them."""

    stage: int
    total: int
    completed: int
    failed: int
    processing: int
    waiting: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpan:
    """When a job was, by the database's clock; `ended_at` is None where it has not ended."""

    created_at: datetime
    ended_at: datetime | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTrace:
    """What became of one task, and when.

    Of a long error text, `error` is the beginning and `error_tail` the end.
    """

    task_id: str
    task_type: str
    status: str
    stage: int
    retry_count: int
    error: str | None
    error_tail: str | None
    heartbeat: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time, and how far before it to look for what was still alive in it."""

    earliest: datetime
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherJob:
    """A job that was alive in a window, and for how much of it."""

    job_id: str
    job_type: str
    status: str
    created_at: datetime
    ended_at: datetime | None
    overlap_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCount:
    """Jobs or tasks of one type and status: how many were alive, of how many looked at."""

    kind: str
    status: str
    alive: int
    looked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """One of the three functions, with how many values it takes and which."""

    name: str
    arguments: int
    signature: str
