"""A connection, a query and a KPI, and how to have them in a store."""

from dataclasses import replace
from decimal import Decimal

from repositories.contracts.store import Store
from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from repositories.records.kpis import Check, Operator, Result, Rule, Verdict
from repositories.records.processes import Worker

CONNECTION = ConnectionDefinition(
    name="store",
    provider="PostgreSQL",
    environment="Test",
    address="setting:STORE_URL",
)
QUERY = QueryDefinition(
    name="one",
    description="The number one.",
    sql="SELECT 1",
    timeout_seconds=5,
    rule=Rule(unit="s", warning_threshold=Decimal("80.5"), comparison_operator=Operator.LT),
)
KPI = KpiDefinition(
    name="one", description="The number one.", connection="store", query="one", schedule="30"
)


def define(store: Store, *kpis: KpiDefinition) -> None:
    """These KPIs, or else the one, and what they refer to, as far as it is not there."""
    with store.work() as work:
        for kpi in kpis or (KPI,):
            if work.connections.find(kpi.connection) is None:
                assert work.connections.add(replace(CONNECTION, name=kpi.connection), actor="test")
            if work.queries.find(kpi.query) is None:
                assert work.queries.add(replace(QUERY, name=kpi.query), actor="test")
            if work.indicators.find(kpi.name) is None:
                assert work.indicators.add(kpi, actor="test")


def check_of(store: Store, name: str = "one") -> Check:
    """The KPI as it would run now by hand."""
    with store.read() as work:
        check = work.indicators.check(name)
    assert check is not None
    return check


def result_of(check: Check, **changes: object) -> Result:
    result = Result(
        status=Verdict.HEALTHY,
        value=Decimal("1.50"),
        message="1.5 s",
        error_type=None,
        duration_ms=2.5,
        checked_at=check.claimed_at,
    )
    return replace(result, **changes)  # type: ignore[arg-type]


def keep(store: Store, check: Check, **changes: object) -> None:
    """One more result of it."""
    with store.work() as work:
        added = work.results.add([(check, result_of(check, **changes))], worker_instance_id=None)
    assert added == 1


def worker_of(worker_instance_id: str) -> Worker:
    return Worker(
        worker_instance_id=worker_instance_id,
        worker_name="w",
        machine_name="m",
        process_id=1,
        version="1",
        environment="Test",
    )
