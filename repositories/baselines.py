"""How long jobs take normally."""

from collections.abc import Collection, Mapping

from repositories.contracts.databases import Session
from repositories.json_rows import json_rows
from repositories.records.kpis import Baseline
from repositories.records.speeds import Walk


class SqlBaselines:
    def __init__(self, session: Session) -> None:
        self._session = session

    def refresh_kpis(self, *, after: str, limit: int, older_than_seconds: int) -> Walk:
        return self._refresh("baselines.refresh_kpis", after, limit, older_than_seconds)

    def refresh_functions(self, *, after: str, limit: int, older_than_seconds: int) -> Walk:
        return self._refresh("baselines.refresh_functions", after, limit, older_than_seconds)

    def find(self, job_ids: Collection[str]) -> Mapping[str, Baseline]:
        if not job_ids:
            return {}
        asked = json_rows({"job_id": job_id} for job_id in job_ids)
        rows = self._session.rows("baselines.find", job_ids=asked)
        return {
            row["job_id"]: Baseline(mean_ms=row["mean_ms"], p95_ms=row["p95_ms"]) for row in rows
        }

    def forget(self, *, days: int) -> int:
        return self._session.run("baselines.forget", days=days)

    def _refresh(self, statement: str, after: str, limit: int, older_than_seconds: int) -> Walk:
        (row,) = self._session.rows(
            statement, after=after, limit=limit, older_than_seconds=older_than_seconds
        )
        is_last = row["seen"] < limit
        return Walk(updated=row["updated"], next=None if is_last else row["last_name"])
