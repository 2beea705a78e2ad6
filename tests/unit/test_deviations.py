"""How far a value is from another, and when that is too far."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.kpis import (
    CompareTo,
    DeviationSide,
    DeviationUnit,
    HistoryRule,
    Verdict,
)
from repositories.records.pasts import Reading
from services.judging.deviations import (
    Other,
    deviations_between,
    other_of_norm,
    other_of_reading,
    percent_between,
    weigh_deviation,
)
from services.judging.evidence import Evidence
from services.judging.norms import norm_of
from services.judging.seasons import Season

THEN = datetime(2026, 1, 1, 11, 59, tzinfo=UTC)
HEALTHY, WARNING, CRITICAL, _ = Verdict
NUMBERS = st.decimals(min_value=-(10**9), max_value=10**9, places=3)
LIMITS = st.decimals(min_value="0.001", max_value=1000, places=3)


def rule(**given: Any) -> HistoryRule:
    defaults = {"compare_to": CompareTo.PREVIOUS, "warning_deviation": Decimal(50)}
    return HistoryRule(**{**defaults, **given})


def before(value: float) -> Other:
    return other_of_reading(CompareTo.PREVIOUS, Reading(value=Decimal(str(value)), at=THEN))


def normal(*values: float) -> Other:
    return other_of_norm(norm_of(Season.HOUR_OF_WEEK, [Decimal(str(one)) for one in values]))


def status(evidence: Evidence) -> Verdict:
    return evidence.findings[0][0] if evidence.findings else HEALTHY


def comparison(evidence: Evidence) -> dict[str, Any]:
    found = evidence.details["comparison"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("value", "other", "percent"),
    [
        (150, 100, 50),
        (50, 100, -50),
        (0, 100, -100),
        (-50, -100, 50),
        (100, 100, 0),
        (0, 0, 0),
        (1, 0, "Infinity"),
        (-1, 0, "-Infinity"),
    ],
)
def test_percent_are_of_the_other_value(value: int, other: int, percent: int | str) -> None:
    assert percent_between(Decimal(value), Decimal(other)) == Decimal(percent)


def test_reaching_a_limit_counts_as_crossing_it_and_the_message_says_all() -> None:
    evidence = weigh_deviation(rule(), Decimal(150), before(100))
    assert evidence.findings == (
        (
            WARNING,
            "50 % above the previous value, 100 at 2026-01-01 11:59Z; warning from 50 %",
        ),
    )
    assert comparison(evidence) == {
        "compare_to": CompareTo.PREVIOUS,
        "value": 100,
        "at": THEN,
        "deviation": 50,
        "is_infinite": False,
        "unit": DeviationUnit.PERCENT,
        "side": DeviationSide.BOTH,
    }
    assert weigh_deviation(rule(), Decimal("149.99"), before(100)).findings == ()


def test_what_is_not_too_far_is_in_the_details_too() -> None:
    evidence = weigh_deviation(rule(), Decimal(101), before(100))
    assert (evidence.findings, comparison(evidence)["deviation"]) == ((), 1)


def test_the_critical_limit_is_found_beside_that_of_a_warning() -> None:
    evidence = weigh_deviation(rule(critical_deviation=Decimal(90)), Decimal(195), before(100))
    assert [found for found, _ in evidence.findings] == [CRITICAL, WARNING]


def test_from_0_all_else_is_infinitely_far_and_that_crosses_every_limit() -> None:
    evidence = weigh_deviation(rule(), Decimal("0.1"), before(0))
    ((found, reason),) = evidence.findings
    assert found is WARNING
    assert reason.startswith("infinitely far above the previous value, 0 at")
    assert comparison(evidence)["deviation"] is None
    assert comparison(evidence)["is_infinite"] is True


@pytest.mark.parametrize(
    ("side", "value", "verdict"),
    [
        ("both", 160, WARNING),
        ("both", 40, WARNING),
        ("above", 160, WARNING),
        ("above", 40, HEALTHY),
        ("below", 160, HEALTHY),
        ("below", 40, WARNING),
    ],
)
def test_only_deviations_on_the_side_that_counts_count(
    side: str, value: int, verdict: Verdict
) -> None:
    one_sided = rule(deviation_side=DeviationSide(side))
    assert status(weigh_deviation(one_sided, Decimal(value), before(100))) is verdict


def test_a_baseline_can_be_measured_in_robust_standard_deviations() -> None:
    wanted = rule(
        compare_to=CompareTo.BASELINE,
        deviation_unit=DeviationUnit.DEVIATIONS,
        warning_deviation=Decimal(3),
    )
    usual = normal(*[8, 9, 10, 11, 12] * 6)
    evidence = weigh_deviation(wanted, Decimal(20), usual)
    ((found, reason),) = evidence.findings
    assert found is WARNING
    assert reason == (
        "6.74491 robust standard deviations above what is normal for this hour of the week, 10;"
        " warning from 3 robust standard deviations"
    )
    details = comparison(evidence)
    assert (details["season"], details["sample_size"]) == (Season.HOUR_OF_WEEK, 30)
    assert (details["median"], details["mad"]) == (10, 1)
    assert status(weigh_deviation(wanted, Decimal(14), usual)) is HEALTHY


def test_a_baseline_can_be_measured_in_percent_too() -> None:
    wanted = rule(compare_to=CompareTo.BASELINE)
    assert status(weigh_deviation(wanted, Decimal(16), normal(9, 10, 11))) is WARNING


def test_a_single_value_has_no_standard_deviations_and_gives_no_verdict() -> None:
    wanted = rule(deviation_unit=DeviationUnit.DEVIATIONS)
    evidence = weigh_deviation(wanted, Decimal(1000), before(1))
    assert evidence.findings == ()
    assert "baseline" in comparison(evidence)["not_compared"]


def test_a_first_1_after_nothing_but_0_is_infinitely_far() -> None:
    wanted = rule(compare_to=CompareTo.BASELINE, deviation_unit=DeviationUnit.DEVIATIONS)
    assert status(weigh_deviation(wanted, Decimal(1), normal(0, 0, 0))) is WARNING
    assert status(weigh_deviation(wanted, Decimal(0), normal(0, 0, 0))) is HEALTHY


@given(NUMBERS, NUMBERS)
def test_a_deviation_has_the_sign_of_the_difference(value: Decimal, other: Decimal) -> None:
    for found in (
        percent_between(value, other),
        deviations_between(value, other, Decimal(2)),
        deviations_between(value, other, Decimal(0)),
    ):
        assert (found > 0, found < 0) == (value > other, value < other)


@given(NUMBERS, NUMBERS, st.integers(1, 10**6))
def test_percent_do_not_depend_on_the_unit(value: Decimal, other: Decimal, factor: int) -> None:
    one, scaled = percent_between(value, other), percent_between(value * factor, other * factor)
    assert one == scaled or abs(one - scaled) <= abs(one) * Decimal("1e-20")


@given(NUMBERS, NUMBERS, LIMITS, LIMITS, st.sampled_from(DeviationSide))
def test_farther_away_is_never_better(
    value: Decimal, other: Decimal, warning: Decimal, critical: Decimal, side: DeviationSide
) -> None:
    limits = rule(warning_deviation=warning, critical_deviation=critical, deviation_side=side)
    beyond = value + (value - other)
    near, far = (
        {found for found, _ in weigh_deviation(limits, one, before(float(other))).findings}
        for one in (value, beyond)
    )
    assert near <= far


@given(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
)
def test_no_two_numbers_are_too_large_to_be_compared(value: Decimal, other: Decimal) -> None:
    if max(abs(value.adjusted()), abs(other.adjusted())) > 1000:
        return
    reading = other_of_reading(CompareTo.PREVIOUS, Reading(value=other, at=THEN))
    evidence = weigh_deviation(rule(), value, reading)
    assert comparison(evidence)["value"] == other
