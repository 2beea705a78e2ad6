"""A counter's growth in a second."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.kpis import HistoryRule, Rule
from repositories.records.pasts import Reading
from services.judging.rates import rate_of, unit_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNTERS = st.decimals(min_value=0, max_value=10**18, places=3)
SECONDS = st.integers(1, 10**7)


def before(value: int | Decimal, seconds: float = 10) -> Reading:
    return Reading(value=Decimal(value), at=NOW - timedelta(seconds=seconds))


def test_the_growth_is_divided_by_the_seconds_between() -> None:
    rate = rate_of(Decimal(150), NOW, before(100))
    assert (rate.value, rate.note) == (Decimal(5), None)
    assert rate.details == {
        "counter": 150,
        "previous": 100,
        "previous_at": NOW - timedelta(seconds=10),
        "seconds": 10.0,
        "was_reset": False,
    }


def test_a_counter_that_went_down_has_grown_from_0() -> None:
    rate = rate_of(Decimal(30), NOW, before(1000))
    assert rate.value == 3
    assert rate.note == "the counter was reset: it was 1000 at 2026-01-01 11:59Z and is 30"
    assert rate.details["was_reset"] is True


def test_a_counter_below_0_has_not_grown() -> None:
    assert rate_of(Decimal(-5), NOW, before(10)).value == 0
    assert rate_of(Decimal(-5), NOW, before(-10)).value == Decimal("0.5")


def test_the_first_value_is_no_rate_yet() -> None:
    rate = rate_of(Decimal(30), NOW, None)
    assert (rate.value, rate.note) == (None, "first value of the counter")


@pytest.mark.parametrize("seconds", [0, -1])
def test_without_time_in_between_there_is_no_rate(seconds: float) -> None:
    rate = rate_of(Decimal(30), NOW, before(10, seconds))
    assert (rate.value, rate.note) == (
        None,
        "no time has passed since the counter was last read",
    )


def test_a_rate_has_fifteen_digits_at_most() -> None:
    assert rate_of(Decimal(10), NOW, before(0, 3)).value == Decimal("3.33333333333333")


def test_the_unit_is_by_the_second() -> None:
    rule, counts = Rule(unit="bytes"), HistoryRule(per_second=True)
    assert unit_of(rule, counts) == "bytes/s"
    assert unit_of(replace(rule, unit=None), counts) == "/s"
    assert unit_of(rule, HistoryRule()) == "bytes"


@given(COUNTERS, COUNTERS, SECONDS)
def test_a_rate_is_never_negative(counter: Decimal, earlier: Decimal, seconds: int) -> None:
    rate = rate_of(counter, NOW, before(earlier, seconds)).value
    assert rate is not None
    assert rate >= 0


@given(COUNTERS, COUNTERS, SECONDS)
def test_rate_times_seconds_is_the_growth(start: Decimal, growth: Decimal, seconds: int) -> None:
    rate = rate_of(start + growth, NOW, before(start, seconds)).value
    assert rate is not None
    assert abs(rate * seconds - growth) <= growth * Decimal("1e-14")
