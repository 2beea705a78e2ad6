"""Locks that end with a transaction."""

from repositories.contracts.databases import Session
from repositories.errors import StatementTimeout


class SqlLocks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def hold(self, name: str) -> None:
        self._wait("locks.hold", name)

    def share(self, name: str) -> None:
        self._wait("locks.share", name)

    def _wait(self, statement: str, name: str) -> None:
        """One server raises where the time runs out, the other says that it did."""
        row = self._session.row(statement, name=name)
        if row is None or not row["held"]:
            raise StatementTimeout
