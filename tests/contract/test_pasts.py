"""What a verdict needs of the past: the same answers from every engine."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from repositories.contracts.pasts import LOOK_BACK
from repositories.contracts.store import Store
from repositories.records.definitions import ConnectionDefinition, KpiDefinition, QueryDefinition
from repositories.records.kpis import Check, Result, Verdict
from repositories.records.pasts import PastVerdict, Reading

HEALTHY, WARNING, CRITICAL, ERROR = Verdict


@pytest.fixture
def check(store: Store) -> Check:
    """A KPI without a past, beside one with some that is nobody's business."""
    with store.work() as work:
        work.connections.add(
            ConnectionDefinition(
                name="here", provider="PostgreSQL", environment="Test", address="setting:X"
            ),
            actor="t",
        )
        work.queries.add(QueryDefinition(name="one", sql="SELECT 1"), actor="t")
        for name in ("kpi", "other"):
            work.indicators.add(KpiDefinition(name=name, connection="here", query="one"), actor="t")
        found, other = work.indicators.check("kpi"), work.indicators.check("other")
    assert found is not None
    assert other is not None
    now = found.claimed_at.replace(microsecond=0)
    add(store, replace(other, claimed_at=now), 0, value=999, raw_number=Decimal(999))
    return replace(found, claimed_at=now)


def add(
    store: Store,
    check: Check,
    minutes_ago: float,
    *,
    value: Decimal | int | str | None = None,
    status: Verdict = HEALTHY,
    raw_status: Verdict | None = None,
    raw_number: Decimal | None = None,
    by_hand: bool = False,
) -> None:
    at = ago(check, minutes_ago)
    result = Result(
        status=status,
        value=Decimal(value) if isinstance(value, int) else value,
        message="m",
        error_type="timeout" if (raw_status or status) is ERROR else None,
        duration_ms=1,
        checked_at=at,
        raw_status=raw_status,
        raw_number=raw_number,
    )
    with store.work() as work:
        slot_at = None if by_hand else at
        assert work.results.add(
            [(replace(check, slot_at=slot_at), result)], worker_instance_id=None
        )


def ago(check: Check, minutes: float) -> datetime:
    return check.claimed_at - timedelta(minutes=minutes)


def reading(check: Check, minutes_ago: float, value: object) -> Reading:
    return Reading(value=Decimal(str(value)), at=ago(check, minutes_ago))


def previous(store: Store, check: Check, minutes_ago: float = 0) -> Reading | None:
    with store.single() as work:
        return work.pasts.previous(check.indicator_id, until=ago(check, minutes_ago))


def previous_counter(store: Store, check: Check) -> Reading | None:
    with store.single() as work:
        return work.pasts.previous_counter(check.indicator_id, until=check.claimed_at)


def nearest(
    store: Store, check: Check, minutes_ago: float, within_minutes: float = 10
) -> Reading | None:
    with store.single() as work:
        return work.pasts.nearest(
            check.indicator_id,
            at=ago(check, minutes_ago),
            within=timedelta(minutes=within_minutes),
        )


def samples(store: Store, check: Check, *minutes_ago: float, span: float = 10) -> list[Reading]:
    with store.single() as work:
        return work.pasts.samples(
            check.indicator_id,
            starts=[ago(check, minutes) for minutes in minutes_ago],
            span=timedelta(minutes=span),
        )


def verdicts(
    store: Store, check: Check, *, before: float | None = None, limit: int = 10
) -> list[PastVerdict]:
    with store.single() as work:
        return work.pasts.verdicts(
            check.indicator_id,
            before=None if before is None else ago(check, before),
            limit=limit,
        )


def test_a_kpi_without_results_has_no_past(store: Store, check: Check) -> None:
    assert previous(store, check) is None
    assert previous_counter(store, check) is None
    assert nearest(store, check, 0) is None
    assert samples(store, check, 60, 10) == []
    assert verdicts(store, check) == []


def test_the_previous_value_is_the_newest_up_to_then(store: Store, check: Check) -> None:
    for minutes in (3, 1, 2):
        add(store, check, minutes, value=10 * minutes)
    assert previous(store, check) == reading(check, 1, 10)
    assert previous(store, check, 1) == reading(check, 1, 10)
    assert previous(store, check, 1.5) == reading(check, 2, 20)
    assert previous(store, check, 4) is None


def test_values_are_as_exact_as_they_were_stored(store: Store, check: Check) -> None:
    value = Decimal("-1234567890123456789.0123456789")
    add(store, check, 1, value=value)
    found = previous(store, check)
    assert found is not None
    assert found.value == value


def test_texts_and_errors_and_what_has_no_value_are_stepped_over(
    store: Store, check: Check
) -> None:
    add(store, check, 9, value=1)
    add(store, check, 8, value=2, by_hand=True)
    add(store, check, 7, value="up")
    add(store, check, 6)
    add(store, check, 5, status=ERROR, value=3)
    add(store, check, 4, status=HEALTHY, raw_status=ERROR, value=4)
    assert previous(store, check) == reading(check, 8, 2)
    assert nearest(store, check, 5) == reading(check, 8, 2)
    assert samples(store, check, 20, 10) == [reading(check, 9, 1)]


def test_a_value_that_was_good_while_an_error_was_shown_counts(store: Store, check: Check) -> None:
    add(store, check, 1, status=ERROR, raw_status=HEALTHY, value=4)
    assert previous(store, check) == reading(check, 1, 4)


def test_the_previous_counter_is_found_whatever_its_verdict_was(store: Store, check: Check) -> None:
    add(store, check, 4, value=7, raw_number=Decimal(70))
    add(store, check, 3, raw_number=Decimal("80.5"), status=ERROR)
    add(store, check, 2, value=7)
    add(store, check, 1, status=ERROR)
    assert previous_counter(store, check) == reading(check, 3, "80.5")


def test_the_nearest_value_may_be_before_or_after(store: Store, check: Check) -> None:
    for minutes in (20, 14, 5):
        add(store, check, minutes, value=int(minutes))
    assert nearest(store, check, 16) == reading(check, 14, 14)
    assert nearest(store, check, 18) == reading(check, 20, 20)
    assert nearest(store, check, 17) == reading(check, 20, 20)
    assert nearest(store, check, 5) == reading(check, 5, 5)


def test_what_is_too_far_away_is_not_near(store: Store, check: Check) -> None:
    add(store, check, 20, value=1)
    assert nearest(store, check, 10) == reading(check, 20, 1)
    assert nearest(store, check, 9.9) is None
    assert nearest(store, check, 30.1) is None
    assert nearest(store, check, 30) == reading(check, 20, 1)


def test_samples_are_the_first_values_of_their_spans_by_time(store: Store, check: Check) -> None:
    for minutes in range(1, 61):
        add(store, check, minutes, value=minutes)
    found = samples(store, check, 20, 60, 40.5, 200)
    assert found == [
        reading(check, 60, 60),
        reading(check, 40, 40),
        reading(check, 20, 20),
    ]


def test_a_span_begins_with_its_start_and_ends_before_its_end(store: Store, check: Check) -> None:
    add(store, check, 30, value=30)
    assert samples(store, check, 40) == []
    assert samples(store, check, 30) == [reading(check, 30, 30)]


def test_no_spans_have_no_values(store: Store, check: Check) -> None:
    add(store, check, 1, value=1)
    assert samples(store, check) == []


def test_verdicts_are_those_of_the_newest_slots_with_what_was_found(
    store: Store, check: Check
) -> None:
    add(store, check, 4, status=CRITICAL)
    add(store, check, 3, status=CRITICAL, raw_status=HEALTHY)
    add(store, check, 2, status=HEALTHY, by_hand=True)
    add(store, check, 1, status=WARNING)
    newest = [
        PastVerdict(status=WARNING, raw_status=WARNING),
        PastVerdict(status=CRITICAL, raw_status=HEALTHY),
        PastVerdict(status=CRITICAL, raw_status=CRITICAL),
    ]
    assert verdicts(store, check) == newest
    assert verdicts(store, check, limit=2) == newest[:2]
    assert verdicts(store, check, before=1) == newest[1:]
    assert verdicts(store, check, before=3.5) == newest[2:]


def test_after_a_long_outage_there_is_no_previous_value(store: Store, check: Check) -> None:
    add(store, check, LOOK_BACK, value=1, raw_number=Decimal(10))
    assert previous(store, check) is not None
    failed = Result(
        status=ERROR,
        value=None,
        message="late",
        error_type="timeout",
        duration_ms=1,
        checked_at=check.claimed_at,
    )
    outage = [
        (replace(check, slot_at=at), replace(failed, checked_at=at))
        for at in (ago(check, minutes) for minutes in range(LOOK_BACK))
    ]
    with store.work() as work:
        assert work.results.add(outage[1:], worker_instance_id=None) == LOOK_BACK - 1
    assert previous(store, check) is not None
    assert previous_counter(store, check) is not None
    with store.work() as work:
        work.results.add(outage[:1], worker_instance_id=None)
    assert previous(store, check) is None
    assert previous_counter(store, check) is None
