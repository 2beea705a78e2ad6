"""The failures of tasks that were put back as queued."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from repositories.contracts.databases import Session
from repositories.records.retries import PlannedRetry, Retry
from repositories.records.rows import build


class SqlRetries:
    def __init__(self, session: Session) -> None:
        self._session = session

    def plan(self, retries: Sequence[PlannedRetry]) -> None:
        for retry in retries:
            self._session.run("retries.plan", **asdict(retry))

    def finish(self, retry_ids: Collection[str]) -> Sequence[str]:
        rows = self._session.rows("retries.finish", retry_ids=[*retry_ids]) if retry_ids else []
        return [row["retry_id"] for row in rows]

    def drop(self, retry_ids: Collection[str]) -> int:
        return self._session.run("retries.drop", retry_ids=[*retry_ids]) if retry_ids else 0

    def of_job(self, job_id: str, *, limit: int) -> list[Retry]:
        return build(Retry, self._session.rows("retries.of_job", job_id=job_id, limit=limit))

    def unsettled(
        self, *, job_id: str | None = None, older_than_seconds: int, limit: int
    ) -> list[Retry]:
        rows = self._session.rows(
            "retries.unsettled", job_id=job_id, older_than_seconds=older_than_seconds, limit=limit
        )
        return build(Retry, rows)
