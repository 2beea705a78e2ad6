"""Every execution of a KPI."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from repositories.contracts.databases import Session
from repositories.indicators import with_value
from repositories.json_rows import json_rows
from repositories.records.kpis import BadVerdict, Check, Result, StoredResult, Verdict


class SqlResults:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, results: Sequence[tuple[Check, Result]], *, worker_instance_id: str | None
    ) -> int:
        return self._session.run(
            "results.add",
            results=json_rows(_row(check, result) for check, result in results),
            worker_instance_id=worker_instance_id,
        )

    def remove_of(self, indicator_id: str, *, batch: int) -> int:
        return self._session.run("results.remove_of", indicator_id=indicator_id, batch=batch)

    def history(
        self,
        name: str,
        *,
        status: str | None = None,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[StoredResult]:
        before_at, before_id = before or (None, None)
        rows = self._session.rows(
            "results.history",
            name=name,
            status=status,
            bad=status not in {None, Verdict.HEALTHY},
            hours=hours,
            before_at=before_at,
            before_id=None if before_id is None else int(before_id),
            limit=limit,
        )
        return [
            StoredResult(**{**with_value(row), "result_id": str(row["result_id"])}) for row in rows
        ]

    def not_healthy(
        self,
        connections: Collection[str],
        *,
        since: datetime,
        until: datetime,
        limit: int,
        limit_each: int,
    ) -> list[BadVerdict]:
        rows = self._session.rows(
            "results.not_healthy",
            connections=[*connections],
            since=since,
            until=until,
            limit=limit,
            limit_each=limit_each,
        )
        return [BadVerdict(**with_value(row)) for row in rows]


def _row(check: Check, result: Result) -> dict[str, object]:
    is_number = isinstance(result.value, Decimal)
    return {
        "indicator_id": check.indicator_id,
        "slot_at": check.slot_at,
        "executed_at": result.checked_at,
        "status": result.status,
        "raw_status": result.raw_status,
        "value_number": result.value if is_number else None,
        "value_text": None if is_number else result.value,
        "raw_number": result.raw_number,
        "message": result.message,
        "error_type": result.error_type,
        "duration_ms": result.duration_ms,
        "details": result.details,
        "environment": check.connection.environment,
        "provider": check.connection.provider,
    }
