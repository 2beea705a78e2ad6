"""What a database server says of itself, as rows: frozen, times aware and in UTC, engine-neutral.

Sizes are in bytes. Counters count since the server's statistics were reset, or it was started.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The server and its database; `statistics_since` is None where nobody knows it."""

    version: str
    database_name: str
    size_bytes: int | None
    max_connections: int
    started_at: datetime | None
    uptime_seconds: int | None
    statistics_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """A table; its bytes are None while a session holds it for itself alone."""

    schema: str
    name: str
    total_bytes: int | None
    table_bytes: int | None
    index_bytes: int | None
    toast_bytes: int | None
    rows: int | None
    dead_rows: int | None
    seq_scans: int | None
    index_scans: int | None
    last_vacuum: datetime | None
    last_analyze: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSize:
    """An index; `scans` is None where this login may not know, `bytes` and `definition` are while
    a session holds its table for itself alone.
    """

    schema: str
    table: str
    name: str
    bytes: int | None
    scans: int | None
    is_unique: bool
    is_primary: bool
    is_valid: bool
    definition: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingIndex:
    """An index that Watchkeeper's questions want, with the DDL that makes it."""

    table: str
    columns: str
    serves: str
    ddl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedIndex:
    """An index that the server itself would have used, and how often."""

    table: str
    columns: str
    included: str | None
    uses: int
    impact_percent: float
    ddl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedTable:
    """A table that is read from end to end again and again."""

    schema: str
    name: str
    seq_scans: int
    rows_read: int | None
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCounts:
    """What was created in the hour, and what ended in it."""

    hour: datetime
    jobs_created: int
    jobs_completed: int
    jobs_completed_with_errors: int
    jobs_failed: int
    tasks_created: int
    tasks_completed: int
    tasks_failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """Blocks found in memory and blocks that were not; `ratio` is None before the first."""

    ratio: float | None
    hits: int | None
    reads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What sessions wait for: how many do so now, or how long all of them have done."""

    kind: str | None
    name: str
    waiting_sessions: int | None
    waits: int | None
    waited_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSession:
    """One session; what this login may not see of it is None."""

    session_id: str
    user: str | None
    application: str | None
    database: str | None
    state: str | None
    wait: str | None
    query: str | None
    started_at: datetime | None
    duration_ms: int | None
    transaction_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedSession:
    """A session that waits for a lock, and the ids of those who stand in its way."""

    session_id: str
    user: str | None
    application: str | None
    query: str | None
    waiting_since: datetime | None
    waiting_ms: int | None
    lock_type: str | None
    lock_mode: str | None
    relation: str | None
    blocked_by: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionGroup:
    """Connections alike; `state` is None where this login may not see it."""

    user: str | None
    application: str | None
    state: str | None
    connections: int
    longest_idle_in_transaction_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSource:
    """Where the times of past statements are kept, and since when."""

    source: Literal["pg_stat_statements", "query_store", "query_stats"]
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementTimes:
    """All runs of one statement."""

    query: str | None
    calls: int
    total_ms: float
    mean_ms: float
    max_ms: float
    rows: int | None
    hit_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How long what ended in a window took, of one kind and name.

    Of the window before, `is_now` False, only what the two are compared by is measured: `working`
    of tasks and `total` of jobs. `ended` counts all, `known` those whose time is known.
    """

    kind: Literal["stage", "task_type", "job_type"]
    name: str
    stage: int | None
    is_now: bool
    metric: Literal["working", "total", "queue_wait"]
    ended: int
    failed: int
    known: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One figure of what the server uses, with its unit."""

    name: str
    value: float
    unit: str
