"""What executions came to is stored together, and what cannot be holds up nobody else's."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from repositories.contracts.store import Store
from repositories.records.definitions import ConnectionDefinition, KpiDefinition, QueryDefinition
from repositories.records.executions import Execution
from repositories.records.kpis import Result
from repositories.records.rows import Json
from services.rounds.attempts import Outcome
from services.rounds.claims import Claims
from services.rounds.outcomes import Outcomes
from services.settings import KpiMonitoring
from tests.contract.conftest import Lab, MemoryLab
from tests.definitions import result_of, worker_of

WORKER = str(uuid4())


@pytest.fixture
def taken(lab: Lab) -> list[Execution]:
    """Three executions of this process."""
    if isinstance(lab, MemoryLab):
        pytest.skip("memory: nothing is rolled back there")
    with lab.store.work() as work:
        work.connections.add(
            ConnectionDefinition(
                name="here", provider="PostgreSQL", environment="Test", address="setting:X"
            ),
            actor="t",
        )
        work.queries.add(QueryDefinition(name="one", sql="SELECT 1"), actor="t")
        for name in ("a", "b", "c"):
            kpi = KpiDefinition(name=name, connection="here", query="one")
            assert work.indicators.add(kpi, actor="t")
        work.workers.register(worker_of(WORKER))
    claims = Claims(lab.store, KpiMonitoring(), worker_instance_id=lambda: WORKER)
    return [*claims.take(10, busy=()).executions]


def outcome(execution: Execution, **changes: object) -> Outcome:
    result: Result = result_of(execution.check, **changes)
    return Outcome(execution, result)


def job_ids(outcomes: Sequence[Outcome]) -> list[str]:
    return [one.execution.job_id for one in outcomes]


def error_types(store: Store, name: str) -> list[str | None]:
    with store.read() as work:
        found = work.results.history(name, hours=None, before=None, limit=10)
    return [one.error_type for one in found]


def test_what_the_store_does_not_take_is_an_error_and_holds_up_no_other(
    lab: Lab, taken: list[Execution], caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = taken
    given = [outcome(first, details=Json("no JSON")), *map(outcome, others)]
    stored = Outcomes(lab.store, worker_instance_id=lambda: WORKER).store(given)
    assert job_ids(stored) == job_ids(given)
    found = {name: error_types(lab.store, name) for name in ("a", "b", "c")}
    assert sorted(found.values(), key=str) == [["not_storable"], [None], [None]]
    assert f"the result of {first.check.name} cannot be stored as it is" in caplog.text


def test_what_the_store_never_takes_is_given_up_for_now(
    lab: Lab, taken: list[Execution], caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = taken
    nowhere = replace(first.check.connection, environment=None)  # type: ignore[arg-type]
    odd = replace(first, check=replace(first.check, connection=nowhere))
    outcomes = Outcomes(lab.store, worker_instance_id=lambda: WORKER)
    stored = outcomes.store([*map(outcome, [odd, *others])])
    assert job_ids(stored) == [one.job_id for one in others]
    assert error_types(lab.store, first.check.name) == []
    assert f"no result of {first.check.name} can be stored" in caplog.text
    assert job_ids(outcomes.store([outcome(first)])) == [first.job_id]


def test_what_is_stored_twice_is_somebody_elses_the_second_time(
    lab: Lab, taken: list[Execution]
) -> None:
    given = [*map(outcome, taken)]
    outcomes = Outcomes(lab.store, worker_instance_id=lambda: WORKER)
    assert [*outcomes.store(given)] == given
    assert [*outcomes.store(given)] == []
    other = replace(taken[0], lease_id=str(uuid4()))
    assert [*outcomes.store([outcome(other)])] == []
