"""What is known of the store itself."""

from datetime import datetime

from repositories.contracts.databases import Session
from repositories.errors import BadStatement
from repositories.records.processes import Server


class SqlFacts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def now(self) -> datetime:
        row = self._session.row("health.now")
        assert row is not None  # noqa: S101 - the statement always returns its row
        now: datetime = row["now"]
        return now

    def server(self) -> Server:
        row = self._session.row("health.server")
        assert row is not None  # noqa: S101 - the statement always returns its row
        return Server(**row)

    def revision(self) -> str | None:
        """The newest applied migration; None before the first."""
        try:
            row = self._session.row("health.revision")
        except BadStatement:
            return None
        return None if row is None else str(row["version_num"])
