"""What is normal for a KPI, and which of its values say so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.pasts import Reading
from services.judging.norms import norm_of
from services.judging.seasons import Plan, Season, plans_for

NOW = datetime(2026, 1, 1, 12, 34, tzinfo=UTC)
VALUES = st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=3), min_size=1)


def decimals(*values: float) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


def readings(plan: Plan, count: int) -> list[Reading]:
    return [Reading(value=Decimal(1), at=start) for start in plan.starts[:count]]


def test_median_and_mad_do_not_notice_a_few_wild_values() -> None:
    norm = norm_of(Season.ANY_TIME, decimals(10, 11, 12, 13, 14, 10_000, -9_000))
    assert [norm.median, norm.mad, norm.values] == [12, 2, 7]
    assert norm.spread == Decimal("2.9652")


def test_where_most_values_are_equal_the_mean_distance_takes_the_place_of_the_mad() -> None:
    norm = norm_of(Season.ANY_TIME, decimals(0, 0, 0, 0, 0, 0, 0, 0, 0, 10))
    assert [norm.median, norm.mad] == [0, 0]
    assert norm.spread == Decimal("1.2533")


def test_where_all_are_equal_it_is_one_percent_of_the_median() -> None:
    assert norm_of(Season.ANY_TIME, decimals(200, 200, 200)).spread == 2
    assert norm_of(Season.ANY_TIME, decimals(-200, -200)).spread == 2


def test_where_there_was_never_anything_but_0_there_is_no_spread() -> None:
    assert norm_of(Season.ANY_TIME, decimals(0, 0, 0)).spread == 0


@given(VALUES, st.integers(-(10**6), 10**6))
def test_what_is_added_to_all_values_moves_the_median_and_not_the_mad(
    values: list[Decimal], added: int
) -> None:
    one = norm_of(Season.ANY_TIME, values)
    other = norm_of(Season.ANY_TIME, [value + added for value in values])
    assert (other.median, other.mad) == (one.median + added, one.mad)


@given(VALUES)
def test_a_spread_is_never_negative_and_half_of_the_values_are_within_the_mad(
    values: list[Decimal],
) -> None:
    norm = norm_of(Season.ANY_TIME, values)
    assert norm.spread >= norm.mad >= 0
    near = sum(abs(value - norm.median) <= norm.mad for value in values)
    assert near * 2 >= len(values)


def test_an_hour_of_the_week_is_looked_for_in_eight_weeks() -> None:
    weekly, daily, ever = plans_for(NOW)
    assert weekly.season is Season.HOUR_OF_WEEK
    assert {(start.weekday(), start.hour) for start in weekly.starts} == {(3, 12)}
    assert min(weekly.starts) == datetime(2025, 11, 6, 12, tzinfo=UTC)
    assert {start.hour for start in daily.starts} == {12}
    assert min(ever.starts) == NOW - timedelta(days=28)


@pytest.mark.parametrize("number", range(3))
def test_a_season_is_a_bounded_number_of_spans_that_are_all_over(number: int) -> None:
    plan = plans_for(NOW)[number]
    assert 470 <= len(plan.starts) <= 500
    assert max(plan.starts) + plan.span <= NOW + timedelta(microseconds=1)


def test_values_of_too_few_weeks_are_not_enough() -> None:
    weekly, daily, ever = plans_for(NOW)
    assert not weekly.is_enough(readings(weekly, 2 * 59))
    assert weekly.is_enough(readings(weekly, 2 * 59 + 1))
    assert not daily.is_enough(readings(daily, 6 * 17))
    assert daily.is_enough(readings(daily, 6 * 17 + 1))
    assert not ever.is_enough(readings(ever, 19))
    assert ever.is_enough(readings(ever, 20))


def test_few_values_are_not_enough_however_many_weeks_they_are_from() -> None:
    weekly, *_ = plans_for(NOW)
    assert not weekly.is_enough(readings(weekly, 8 * 59)[::59])
