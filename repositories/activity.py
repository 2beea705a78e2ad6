"""What the server does now."""

from collections.abc import Collection

from repositories.contracts.databases import Session
from repositories.records.rows import build
from repositories.records.server import BlockedSession, ConnectionGroup, DatabaseSession
from repositories.statistics import offered


class SqlActivity:
    def __init__(self, session: Session) -> None:
        self._session = session

    def missing_right(self) -> str | None:
        row = self._session.row("activity.missing_right")
        return None if row is None else str(row["missing_right"])

    def running(self, *, min_ms: int | None = None, limit: int) -> list[DatabaseSession]:
        rows = self._session.rows("activity.running", min_ms=min_ms, limit=limit)
        return build(DatabaseSession, offered(rows))

    def sessions(self, session_ids: Collection[str]) -> list[DatabaseSession]:
        rows = self._session.rows("activity.sessions", ids=[*session_ids])
        return build(DatabaseSession, offered(rows))

    def blocked(self, *, limit: int) -> list[BlockedSession]:
        rows = offered(self._session.rows("activity.blocked", limit=limit))
        return [
            BlockedSession(**{**row, "blocked_by": row["blocked_by"].split(",")}) for row in rows
        ]

    def connections(self) -> list[ConnectionGroup]:
        return build(ConnectionGroup, offered(self._session.rows("activity.connections")))
