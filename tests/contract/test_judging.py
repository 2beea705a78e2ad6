"""A KPI that is judged by all of its past, on every engine."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from repositories.contracts.databases import Answer
from repositories.contracts.store import Store
from repositories.records.definitions import ConnectionDefinition, KpiDefinition, QueryDefinition
from repositories.records.kpis import (
    Check,
    CompareTo,
    DeviationUnit,
    HistoryRule,
    Result,
    Rule,
    Verdict,
)
from services.encoding import encode
from services.judging.judge import Judge, Verdicts

EVERY = timedelta(minutes=10)
RULE = Rule(critical_threshold=Decimal(200), unit="rows")
HISTORY = HistoryRule(
    per_second=True,
    max_consecutive=2,
    compare_to=CompareTo.BASELINE,
    deviation_unit=DeviationUnit.DEVIATIONS,
    warning_deviation=Decimal(5),
    forecast_hours=300,
)


def add_kpi(store: Store) -> Check:
    """Its counter grew by 10 in a second two days ago, and ever faster until now."""
    with store.work() as work:
        work.connections.add(
            ConnectionDefinition(
                name="here", provider="PostgreSQL", environment="Test", address="setting:X"
            ),
            actor="t",
        )
        work.queries.add(QueryDefinition(name="one", sql="SELECT 1", rule=RULE), actor="t")
        work.indicators.add(
            KpiDefinition(name="kpi", connection="here", query="one", history=HISTORY), actor="t"
        )
        check = work.indicators.check("kpi")
        assert check is not None
        results = [result(check, back) for back in range(300, 0, -1)]
        assert work.results.add(results, worker_instance_id=None) == 300
    return check


def result(check: Check, back: int) -> tuple[Check, Result]:
    at = check.claimed_at - EVERY * back
    return replace(check, slot_at=at), Result(
        status=Verdict.HEALTHY,
        value=Decimal(40) - Decimal(back) / 10,
        message="m",
        error_type=None,
        duration_ms=1,
        checked_at=at,
        raw_number=Decimal(100_000 - back),
    )


def grown(judge: Judge, check: Check, by: int) -> Verdicts:
    at = check.claimed_at
    answer = Answer(["n"], [[99_999 + by * 600]], 1)
    return judge.judge(replace(check, slot_at=at), answer, now=at)


def test_all_rules_look_into_the_same_past(store: Store) -> None:
    check = add_kpi(store)
    usual = grown(Judge(store.read), check, 40)
    assert (usual.status, usual.raw_status, usual.value) == (
        Verdict.HEALTHY,
        Verdict.WARNING,
        Decimal(40),
    )
    assert "40 rows/s: reaches 200 on" in usual.message
    assert usual.message.endswith("bad 1 of 2 times in a row; still Healthy")
    assert {*usual.details} == {"rate", "comparison", "forecast", "streak"}
    assert encode(usual.details)


def test_what_is_far_from_normal_is_found(store: Store) -> None:
    found = grown(Judge(store.read), add_kpi(store), 140)
    assert found.raw_status is Verdict.WARNING
    assert "above what is normal in the last 28 days" in found.message


def test_a_threshold_is_stronger_than_what_is_normal(store: Store) -> None:
    assert grown(Judge(store.read), add_kpi(store), 300).raw_status is Verdict.CRITICAL
