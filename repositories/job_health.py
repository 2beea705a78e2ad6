"""How the jobs as a whole are doing."""

from collections.abc import Sequence

from repositories.contracts.databases import Session
from repositories.records.trouble import FailureRate, QueuedTask


class SqlJobHealth:
    def __init__(self, session: Session) -> None:
        self._session = session

    def failure_rate(self) -> FailureRate:
        row = self._session.row("job_health.failure_rate")
        assert row is not None  # noqa: S101 - the statement always returns its row
        return FailureRate(**row)

    def oldest_queued(self) -> QueuedTask | None:
        row = self._session.row("job_health.oldest_queued")
        return None if row is None else QueuedTask(**row)

    def hidden_tables(self) -> Sequence[str]:
        return [row["table_name"] for row in self._session.rows("job_health.row_security")]
