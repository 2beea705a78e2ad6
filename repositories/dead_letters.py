"""What failed for good."""

from repositories.contracts.databases import Session
from repositories.counting import build_counted
from repositories.records.rows import Counted
from repositories.records.trouble import DeadLetter


class SqlDeadLetters:
    def __init__(self, session: Session) -> None:
        self._session = session

    def pending(self, *, hours: int | None = None, limit: int) -> Counted[DeadLetter]:
        rows = self._session.rows("dead_letters.pending", hours=hours, limit=limit)
        return build_counted(DeadLetter, rows)
