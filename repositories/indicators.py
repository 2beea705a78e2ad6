"""KPIs: which are due, who is running them, and how they stand."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from repositories.contracts.databases import Row, Session
from repositories.records.kpis import (
    Check,
    Connection,
    Definition,
    Kpi,
    OnEmpty,
    Operator,
    ResultType,
    Rule,
    VerdictCount,
)
from repositories.records.rows import build

LEASE_MARGIN_SECONDS = 10


class SqlIndicators:
    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(
        self, *, lease_id: str, limit: int, timeout_seconds: int, active_only: bool
    ) -> list[Check]:
        rows = self._session.rows(
            "indicators.claim",
            lease_id=lease_id,
            limit=limit,
            timeout_seconds=timeout_seconds,
            margin_seconds=LEASE_MARGIN_SECONDS,
            active_only=active_only,
        )
        return [_check(row) for row in rows]

    def find(self, name: str) -> Check | None:
        row = self._session.row("indicators.find", name=name)
        return None if row is None else _check(row)

    def release(self, check: Check, *, next_due_at: datetime) -> bool:
        released = self._session.run(
            "indicators.release",
            indicator_id=check.indicator_id,
            lease_id=check.lease_id,
            next_due_at=next_due_at,
        )
        return released == 1

    def overview(self, *, name: str | None, after: str | None, limit: int) -> list[Kpi]:
        rows = self._session.rows("indicators.overview", name=name, after=after, limit=limit)
        return [Kpi(**with_value(row)) for row in rows]

    def add(self, definition: Definition, *, actor: str) -> bool:
        rule = definition.rule
        added = self._session.run(
            "indicators.add",
            name=definition.name,
            description=definition.description,
            connection_name=definition.connection_name,
            query_type=definition.query_type,
            sql_query=definition.sql,
            timeout_seconds=definition.timeout_seconds,
            schedule=definition.schedule,
            priority=definition.priority,
            owner=definition.owner,
            result_type=rule.result_type,
            unit=rule.unit,
            expected_value=rule.expected_value,
            comparison_operator=rule.comparison_operator,
            warning_threshold=rule.warning_threshold,
            critical_threshold=rule.critical_threshold,
            on_empty=rule.on_empty,
            actor=actor,
        )
        return added == 1

    def add_connection(
        self, name: str, *, provider: str, address: str, environment: str, actor: str
    ) -> bool:
        added = self._session.run(
            "indicators.add_connection",
            name=name,
            provider=provider,
            connection_string=address,
            environment=environment,
            actor=actor,
        )
        return added == 1

    def summary(self) -> Sequence[VerdictCount]:
        return build(VerdictCount, self._session.rows("indicators.summary"))


def with_value(row: Row) -> dict[str, Any]:
    """The row with one `value` for its two columns, of which at most one is filled."""
    number, text = row["value_number"], row["value_text"]
    rest = {name: item for name, item in row.items() if not name.startswith("value_")}
    return {**rest, "value": text if number is None else Decimal(number)}


def _check(row: Row) -> Check:
    return Check(
        indicator_id=str(row["indicator_id"]),
        name=row["name"],
        schedule=row["schedule"],
        slot_at=row["slot_at"],
        lease_id=row["lease_id"],
        claimed_at=row["claimed_at"],
        sql=row["sql_query"],
        timeout_seconds=row["timeout_seconds"],
        connection=Connection(
            name=row["connection_name"],
            provider=row["provider"],
            environment=row["environment"],
            address=row["connection_string"],
            is_encrypted=row["is_encrypted"],
            timeout_seconds=row["connection_timeout_seconds"],
        ),
        rule=Rule(
            result_type=ResultType(row["result_type"]),
            unit=row["unit"],
            expected_value=row["expected_value"],
            comparison_operator=_operator(row["comparison_operator"]),
            warning_threshold=row["warning_threshold"],
            critical_threshold=row["critical_threshold"],
            on_empty=OnEmpty(row["on_empty"]),
        ),
    )


def _operator(name: str | None) -> Operator | None:
    return None if name is None else Operator(name)
