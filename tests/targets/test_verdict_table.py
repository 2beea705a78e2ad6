"""The table of verdicts, from the answer of a real server of each kind to the result."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repositories.contracts.databases import Answer
from repositories.records.kpis import OnEmpty, Operator, Result, ResultType, Rule, Verdict
from services.judging.verdicts import judge
from tests.targets.conftest import Run, of_type
from tests.targets.dialects import DIALECTS, Dialect
from tests.targets.servers import Server

HEALTHY, WARNING, CRITICAL, ERROR = Verdict
AS_OFTEN_AS_IT_TAKES_NO_TIME = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Ask = Callable[..., Result]


@pytest.fixture
def dialect(server: Server) -> Dialect:
    return DIALECTS[server.provider]


@pytest.fixture
def ask(server: Server, dialect: Dialect, run: Run) -> Ask:
    """The result for one value of the server's."""

    def ask_for(value: object, rule: Rule | None = None) -> Result:
        return run(server.url, f"SELECT {dialect.write(value)} AS n", rule)

    return ask_for


def expecting(operator: str | None, expected: str, **also: Any) -> Rule:
    comparison = None if operator is None else Operator(operator)
    return Rule(expected_value=expected, comparison_operator=comparison, **also)


def limits(warning: float | None, critical: float | None, operator: str | None = None) -> Rule:
    return Rule(
        warning_threshold=None if warning is None else Decimal(str(warning)),
        critical_threshold=None if critical is None else Decimal(str(critical)),
        comparison_operator=None if operator is None else Operator(operator),
    )


# What the value is --------------------------------------------------------------------------------


def test_a_scalar_is_the_first_column_of_the_first_row(server: Server, run: Run) -> None:
    result = run(server.url, "SELECT 5 AS n, 'down' AS state", limits(5, 9))
    assert (result.status, result.value) == (WARNING, Decimal(5))


def test_the_value_of_a_non_query_is_how_many_rows_it_changed(server: Server, run: Run) -> None:
    rule = Rule(result_type=ResultType.NON_QUERY, warning_threshold=Decimal(3))
    result = run(server.url, "INSERT INTO notes (id) VALUES (1), (2), (3)", rule)
    assert (result.status, result.value) == (WARNING, Decimal(3))
    result = run(server.url, "DELETE FROM notes WHERE id > 10", rule)
    assert (result.status, result.value) == (HEALTHY, Decimal(0))


def test_the_value_of_a_data_set_is_how_many_rows_it_has(
    server: Server, dialect: Dialect, run: Run
) -> None:
    rule = Rule(result_type=ResultType.DATA_SET, critical_threshold=Decimal(3))
    result = run(server.url, dialect.several, rule)
    assert (result.status, result.value) == (CRITICAL, Decimal(3))
    result = run(server.url, dialect.nothing, rule)
    assert (result.status, result.value) == (HEALTHY, Decimal(0))


def test_more_rows_than_one_for_a_scalar_are_noted(
    server: Server, dialect: Dialect, run: Run
) -> None:
    result = run(server.url, dialect.several)
    assert (result.status, result.value) == (HEALTHY, Decimal(1))
    assert "more rows than one" in result.message


@pytest.mark.parametrize("has_row", [False, True], ids=["no row", "NULL"])
@pytest.mark.parametrize(
    ("on_empty", "verdict"),
    [
        (OnEmpty.ERROR, ERROR),
        (OnEmpty.HEALTHY, HEALTHY),
        (OnEmpty.WARNING, WARNING),
        (OnEmpty.CRITICAL, CRITICAL),
    ],
)
def test_no_value_is_what_the_kpi_says_of_it(
    server: Server,
    dialect: Dialect,
    run: Run,
    has_row: bool,
    on_empty: OnEmpty,
    verdict: Verdict,
) -> None:
    sql = "SELECT NULL AS n" if has_row else dialect.nothing
    result = run(server.url, sql, Rule(on_empty=on_empty, warning_threshold=Decimal(0)))
    assert (result.status, result.value) == (verdict, None)
    assert result.error_type == ("no_value" if verdict is ERROR else None)


# What it is held against --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (Decimal(4), "ne lt lte"),
        (Decimal("5.0"), "eq gte lte contains"),
        (Decimal("15.5"), "ne gt gte contains"),
        ("5", "eq gte lte contains"),
        (" 5.00 ", "eq gte lte contains"),
        ("45%", "ne lt lte contains"),
        ("up", "ne gt gte"),
    ],
)
def test_each_operator_says_how_a_value_must_stand_to_the_expected_one(
    ask: Ask, value: object, holds: str
) -> None:
    found = {
        operator: ask(value, expecting(operator, "5")).status is HEALTHY for operator in Operator
    }
    assert found == {operator: operator in holds.split() for operator in Operator}
    assert (ask(value, expecting(None, "5")).status is HEALTHY) == ("eq" in holds.split())


@pytest.mark.parametrize(
    ("rule", "healthy", "warning", "critical"),
    [
        (limits(80, 95), "79.9999", "80", "95"),
        (limits(95, 85), "95.0001", "95", "85"),
        (limits(80, None), "79.9999", "80", None),
        (limits(None, 80), "79.9999", None, "80"),
        (limits(80, None, "lt"), "79.9999", "80", None),
        (limits(80, None, "gt"), "80.0001", "80", None),
        (limits(None, 80, "gte"), "80.0001", None, "80"),
        (limits(-5, 0), "-5.0001", "-5", "0"),
    ],
)
def test_reaching_a_threshold_counts_as_crossing_it(
    ask: Ask, rule: Rule, healthy: str, warning: str | None, critical: str | None
) -> None:
    for value, verdict in ((healthy, HEALTHY), (warning, WARNING), (critical, CRITICAL)):
        if value is not None:
            assert ask(Decimal(value), rule).status is verdict
            assert ask(float(value), rule).status is verdict
            assert ask(value, rule).status is verdict


def test_the_worst_verdict_wins(ask: Ask) -> None:
    rule = expecting("lt", "50", warning_threshold=Decimal(80), critical_threshold=Decimal(95))
    result = ask(Decimal(85), rule)
    assert (result.status, result.message) == (CRITICAL, "85: expected less than 50")
    assert ask("many", rule).status is ERROR


def test_a_text_where_there_are_thresholds_is_an_error(ask: Ask) -> None:
    result = ask("up", limits(1, 2))
    assert (result.status, result.value, result.error_type) == (ERROR, "up", "not_a_number")


@pytest.mark.parametrize("text", ["NaN", "nan", "Infinity", "-inf", "sNaN"])
def test_the_text_of_what_is_no_number_is_an_error(ask: Ask, text: str) -> None:
    for rule in (Rule(), limits(1, 2), expecting("eq", text)):
        result = ask(text, rule)
        assert (result.status, result.value, result.error_type) == (ERROR, None, "not_a_number")


def test_what_is_no_number_is_an_error_where_a_server_has_it(
    server: Server, dialect: Dialect, run: Run
) -> None:
    for expression in dialect.no_numbers:
        result = run(server.url, f"SELECT {expression} AS n", limits(1, 2))
        assert (result.status, result.value, result.error_type) == (ERROR, None, "not_a_number")


def test_decimals_are_exact(ask: Ask) -> None:
    rule = expecting("eq", "0.1", warning_threshold=Decimal("0.1"))
    assert ask(Decimal("0.1"), rule).status is WARNING
    assert ask(Decimal("0.1000000001"), rule).status is CRITICAL
    assert ask(Decimal("0.0999999999"), expecting("lt", "0.1")).status is HEALTHY


def test_a_value_of_a_type_that_only_one_server_has_is_a_value(
    server: Server, dialect: Dialect, run: Run
) -> None:
    for expression in dialect.oddities:
        for rule in (Rule(), limits(1, 2), of_type(ResultType.DATA_SET)):
            result = run(server.url, f"SELECT {expression} AS n", rule)
            assert result.error_type in {None, "not_a_number", "no_value"}, expression


# What keeps a KPI from having a value -------------------------------------------------------------


@pytest.fixture(params=ResultType)
def failing(request: pytest.FixtureRequest) -> Rule:
    """No rule makes a failure anything better."""
    return Rule(result_type=request.param, on_empty=OnEmpty.HEALTHY)


def failed_as(error_type: str, result: Result) -> bool:
    return (result.status, result.value, result.error_type) == (ERROR, None, error_type)


def test_bad_sql_has_an_error_type_of_its_own(server: Server, run: Run, failing: Rule) -> None:
    assert failed_as("bad_sql", run(server.url, "SELECT nothing FROM nowhere", failing))


def test_a_refused_login_has_an_error_type_of_its_own(
    server: Server, run: Run, failing: Rule
) -> None:
    result = run(server.wrong_password, "SELECT 1 AS n", failing)
    assert failed_as("login_refused", result)


def test_a_server_that_is_not_there_has_an_error_type_of_its_own(
    server: Server, run: Run, failing: Rule
) -> None:
    result = run(server.unreachable, "SELECT 1 AS n", failing, connect_seconds=2)
    assert failed_as("connection_lost", result)


def test_a_connection_that_ends_in_the_middle_is_lost(
    server: Server, dialect: Dialect, run: Run, failing: Rule
) -> None:
    if not dialect.lost:
        pytest.skip(f"{server.provider}: no statement ends its own connection there")
    assert failed_as("connection_lost", run(server.url, dialect.lost, failing))


def test_a_timeout_has_an_error_type_of_its_own(server: Server, run: Run) -> None:
    result = run(server.url, server.hangs, Rule(on_empty=OnEmpty.HEALTHY), timeout_seconds=1)
    assert (result.status, result.value, result.error_type) == (ERROR, None, "timeout")


# Whatever the value -------------------------------------------------------------------------------

NUMBERS = st.decimals(min_value=-(10**6), max_value=10**6, places=4)
RULES = st.builds(
    Rule,
    expected_value=st.none() | st.sampled_from(["", "0", "a", "NaN", "2026"]) | NUMBERS.map(str),
    comparison_operator=st.none() | st.sampled_from(Operator),
    warning_threshold=st.none() | NUMBERS,
    critical_threshold=st.none() | NUMBERS,
    on_empty=st.sampled_from(OnEmpty),
    unit=st.none() | st.just("s"),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NUMERALS = st.sampled_from(["1e3", " 7 ", "0x10", "1_0", "-0", "9" * 400, "1e2000", "NaN", "٣", ""])
MOMENTS = st.datetimes(datetime(1800, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - as servers have them
DATES = st.dates(date(1000, 1, 1))


@st.composite
def decimals(draw: st.DrawFn, dialect: Dialect) -> Decimal:
    """Of any size that the server takes."""
    whole = draw(st.integers(0, dialect.digits - dialect.scale - 1))
    places = draw(st.integers(0, dialect.scale))
    digits = draw(st.integers(-(10 ** (whole + places)), 10 ** (whole + places)))
    return (
        Decimal(digits).scaleb(-places) if abs(digits) < 10**27 else Decimal(f"{digits}e-{places}")
    )


@AS_OFTEN_AS_IT_TAKES_NO_TIME
@given(data=st.data(), rule=RULES)
def test_a_number_has_the_verdict_that_the_rule_gives_it(
    ask: Ask, dialect: Dialect, data: st.DataObject, rule: Rule
) -> None:
    floats = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    value = data.draw(decimals(dialect) | floats | st.integers(-(2**63) + 1, 2**63 - 1) | NUMBERS)
    assert_alike(ask(value, rule), rule, value)


@AS_OFTEN_AS_IT_TAKES_NO_TIME
@given(value=st.none() | TEXTS | NUMERALS, rule=RULES)
def test_a_text_has_the_verdict_that_the_rule_gives_it(
    ask: Ask, value: str | None, rule: Rule
) -> None:
    assert_alike(ask(value, rule), rule, value)


@AS_OFTEN_AS_IT_TAKES_NO_TIME
@given(value=DATES | MOMENTS, rule=RULES)
def test_a_time_has_the_verdict_that_the_rule_gives_it(
    server: Server, ask: Ask, value: date | datetime, rule: Rule
) -> None:
    seen = value
    if isinstance(value, datetime) and server.provider == "PostgreSQL":
        seen = value.replace(tzinfo=UTC)
    assert_alike(ask(value, rule), rule, seen)


def status_of(rule: Rule, value: object) -> Verdict:
    """The table of verdicts once more, in the plainest of words."""
    if value is None:
        return {"error": ERROR, "healthy": HEALTHY, "warning": WARNING, "critical": CRITICAL}[
            rule.on_empty
        ]
    number = number_of(value)
    if number is not None and not number.is_finite():
        return ERROR
    found = {HEALTHY}
    if rule.expected_value is not None and not stands(
        rule.comparison_operator, value, number, rule.expected_value
    ):
        found.add(CRITICAL)
    warning, critical = rule.warning_threshold, rule.critical_threshold
    if (warning is not None or critical is not None) and number is None:
        return ERROR
    is_low = rule.comparison_operator in {"gt", "gte"}
    if warning is not None and critical is not None and warning != critical:
        is_low = critical < warning
    for limit, verdict in ((warning, WARNING), (critical, CRITICAL)):
        if limit is None or number is None:
            continue
        if (number <= limit) if is_low else (number >= limit):
            found.add(verdict)
    return next(verdict for verdict in (CRITICAL, WARNING, HEALTHY) if verdict in found)


def stands(operator: str | None, value: object, number: Decimal | None, expected: str) -> bool:
    """Numbers as numbers, all else as text."""
    text = shown_of(value, number)
    if operator == "contains":
        return expected in text
    other = number_of(expected)
    if number is None or other is None or other.is_nan():
        return holds(operator, text, expected)
    return holds(operator, number, other)


def holds(operator: str | None, one: Any, other: Any) -> bool:
    return bool(
        {
            "gt": one > other,
            "gte": one >= other,
            "lt": one < other,
            "lte": one <= other,
            "ne": one != other,
        }.get(operator or "eq", one == other)
    )


NUMBER = re.compile(
    r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*|\s*[+-]?(s?nan\d*|inf(inity)?)\s*", re.IGNORECASE
)


def number_of(value: object) -> Decimal | None:
    """Up to 1000 digits before or behind the point."""
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            return None
        number = Decimal(value.strip())
    elif isinstance(value, Decimal | int | float):
        number = Decimal(str(value))
    else:
        return None
    return None if number.is_finite() and abs(number.adjusted()) > 1000 else number


def shown_of(value: object, number: Decimal | None) -> str:
    if number is None:
        return str(value)
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if number == 0 else text


def assert_alike(result: Result, rule: Rule, value: object) -> None:
    assert result.status is status_of(rule, value)
    judgement = judge(rule, Answer(["n"], [[value]], 1))
    assert (result.status, result.value, result.message, result.error_type) == (
        judgement.status,
        judgement.value,
        judgement.message,
        judgement.error_type,
    )
