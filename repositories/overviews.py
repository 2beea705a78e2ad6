"""What is shown of databases, processes and series of values."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from repositories.contracts.databases import Row, Session
from repositories.definitions import split
from repositories.records.definitions import DefinitionFilter
from repositories.records.kpis import Verdict
from repositories.records.overviews import Bucket, DatabaseSummary, Series, WorkerOverview
from repositories.records.rows import build

FROM_BEST = tuple(Verdict)


class SqlOverviews:
    def __init__(self, session: Session) -> None:
        self._session = session

    def databases(
        self, filters: DefinitionFilter, *, after: str | None = None, limit: int
    ) -> list[DatabaseSummary]:
        rows = self._session.rows(
            "overviews.databases",
            environment=filters.environment,
            provider=filters.provider,
            tag=filters.tag,
            enabled=filters.enabled,
            after=after,
            limit=limit,
        )
        return [DatabaseSummary(**{**row, "tags": split(row["tags"])}) for row in rows]

    def workers(
        self,
        *,
        environment: str | None = None,
        statuses: Collection[str] | None = None,
        states: Collection[str] | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[WorkerOverview]:
        before_at, before_id = before or (None, None)
        rows = self._session.rows(
            "overviews.workers",
            environment=environment,
            statuses=None if statuses is None else [*statuses],
            states=None if states is None else [*states],
            before_at=before_at,
            before_id=before_id,
            limit=limit,
        )
        return build(WorkerOverview, rows)

    def has_worker(self, worker_instance_id: str) -> bool:
        row = self._session.row("overviews.worker", worker_instance_id=worker_instance_id)
        return row is not None

    def series(
        self, name: str, *, hours: int, bucket_seconds: int, by_hours: bool = False
    ) -> Series | None:
        rows = self._session.rows(
            "overviews.long_series" if by_hours else "overviews.series",
            name=name,
            hours=hours,
            seconds=bucket_seconds,
        )
        if not rows:
            return None
        return Series(
            kpi=name,
            unit=rows[0]["unit"],
            since=rows[0]["since"],
            until=rows[0]["until"],
            bucket_seconds=bucket_seconds,
            buckets=_buckets(rows),
        )


def _buckets(rows: Sequence[Row]) -> list[Bucket]:
    return [_bucket(row) for row in rows if row["at"] is not None]


def _bucket(row: Row) -> Bucket:
    count: int = row["value_count"]
    return Bucket(
        at=row["at"],
        min=row["value_min"],
        max=row["value_max"],
        mean=Decimal(row["value_sum"]) / count if count else None,
        count=row["checks"],
        worst=FROM_BEST[row["worst"] - 1],
    )
