"""How long jobs take normally."""

from collections.abc import Collection, Mapping, Sequence

from repositories.contracts.databases import Row, Session
from repositories.json_rows import json_rows
from repositories.records.kpis import Baseline
from repositories.records.rows import build
from repositories.records.speeds import Speed

OF_SPEED = ("name", "job_id", "mean_ms", "p95_ms", "sample_size", "baseline_age_seconds")


class SqlBaselines:
    def __init__(self, session: Session) -> None:
        self._session = session

    def speeds_of_kpis(self, *, after: str, limit: int, older_than_seconds: int) -> list[Speed]:
        return self._speeds("baselines.speeds_of_kpis", after, limit, older_than_seconds)

    def speeds_of_functions(
        self, *, after: str, limit: int, older_than_seconds: int
    ) -> list[Speed]:
        return self._speeds("baselines.speeds_of_functions", after, limit, older_than_seconds)

    def keep(self, speeds: Sequence[Speed]) -> None:
        if speeds:
            self._session.run("baselines.keep", speeds=json_rows(speeds))

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

    def _speeds(
        self, statement: str, after: str, limit: int, older_than_seconds: int
    ) -> list[Speed]:
        rows = self._session.rows(
            statement, after=after, limit=limit, older_than_seconds=older_than_seconds
        )
        return build(Speed, [*map(_with_baseline, rows)])


def _with_baseline(row: Row) -> Row:
    """Its normal speed as one value."""
    mean_ms, p95_ms = row["baseline_avg_ms"], row["baseline_p95_ms"]
    baseline = None if mean_ms is None else Baseline(mean_ms=mean_ms, p95_ms=p95_ms)
    named = {name: row[name] for name in OF_SPEED}
    return {**named, "baseline": baseline}
