"""What failed, newest first."""

from collections.abc import Collection, Mapping
from datetime import datetime

from repositories.contracts.databases import Session
from repositories.records.rows import build
from repositories.records.trouble import Failure


class SqlFailures:
    def __init__(self, session: Session) -> None:
        self._session = session

    def window(self, *, hours: int) -> tuple[datetime, datetime]:
        row = self._session.row("failures.window", hours=hours)
        assert row is not None  # noqa: S101 - the statement always returns its row
        return row["since"], row["until"]

    def of_tasks(
        self,
        *,
        since: datetime,
        until: datetime,
        job_type: str | None = None,
        task_type: str | None = None,
        with_job_type: bool = True,
        after: Failure | None = None,
        limit: int,
    ) -> list[Failure]:
        rows = self._session.rows(
            "failures.of_tasks",
            since=since,
            until=until,
            job_type=job_type,
            task_type=task_type,
            with_job_type=with_job_type,
            before_mark=after.mark if after else None,
            before_id=after.task_id if after else None,
            limit=limit,
        )
        return build(Failure, rows)

    def of_jobs(
        self,
        *,
        since: datetime,
        until: datetime,
        job_type: str | None = None,
        after: Failure | None = None,
        limit: int,
    ) -> list[Failure]:
        rows = self._session.rows(
            "failures.of_jobs",
            since=since,
            until=until,
            job_type=job_type,
            before_mark=after.mark if after else None,
            before_id=after.job_id if after else None,
            limit=limit,
        )
        return build(Failure, rows)

    def task_texts(self, task_ids: Collection[str], *, longest: int) -> Mapping[str, str | None]:
        rows = self._session.rows("failures.task_texts", ids=[*task_ids], longest=longest)
        return {row["id"]: row["error_details"] for row in rows}

    def job_texts(self, job_ids: Collection[str], *, longest: int) -> Mapping[str, str | None]:
        rows = self._session.rows("failures.job_texts", ids=[*job_ids], longest=longest)
        return {row["id"]: row["error_details"] for row in rows}
