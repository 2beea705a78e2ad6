"""How long statements, jobs and tasks take, and what the server uses for them."""

from repositories.contracts.databases import Row, Session
from repositories.errors import NotOffered
from repositories.records.rows import build
from repositories.records.server import Measured, Resource, StatementSource, StatementTimes
from repositories.statistics import offered


class SqlPerformance:
    def __init__(self, session: Session) -> None:
        self._session = session

    def statement_source(self) -> StatementSource:
        row = self._source()
        if row["not_available"]:
            raise NotOffered(row["not_available"])
        return StatementSource(source=row["source"], since=row["since"])

    def slow_statements(self, *, limit: int) -> list[StatementTimes]:
        return build(StatementTimes, self._session.rows("performance.slow_statements", limit=limit))

    def task_times(self, *, hours: int, limit: int) -> list[Measured]:
        rows = self._session.rows("performance.task_times", hours=hours, limit=limit)
        return build(Measured, rows)

    def job_times(self, *, hours: int, limit: int) -> list[Measured]:
        rows = self._session.rows("performance.job_times", hours=hours, limit=limit)
        return build(Measured, rows)

    def resources(self) -> list[Resource]:
        checkpointer = bool(self._source()["has_checkpointer"])
        rows = self._session.rows("performance.resources", checkpointer=checkpointer)
        return build(Resource, offered(rows))

    def _source(self) -> Row:
        row = self._session.row("performance.statement_source")
        assert row is not None  # noqa: S101 - the statement always returns its row
        return row
