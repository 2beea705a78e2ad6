"""KPIs as checks that can be run: each with its connection and its query."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

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

KINDS: Mapping[str, type[StrEnum]] = {
    "result_type": ResultType,
    "comparison_operator": Operator,
    "on_empty": OnEmpty,
    "compare_to": CompareTo,
    "deviation_unit": DeviationUnit,
    "deviation_side": DeviationSide,
}
WORDS = {name: {word.value: word for word in kind} for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class _Query:
    sql: str
    timeout_seconds: int
    rule: Rule
    fault: str | None
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class FoundKpi:
    """A KPI as it stands now. What many share, connections and queries, is there once."""

    row: Row
    connection: Connection
    query: _Query

    def at(self, slot_at: datetime | None) -> Check:
        row, connection, query = self.row, self.connection, self.query
        history = history_of(row)
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
            history=history,
            fault=query.fault or fault_of(history),
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
    """With its words as they stand there, known or not: see `fault_of`."""
    return Rule(
        result_type=_word(row, "result_type"),
        unit=row["unit"],
        expected_value=row["expected_value"],
        comparison_operator=_word(row, "comparison_operator"),
        warning_threshold=row["warning_threshold"],
        critical_threshold=row["critical_threshold"],
        on_empty=_word(row, "on_empty"),
    )


PLAIN = HistoryRule()


def history_of(row: Row) -> HistoryRule:
    """With its words as they stand there, known or not: see `fault_of`."""
    if _has_no_past(row):
        return PLAIN
    return HistoryRule(
        max_consecutive=row["max_consecutive"],
        recover_after=row["recover_after"],
        per_second=row["per_second"],
        compare_to=_word(row, "compare_to"),
        deviation_unit=_word(row, "deviation_unit"),
        deviation_side=_word(row, "deviation_side"),
        warning_deviation=row["warning_deviation"],
        critical_deviation=row["critical_deviation"],
        forecast_hours=row["forecast_hours"],
    )


def fault_of(rule: Rule | HistoryRule) -> str | None:
    """Which words of it mean nothing, such as GT, which a server may take for gt; None if none."""
    if rule is PLAIN:
        return None
    found = [
        f"{name} is {word}, which is none of {', '.join(known)}"
        for name, known in WORDS.items()
        if (word := getattr(rule, name, None)) is not None and word not in known
    ]
    return "; ".join(found) or None


def _word(row: Row, name: str) -> Any:  # noqa: ANN401 - of the kind that `name` is
    return WORDS[name].get(row[name], row[name])


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
    return {row["query_id"]: _query(row) for row in rows}


def _query(row: Row) -> _Query:
    rule = rule_of(row)
    return _Query(
        sql=row["sql_query"],
        timeout_seconds=row["timeout_seconds"],
        rule=rule,
        fault=fault_of(rule),
        is_enabled=row["is_enabled"],
    )


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
