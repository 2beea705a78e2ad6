from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from repositories.contracts.store import Store
from repositories.records.kpis import Check, Definition, Operator, Result, ResultType, Rule, Verdict
from repositories.records.rows import Json
from tests.contract.conftest import Lab

LEASE, OTHER = "0b1f8f2e-6a55-4a53-9c6d-00000000000a", "0b1f8f2e-6a55-4a53-9c6d-00000000000b"
DEFINITION = Definition(
    name="one",
    description="The number one.",
    connection_name="store",
    query_type="Custom",
    sql="SELECT 1",
    timeout_seconds=5,
    schedule="30",
    priority=5,
    owner="someone",
    rule=Rule(unit="s", warning_threshold=Decimal("80.5"), comparison_operator=Operator.LT),
)


def add(store: Store, *definitions: Definition) -> None:
    with store.work() as work:
        work.indicators.add_connection(
            "store",
            provider="PostgreSQL",
            address="setting:STORE_URL",
            environment="Test",
            actor="test",
        )
        for definition in definitions:
            assert work.indicators.add(definition, actor="test")


def claim(store: Store, lease_id: str = LEASE, limit: int = 10) -> list[Check]:
    with store.single() as work:
        return work.indicators.claim(
            lease_id=lease_id, limit=limit, timeout_seconds=300, active_only=True
        )


def result_of(check: Check, **changes: object) -> Result:
    result = Result(
        status=Verdict.HEALTHY,
        value=Decimal("1.50"),
        message="1.5 s",
        error_type=None,
        duration_ms=2.5,
        executed_at=check.claimed_at,
    )
    return replace(result, **changes)  # type: ignore[arg-type]


def test_what_is_added_is_claimed_with_all_that_running_it_needs(store: Store) -> None:
    add(store, DEFINITION)
    (check,) = claim(store)
    assert (check.name, check.sql, check.timeout_seconds) == ("one", "SELECT 1", 5)
    assert check.rule == DEFINITION.rule
    assert check.connection.address == "setting:STORE_URL"
    assert check.connection.environment == "Test"
    assert check.slot_at is not None
    assert check.slot_at <= check.claimed_at


def test_a_name_is_taken_only_once(store: Store) -> None:
    add(store, DEFINITION)
    with store.work() as work:
        assert not work.indicators.add(DEFINITION, actor="test")


def test_what_is_claimed_is_not_claimed_again(store: Store) -> None:
    add(store, DEFINITION)
    assert len(claim(store)) == 1
    assert claim(store, OTHER) == []


def test_a_lease_ends_after_its_timeouts(lab: Lab) -> None:
    add(lab.store, DEFINITION)
    claim(lab.store)
    lab.let_time_pass(seconds=5 + 30 + 9)
    assert claim(lab.store, OTHER) == []
    lab.let_time_pass(seconds=2)
    assert len(claim(lab.store, OTHER)) == 1


def test_the_most_urgent_comes_first_and_no_more_than_asked_for(store: Store) -> None:
    add(
        store,
        replace(DEFINITION, name="later", priority=9),
        replace(DEFINITION, name="first", priority=1),
        replace(DEFINITION, name="second", priority=2),
    )
    assert sorted(check.name for check in claim(store, limit=2)) == ["first", "second"]
    assert [check.name for check in claim(store, limit=2)] == ["later"]


def test_released_is_due_again_at_its_next_slot(lab: Lab) -> None:
    add(lab.store, DEFINITION)
    (check,) = claim(lab.store)
    due = check.claimed_at + timedelta(seconds=30)
    with lab.store.work() as work:
        assert work.indicators.release(check, next_due_at=due)
    assert claim(lab.store) == []
    lab.let_time_pass(seconds=31)
    (again,) = claim(lab.store)
    assert again.slot_at is not None
    assert again.slot_at > check.claimed_at - timedelta(seconds=31)


def test_a_lease_that_someone_else_has_now_is_not_released(lab: Lab) -> None:
    add(lab.store, DEFINITION)
    (check,) = claim(lab.store)
    lab.let_time_pass(seconds=60)
    claim(lab.store, OTHER)
    with lab.store.work() as work:
        assert not work.indicators.release(check, next_due_at=check.claimed_at)


def test_an_unknown_name_is_none(store: Store) -> None:
    with store.read() as work:
        assert work.indicators.find("nobody") is None


def test_a_run_by_hand_has_no_slot_and_no_lease(store: Store) -> None:
    add(store, DEFINITION)
    with store.read() as work:
        check = work.indicators.find("one")
    assert check is not None
    assert (check.slot_at, check.lease_id) == (None, None)


def test_before_the_first_run_there_is_no_verdict(store: Store) -> None:
    add(store, DEFINITION)
    with store.read() as work:
        (kpi,) = work.indicators.overview(name=None, after=None, limit=10)
    assert (kpi.name, kpi.unit, kpi.status, kpi.value, kpi.checked_at) == (
        "one",
        "s",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "value", [Decimal("1.50"), Decimal("-123456789012345678901234.5678"), "up", None]
)
def test_the_newest_result_is_the_verdict(store: Store, value: Decimal | str | None) -> None:
    add(store, DEFINITION)
    (check,) = claim(store)
    result = result_of(check, value=value, status=Verdict.WARNING)
    with store.work() as work:
        assert work.results.add(check, result, worker_instance_id=None)
    with store.read() as work:
        (kpi,) = work.indicators.overview(name="one", after=None, limit=10)
    assert (kpi.status, kpi.value, kpi.message, kpi.duration_ms) == ("Warning", value, "1.5 s", 2.5)


def test_a_slot_has_at_most_one_result(store: Store) -> None:
    add(store, DEFINITION)
    (check,) = claim(store)
    with store.work() as work:
        assert work.results.add(check, result_of(check), worker_instance_id=None)
        assert not work.results.add(check, result_of(check), worker_instance_id=None)


def test_runs_by_hand_are_all_kept(store: Store) -> None:
    add(store, DEFINITION)
    with store.work() as work:
        check = work.indicators.find("one")
        assert check is not None
        assert work.results.add(check, result_of(check), worker_instance_id=None)
        assert work.results.add(check, result_of(check), worker_instance_id=None)
        assert len(work.results.history("one", hours=None, before=None, limit=10)) == 2


def test_history_comes_newest_first_and_in_pages(store: Store) -> None:
    add(store, DEFINITION)
    with store.work() as work:
        check = work.indicators.find("one")
        assert check is not None
        for number in range(5):
            at = check.claimed_at + timedelta(seconds=number // 2)
            result = result_of(check, value=Decimal(number), executed_at=at)
            work.results.add(check, result, worker_instance_id=None)
        first = work.results.history("one", hours=None, before=None, limit=3)
        place = (first[-1].checked_at, first[-1].result_id)
        rest = work.results.history("one", hours=None, before=place, limit=3)
    assert [result.value for result in (*first, *rest)] == [4, 3, 2, 1, 0]


def test_history_can_be_limited_to_the_last_hours(lab: Lab) -> None:
    add(lab.store, DEFINITION)
    (check,) = claim(lab.store)
    with lab.store.work() as work:
        work.results.add(check, result_of(check), worker_instance_id=None)
    lab.let_time_pass(hours=2)
    with lab.store.read() as work:
        assert work.results.history("one", hours=1, before=None, limit=3) == []
        assert len(work.results.history("one", hours=3, before=None, limit=3)) == 1


def test_details_come_back_as_they_were(store: Store) -> None:
    add(store, replace(DEFINITION, rule=Rule(result_type=ResultType.DATA_SET)))
    (check,) = claim(store)
    with store.work() as work:
        result = result_of(check, details=Json('{"rows": []}'))
        work.results.add(check, result, worker_instance_id=None)
        (stored,) = work.results.history("one", hours=None, before=None, limit=1)
    assert stored.details == '{"rows": []}'


def test_the_summary_counts_verdicts_and_what_is_late(lab: Lab) -> None:
    add(lab.store, DEFINITION, replace(DEFINITION, name="two"))
    (check, *_) = claim(lab.store, limit=1)
    with lab.store.work() as work:
        work.results.add(check, result_of(check), worker_instance_id=None)
        work.indicators.release(check, next_due_at=check.claimed_at + timedelta(hours=1))
    lab.let_time_pass(seconds=61)
    with lab.store.read() as work:
        counts = {row.status: (row.kpis, row.overdue) for row in work.indicators.summary()}
    assert counts == {"Healthy": (1, 0), "Unknown": (1, 1)}


def test_what_cannot_have_a_value_here_is_not_counted_among_the_errors(store: Store) -> None:
    add(store, DEFINITION, replace(DEFINITION, name="two"))
    for check, error_type in zip(claim(store), ("not_available", "timeout"), strict=True):
        result = result_of(check, status=Verdict.ERROR, value=None, error_type=error_type)
        with store.work() as work:
            work.results.add(check, result, worker_instance_id=None)
    with store.read() as work:
        counts = {row.status: row.kpis for row in work.indicators.summary()}
    assert counts == {"NotAvailable": 1, "Error": 1}
