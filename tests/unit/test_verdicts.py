"""A KPI's verdict, sentence by sentence."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.contracts.databases import Answer
from repositories.records.kpis import OnEmpty, Operator, ResultType, Rule, Verdict
from repositories.records.rows import Json
from services.judging.verdicts import BADNESS, Judgement, judge

HEALTHY, WARNING, CRITICAL, ERROR = Verdict


def scalar(*values: object) -> Answer:
    return Answer(["value"], [[value] for value in values], len(values))


def rule(**given: Any) -> Rule:
    """Thresholds and operators as people write them."""
    for name in ("warning_threshold", "critical_threshold"):
        if name in given:
            given[name] = Decimal(given[name])
    if "comparison_operator" in given:
        given["comparison_operator"] = Operator(given["comparison_operator"])
    return Rule(**given)


def verdict(value: object, **given: Any) -> Verdict:
    return judge(rule(**given), scalar(value)).status


def limits(warning: object = None, critical: object = None, **also: Any) -> dict[str, Any]:
    pairs = {"warning_threshold": warning, "critical_threshold": critical}
    return {**{name: limit for name, limit in pairs.items() if limit is not None}, **also}


def test_a_value_without_a_rule_is_healthy() -> None:
    assert judge(Rule(unit="s"), scalar(5)) == Judgement(HEALTHY, Decimal(5), "5 s")


def test_a_scalar_is_the_first_column_of_the_first_row() -> None:
    answer = Answer(["a", "b"], [[1, 2], [3, 4]], 2)
    assert judge(Rule(), answer).value == 1


def test_more_rows_than_one_for_a_scalar_are_noted_whatever_the_verdict() -> None:
    note = "the query returned more rows than one"
    for first, status in ((1, HEALTHY), (None, ERROR), ("NaN", ERROR)):
        judgement = judge(Rule(), scalar(first, 2))
        assert judgement.status is status
        assert note in judgement.message
    assert note in judge(Rule(on_empty=OnEmpty.HEALTHY), scalar(None, 2)).message
    assert note not in judge(Rule(), scalar(1)).message
    several = Answer([], [], 2)
    assert note not in judge(Rule(result_type=ResultType.DATA_SET), several).message


@pytest.mark.parametrize("result_type", [ResultType.NON_QUERY, ResultType.DATA_SET])
@pytest.mark.parametrize("count", [0, 1, 70])
def test_other_results_are_judged_by_their_number_of_rows(
    result_type: ResultType, count: int
) -> None:
    answer = Answer(["a"], [[None]] * min(count, 50), count)
    judgement = judge(rule(result_type=result_type, **limits(10, 60)), answer)
    assert judgement.value == count
    assert judgement.status is (CRITICAL if count == 70 else HEALTHY)


EMPTY = [Answer(["a"], [], 0), Answer([], [()], 1), scalar(None)]


@pytest.mark.parametrize("answer", EMPTY)
def test_no_row_and_null_are_errors(answer: Answer) -> None:
    assert judge(Rule(), answer) == Judgement(ERROR, None, "no value", "no_value")


@pytest.mark.parametrize("answer", EMPTY)
@pytest.mark.parametrize(
    ("on_empty", "status"),
    [(OnEmpty.HEALTHY, HEALTHY), (OnEmpty.WARNING, WARNING), (OnEmpty.CRITICAL, CRITICAL)],
)
def test_unless_the_kpi_says_what_emptiness_means(
    answer: Answer, on_empty: OnEmpty, status: Verdict
) -> None:
    judgement = judge(rule(on_empty=on_empty, expected_value="1", **limits(5)), answer)
    assert (judgement.status, judgement.value, judgement.error_type) == (status, None, None)


@pytest.mark.parametrize(
    ("value", "operator", "expected", "holds"),
    [
        (5, "eq", "5", True),
        (5, "eq", "5.0", True),
        (Decimal("5.10"), "eq", " 5.1 ", True),
        (0.1, "eq", "0.1", True),
        (Decimal("0.1000000000000000000000000001"), "eq", "0.1", False),
        (Decimal("0.1000000000000000000000000001"), "gt", "0.1", True),
        (2**53 + 1, "gt", str(2**53), True),
        ("7", "eq", "7.0", True),
        (9, "lt", "10", True),
        ("9", "lt", "10", True),
        ("9a", "lt", "10", False),
        ("x9", "gt", "x10", True),
        (5, "ne", "5.00", False),
        (5, "ne", "6", True),
        (5, "gt", "5", False),
        (5, "gte", "5", True),
        (5, "lte", "4.9", False),
        (-1, "lt", "0", True),
        (1, "lt", "Infinity", True),
        (5, "lt", "NaN", True),
        ("up", "eq", "up", True),
        ("up", "eq", "UP", False),
        (True, "eq", "true", True),
        (True, "eq", "1", False),
        ("1_000", "eq", "1000", False),
        ("all is up now", "contains", "up", True),
        ("down", "contains", "up", False),
        (1234, "contains", "23", True),
        (Decimal("1E+2"), "contains", "100", True),
        (date(2026, 1, 2), "gte", "2026-01-01", True),
        (Json('"up"'), "contains", "up", True),
    ],
)
def test_a_value_that_does_not_stand_to_the_expected_one_as_it_should_is_critical(
    value: object, operator: str, expected: str, holds: bool
) -> None:
    found = verdict(value, expected_value=expected, comparison_operator=operator)
    assert found is (HEALTHY if holds else CRITICAL)


def test_without_an_operator_the_expected_value_is_to_be_met() -> None:
    assert verdict(5, expected_value="5.0") is HEALTHY
    assert verdict(6, expected_value="5.0") is CRITICAL


@pytest.mark.parametrize(
    ("given_limits", "healthy", "warning", "critical"),
    [
        (limits(80, 95), [0, "79.9999"], [80, "94.9999"], [95, 1000]),
        (limits(95, 85), [96, "95.0001"], [95, "85.0001"], [85, 0]),
        (limits(80), [79], [80, 81], []),
        (limits(None, 80), [79], [], [80, 81]),
        (limits(80, None, comparison_operator="lt"), [79], [80, 81], []),
        (limits(80, None, comparison_operator="gt"), [81], [80, 79], []),
        (limits(None, 80, comparison_operator="gte"), [81], [], [80, 79]),
        (limits(80, 80), [79], [], [80, 81]),
        (limits(-5, 0), [-6], [-5, -1], [0, 1]),
    ],
)
def test_thresholds_say_where_a_number_turns_bad(
    given_limits: dict[str, Any], healthy: list[Any], warning: list[Any], critical: list[Any]
) -> None:
    for status, values in ((HEALTHY, healthy), (WARNING, warning), (CRITICAL, critical)):
        for value in values:
            assert verdict(Decimal(value), **given_limits) is status, value


def test_the_direction_of_two_thresholds_is_stronger_than_the_operator() -> None:
    assert verdict(100, **limits(80, 95, comparison_operator="gt")) is CRITICAL


def test_the_worst_verdict_wins_and_says_why() -> None:
    both = limits(80, 95, expected_value="50", comparison_operator="lt", unit="%")
    judgement = judge(rule(**both), scalar(85))
    assert judgement.status is CRITICAL
    assert judgement.message == "85 %: expected less than 50"
    judgement = judge(rule(**both), scalar(99))
    assert judgement.message == "99 %: expected less than 50; too high, critical from 95"


def test_text_where_there_are_thresholds_is_an_error() -> None:
    judgement = judge(rule(**limits(1), expected_value="up"), scalar("up"))
    assert (judgement.status, judgement.value, judgement.error_type) == (
        ERROR,
        "up",
        "not_a_number",
    )


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("-Infinity"), Decimal("sNaN"), "NaN", "-inf"]
)
def test_what_is_no_number_is_an_error_and_no_value(value: object) -> None:
    for given_rule in ({}, limits(1, 2), {"expected_value": "NaN"}):
        judgement = judge(rule(**given_rule), scalar(value))
        assert (judgement.status, judgement.value) == (ERROR, None)
        assert judgement.error_type == "not_a_number"


def test_a_threshold_that_is_no_number_is_an_error() -> None:
    assert verdict(5, **limits("NaN", 3)) is ERROR


def test_numbers_are_shown_without_exponents_and_needless_zeros() -> None:
    shown = {
        Decimal("1E+3"): "1000",
        Decimal("1.500"): "1.5",
        1e-7: "0.0000001",
        Decimal("-0.00"): "0",
        Decimal("-0.50"): "-0.5",
    }
    for value, text in shown.items():
        assert judge(Rule(), scalar(value)).message == text


def test_a_text_for_the_database_has_neither_zero_bytes_nor_endless_length() -> None:
    value = judge(Rule(), scalar("a\0b" + "x" * 10_000)).value
    assert isinstance(value, str)
    assert value.startswith("a\N{REPLACEMENT CHARACTER}b")
    assert len(value) == 4000


def test_bytes_are_shown_as_such() -> None:
    for value in (b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")):
        assert judge(Rule(), scalar(value)).value == "0x00ff"


def test_an_empty_text_is_a_value_and_said_to_be_empty() -> None:
    judgement = judge(Rule(), scalar(""))
    assert (judgement.status, judgement.value, judgement.message) == (HEALTHY, "", "an empty text")


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9)
THRESHOLDS = st.none() | NUMBERS
RULES = st.builds(
    Rule,
    result_type=st.sampled_from(ResultType),
    expected_value=st.none() | st.text(max_size=8) | NUMBERS.map(str),
    comparison_operator=st.none() | st.sampled_from(Operator),
    warning_threshold=THRESHOLDS,
    critical_threshold=THRESHOLDS,
    on_empty=st.sampled_from(OnEmpty),
    unit=st.none() | st.just("s"),
)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=20)
    | st.binary(max_size=8)
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.lists(st.integers(), max_size=2)
    | st.sampled_from(
        [10**5000, -(10**400), Decimal("1E+9999"), Decimal("1E-9999"), "9" * 9000, "1e99999999999"]
    )
)


@settings(max_examples=300, deadline=None)
@given(RULES, st.lists(ANYTHING, max_size=3))
def test_nothing_that_a_driver_may_give_raises(given_rule: Rule, values: list[object]) -> None:
    judgement = judge(given_rule, scalar(*values))
    assert judgement.status in Verdict
    assert judgement.message
    assert (judgement.error_type is not None) == (judgement.status is ERROR)
    if isinstance(judgement.value, Decimal):
        assert judgement.value.is_finite()


@settings(max_examples=300, deadline=None)
@given(RULES.map(lambda one: replace(one, result_type=ResultType.SCALAR)), NUMBERS)
def test_the_verdict_of_a_rule_is_the_worst_of_its_parts(one: Rule, value: Decimal) -> None:
    expectation = Rule(
        expected_value=one.expected_value, comparison_operator=one.comparison_operator
    )
    thresholds = Rule(
        comparison_operator=one.comparison_operator,
        warning_threshold=one.warning_threshold,
        critical_threshold=one.critical_threshold,
    )
    parts = [judge(part, scalar(value)).status for part in (expectation, thresholds)]
    assert judge(one, scalar(value)).status is max(parts, key=BADNESS.__getitem__)


@settings(max_examples=300, deadline=None)
@given(THRESHOLDS, THRESHOLDS, st.none() | st.sampled_from(Operator), NUMBERS, NUMBERS)
def test_a_worse_number_never_has_a_better_verdict(
    warning: Decimal | None,
    critical: Decimal | None,
    operator: Operator | None,
    one: Decimal,
    other: Decimal,
) -> None:
    given_rule = Rule(
        warning_threshold=warning, critical_threshold=critical, comparison_operator=operator
    )
    if warning is not None and critical is not None and warning != critical:
        lower_is_worse = critical < warning
    else:
        lower_is_worse = operator in {Operator.GT, Operator.GTE}
    better, worse = sorted((one, other), reverse=lower_is_worse)
    ranks = [BADNESS[judge(given_rule, scalar(value)).status] for value in (better, worse)]
    assert ranks[0] <= ranks[1]


@settings(max_examples=200, deadline=None)
@given(NUMBERS, NUMBERS)
def test_decimals_are_compared_exactly(value: Decimal, expected: Decimal) -> None:
    for operator, holds in (
        ("eq", value == expected),
        ("lt", value < expected),
        ("gte", value >= expected),
    ):
        found = verdict(value, expected_value=str(expected), comparison_operator=operator)
        assert (found is HEALTHY) == holds


def test_moments_are_compared_as_their_text() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert verdict(noon, expected_value="2026-01-01", comparison_operator="contains") is HEALTHY
