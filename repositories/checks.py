"""KPIs as checks that can be run: each with its connection and its query."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.contracts.databases import Row, Session
from repositories.records.kpis import (
    Baseline,
    Check,
    CompareTo,
    Connection,
    DeviationSide,
    DeviationUnit,
    HistoryRule,
    OnEmpty,
    Operator,
    ResultType,
    Rule,
)

OPERATORS: dict[str | None, Operator | None] = {None: None, **{one.value: one for one in Operator}}
RESULT_TYPES = {kind.value: kind for kind in ResultType}
ON_EMPTY = {verdict.value: verdict for verdict in OnEmpty}


@dataclass(frozen=True, slots=True)
class _Query:
    sql: str
    timeout_seconds: int
    rule: Rule
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class FoundKpi:
    """A KPI as it stands now. What many share, connections and queries, is there once."""

    row: Row
    connection: Connection
    query: _Query

    def at(self, slot_at: datetime | None) -> Check:
        row, connection, query = self.row, self.connection, self.query
        return Check(
            indicator_id=row["indicator_id"],
            name=row["name"],
            schedule=row["schedule"],
            jitter_seconds=row["jitter_seconds"],
            priority=row["priority"],
            max_retries=row["max_retries"],
            slot_at=slot_at,
            claimed_at=row["claimed_at"],
            connection=connection,
            sql=query.sql,
            timeout_seconds=query.timeout_seconds,
            rule=query.rule,
            history=history_of(row),
            baseline=_baseline(row),
            is_active=row["is_active"],
            is_enabled=connection.is_enabled and query.is_enabled,
        )


def find_kpis(session: Session, ids: Collection[str]) -> Mapping[str, FoundKpi]:
    """By id; what is gone meanwhile is left out."""
    rows = session.rows("checks.kpis", ids=[*ids], name=None) if ids else []
    return {one.row["indicator_id"]: one for one in _complete(session, rows)}


def find_kpi(session: Session, name: str) -> FoundKpi | None:
    found = _complete(session, session.rows("checks.kpis", ids=None, name=name))
    return found[0] if found else None


def find_connection(session: Session, name: str) -> Connection | None:
    row = session.row("checks.connections", ids=None, name=name)
    return None if row is None else Connection(**row)


def rule_of(row: Row) -> Rule:
    return Rule(
        result_type=RESULT_TYPES[row["result_type"]],
        unit=row["unit"],
        expected_value=row["expected_value"],
        comparison_operator=OPERATORS[row["comparison_operator"]],
        warning_threshold=row["warning_threshold"],
        critical_threshold=row["critical_threshold"],
        on_empty=ON_EMPTY[row["on_empty"]],
    )


PLAIN = HistoryRule()


def history_of(row: Row) -> HistoryRule:
    if _has_no_past(row):
        return PLAIN
    compare_to = row["compare_to"]
    return HistoryRule(
        max_consecutive=row["max_consecutive"],
        recover_after=row["recover_after"],
        per_second=row["per_second"],
        compare_to=None if compare_to is None else CompareTo(compare_to),
        deviation_unit=DeviationUnit(row["deviation_unit"]),
        deviation_side=DeviationSide(row["deviation_side"]),
        warning_deviation=row["warning_deviation"],
        critical_deviation=row["critical_deviation"],
        forecast_hours=row["forecast_hours"],
    )


def _complete(session: Session, rows: Sequence[Row]) -> list[FoundKpi]:
    if not rows:
        return []
    connections = _connections(session, {row["connection_id"] for row in rows})
    queries = _queries(session, {row["query_id"] for row in rows})
    return [
        FoundKpi(row, connections[row["connection_id"]], queries[row["query_id"]])
        for row in rows
        if row["connection_id"] in connections and row["query_id"] in queries
    ]


def _connections(session: Session, ids: Collection[str]) -> Mapping[str, Connection]:
    rows = session.rows("checks.connections", ids=[*ids], name=None)
    return {row["connection_id"]: Connection(**row) for row in rows}


def _queries(session: Session, ids: Collection[str]) -> Mapping[str, _Query]:
    rows = session.rows("checks.queries", ids=[*ids])
    return {
        row["query_id"]: _Query(
            row["sql_query"], row["timeout_seconds"], rule_of(row), row["is_enabled"]
        )
        for row in rows
    }


def _has_no_past(row: Row) -> bool:
    return (
        row["compare_to"] is None
        and row["forecast_hours"] is None
        and not row["per_second"]
        and row["max_consecutive"] == row["recover_after"] == 1
    )


def _baseline(row: Row) -> Baseline | None:
    mean_ms = row["baseline_mean_ms"]
    return None if mean_ms is None else Baseline(mean_ms=mean_ms, p95_ms=row["baseline_p95_ms"])
