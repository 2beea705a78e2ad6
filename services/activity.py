"""What the server does now, and who stands in whose way."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from repositories.contracts.jobs import JobsDatabase, JobsWork
from repositories.records.server import BlockedSession, ConnectionGroup, DatabaseSession
from services.parts import NotAvailable, ask_part
from services.statements import mask_statement

ActivityType = Literal["running", "slow", "locks", "connections"]
SLOW_MS = 1000

T = TypeVar("T", DatabaseSession, BlockedSession)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStatements:
    """The statements that run now, the longest running first."""

    status: Literal["available"] = "available"
    statements: Sequence[DatabaseSession]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """A session that others wait for; a root waits for nobody. None: it has gone meanwhile."""

    session_id: str
    is_root: bool
    blocks: int
    session: DatabaseSession | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """Who waits, the longest first, and who has them wait, the roots first."""

    status: Literal["available"] = "available"
    blockers: Sequence[Blocker]
    blocked: Sequence[BlockedSession]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Connections by login, application and state, the most first."""

    status: Literal["available"] = "available"
    total: int
    oldest_idle_in_transaction_ms: int | None
    connections: Sequence[ConnectionGroup]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What was asked for. Where it is restricted, this login sees little of the others."""

    type: ActivityType
    restricted: bool
    missing_right: str | None
    activity: RunningStatements | Locks | Connections | NotAvailable


class ActivityService:
    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def activity(self, kind: ActivityType, *, min_ms: int | None, limit: int) -> Activity:
        """`min_ms` bounds what runs: a second where it is slow that is asked for."""
        if kind == "slow" and min_ms is None:
            min_ms = SLOW_MS
        asked: dict[ActivityType, Callable[[JobsWork], RunningStatements | Locks | Connections]] = {
            "running": lambda work: running_of(work, min_ms=min_ms, limit=limit),
            "slow": lambda work: running_of(work, min_ms=min_ms, limit=limit),
            "locks": lambda work: locks_of(work, limit=limit),
            "connections": lambda work: connections_by_kind(work, limit=limit),
        }
        with self._database.read() as work:
            missing = work.activity.missing_right()
        return Activity(
            type=kind,
            restricted=missing is not None,
            missing_right=missing,
            activity=ask_part(lambda: self._read(asked[kind])),
        )

    def _read(
        self, ask: Callable[[JobsWork], RunningStatements | Locks | Connections]
    ) -> RunningStatements | Locks | Connections:
        with self._database.read() as work:
            return ask(work)


def running_of(work: JobsWork, *, min_ms: int | None, limit: int) -> RunningStatements:
    sessions = work.activity.running(min_ms=min_ms, limit=limit)
    return RunningStatements(statements=_shown(sessions))


def locks_of(work: JobsWork, *, limit: int) -> Locks:
    blocked = _shown(work.activity.blocked(limit=limit))
    blocking = {session_id for one in blocked for session_id in one.blocked_by}
    sessions = _shown(work.activity.sessions(sorted(blocking))) if blocking else []
    return Locks(blockers=rank_blockers(blocked, sessions), blocked=blocked)


def rank_blockers(
    blocked: Sequence[BlockedSession], sessions: Iterable[DatabaseSession]
) -> Sequence[Blocker]:
    """The roots first, and of those the ones that most sessions wait for."""
    blocks = Counter(session_id for one in blocked for session_id in one.blocked_by)
    waiting = {one.session_id for one in blocked}
    known = {session.session_id: session for session in sessions}
    blockers = [
        Blocker(
            session_id=session_id,
            is_root=session_id not in waiting,
            blocks=number,
            session=known.get(session_id),
        )
        for session_id, number in blocks.items()
    ]
    return sorted(blockers, key=lambda one: (not one.is_root, -one.blocks, one.session_id))


def connections_by_kind(work: JobsWork, *, limit: int) -> Connections:
    groups = work.activity.connections()
    idle = [
        group.longest_idle_in_transaction_ms
        for group in groups
        if group.longest_idle_in_transaction_ms is not None
    ]
    return Connections(
        total=sum(group.connections for group in groups),
        oldest_idle_in_transaction_ms=max(idle, default=None),
        connections=groups[:limit],
    )


def _shown(rows: Iterable[T]) -> list[T]:
    return [replace(row, query=mask_statement(row.query)) for row in rows]
