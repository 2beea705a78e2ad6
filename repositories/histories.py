"""What became of one job, and what else there was at that time."""

from repositories.contracts.databases import Session
from repositories.records.jobs import JobSpan, OtherCount, OtherJob, TaskTrace, Window
from repositories.records.rows import build


class SqlHistories:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find_span(self, job_id: str) -> JobSpan | None:
        row = self._session.row("histories.span", job_id=job_id)
        return None if row is None else JobSpan(**row)

    def traces_of(self, job_id: str, *, limit: int) -> list[TaskTrace]:
        rows = self._session.rows("histories.traces", job_id=job_id, limit=limit)
        return build(TaskTrace, rows)

    def jobs_meanwhile(
        self, job_id: str, window: Window, *, bound: int, limit: int
    ) -> list[OtherJob]:
        rows = self._session.rows(
            "histories.jobs_meanwhile",
            job_id=job_id,
            earliest=window.earliest,
            since=window.since,
            until=window.until,
            bound=bound,
            limit=limit,
        )
        return build(OtherJob, rows)

    def job_counts_meanwhile(self, job_id: str, window: Window, *, bound: int) -> list[OtherCount]:
        return self._counts("histories.job_counts_meanwhile", job_id, window, bound)

    def task_counts_meanwhile(self, job_id: str, window: Window, *, bound: int) -> list[OtherCount]:
        return self._counts("histories.task_counts_meanwhile", job_id, window, bound)

    def _counts(self, statement: str, job_id: str, window: Window, bound: int) -> list[OtherCount]:
        rows = self._session.rows(
            statement,
            job_id=job_id,
            earliest=window.earliest,
            since=window.since,
            until=window.until,
            bound=bound,
        )
        return build(OtherCount, rows)
