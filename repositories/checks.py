"""A row of a KPI with its query and connection, as a check that can be run."""

from repositories.contracts.databases import Row
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


def check_of(row: Row) -> Check:
    return Check(
        indicator_id=row["indicator_id"],
        name=row["name"],
        schedule=row["schedule"],
        jitter_seconds=row["jitter_seconds"],
        priority=row["priority"],
        max_retries=row["max_retries"],
        slot_at=row["slot_at"],
        claimed_at=row["claimed_at"],
        connection=connection_of(row),
        sql=row["sql_query"],
        timeout_seconds=row["timeout_seconds"],
        rule=rule_of(row),
        history=history_of(row),
        baseline=_baseline(row),
    )


def connection_of(row: Row) -> Connection:
    return Connection(
        connection_id=row["connection_id"],
        name=row["connection_name"],
        provider=row["provider"],
        environment=row["environment"],
        address=row["connection_string"],
        is_encrypted=row["is_encrypted"],
        timeout_seconds=row["connection_timeout_seconds"],
        command_timeout_seconds=row["command_timeout_seconds"],
        max_parallel=row["max_parallel"],
    )


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
