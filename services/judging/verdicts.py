"""What a KPI's answer means: the rules of a verdict, without any I/O."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne

from repositories.contracts.databases import Answer
from repositories.records.kpis import OnEmpty, Operator, ResultType, Rule, Verdict

BADNESS = {verdict: rank for rank, verdict in enumerate(Verdict)}
COMPARISONS = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.GT: gt,
    Operator.LT: lt,
    Operator.GTE: ge,
    Operator.LTE: le,
}
WORDS = {
    Operator.EQ: "equal to",
    Operator.NE: "other than",
    Operator.GT: "greater than",
    Operator.LT: "less than",
    Operator.GTE: "at least",
    Operator.LTE: "at most",
    Operator.CONTAINS: "to contain",
}
LONGEST_TEXT = 4000
LARGEST_EXPONENT = 1000

Value = Decimal | str
Finding = tuple[Verdict, str]
"""A verdict, and why."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the value that it is about (None where there was none), and why, in words."""

    status: Verdict
    value: Value | None
    message: str
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of an answer, and what is to be said of it whatever its verdict."""

    value: Value
    notes: tuple[str, ...] = ()


def judge(rule: Rule, answer: Answer) -> Judgement:
    """The worst verdict that the rule gives this answer."""
    measured = measure(rule, answer)
    return measured if isinstance(measured, Judgement) else judge_value(rule, measured)


def measure(rule: Rule, answer: Answer) -> Measured | Judgement:
    """The answer's value; the verdict at once where there is none that could be judged."""
    value = _value_of(rule, answer)
    notes = ("the query returned more rows than one",) if _has_surplus(rule, answer) else ()
    if value is None:
        return _without_value(rule.on_empty, notes)
    if isinstance(value, Decimal) and not value.is_finite():
        message = ". ".join([f"{value} is not a number", *notes])
        return Judgement(Verdict.ERROR, None, message, "not_a_number")
    return Measured(value, notes)


def judge_value(rule: Rule, measured: Measured, more: Iterable[Finding] = ()) -> Judgement:
    """The worst of what the rule finds, and of what was found beside it."""
    value = measured.value
    findings = [*_expectation(rule, value), *_thresholds(rule, value), *more]
    status = max((found for found, _ in findings), key=BADNESS.__getitem__, default=Verdict.HEALTHY)
    reasons = [reason for found, reason in findings if found is status]
    shown = _shown(value, rule.unit) + (f": {'; '.join(reasons)}" if reasons else "")
    error_type = "not_a_number" if status is Verdict.ERROR else None
    return Judgement(status, value, ". ".join([shown, *measured.notes]), error_type)


def as_number(value: object) -> Decimal | None:
    """The value as a decimal where it is a number or the text of one, NaN and infinities too."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, str) and "_" in value:  # which Decimal would read over
        return None
    try:
        number = Decimal(value) if isinstance(value, int) else Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return None if number.is_finite() and abs(number.adjusted()) > LARGEST_EXPONENT else number


def _value_of(rule: Rule, answer: Answer) -> Value | None:
    if rule.result_type is not ResultType.SCALAR:
        return Decimal(answer.row_count)
    first = answer.rows[0][0] if answer.rows and answer.rows[0] else None
    if first is None:
        return None
    number = as_number(first)
    return _as_text(first) if number is None else number


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"0x{bytes(value[:LONGEST_TEXT]).hex()}"[:LONGEST_TEXT]
    # Python refuses to write out an integer of thousands of digits, but not a Decimal.
    text = str(Decimal(value)) if isinstance(value, int) else str(value)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:LONGEST_TEXT]


def _has_surplus(rule: Rule, answer: Answer) -> bool:
    return rule.result_type is ResultType.SCALAR and answer.row_count > 1


def _without_value(on_empty: OnEmpty, notes: Sequence[str]) -> Judgement:
    if on_empty is OnEmpty.ERROR:
        return Judgement(Verdict.ERROR, None, ". ".join(["no value", *notes]), "no_value")
    message = ". ".join([f"no value, which counts as {on_empty}", *notes])
    return Judgement(Verdict(on_empty.capitalize()), None, message)


def _expectation(rule: Rule, value: Value) -> Iterator[Finding]:
    """Where the value does not stand to the expected one as it should: Critical."""
    if rule.expected_value is None:
        return
    operator = rule.comparison_operator or Operator.EQ
    if not _holds(value, operator, rule.expected_value):
        yield Verdict.CRITICAL, f"expected {WORDS[operator]} {rule.expected_value}"


def _holds(value: Value, operator: Operator, expected: str) -> bool:
    if operator is Operator.CONTAINS:
        return expected in plain(value)
    number, other = as_number(value), as_number(expected)
    if number is not None and other is not None and not other.is_nan():
        return bool(COMPARISONS[operator](number, other))
    return bool(COMPARISONS[operator](plain(value), expected))


def _thresholds(rule: Rule, value: Value) -> Iterator[Finding]:
    """Reaching a threshold counts as crossing it."""
    if rule.critical_threshold is None and rule.warning_threshold is None:
        return
    limits = (
        (Verdict.CRITICAL, rule.critical_threshold),
        (Verdict.WARNING, rule.warning_threshold),
    )
    if not isinstance(value, Decimal):
        yield Verdict.ERROR, "not a number, but the KPI has thresholds"
        return
    if any(limit is not None and limit.is_nan() for _, limit in limits):
        yield Verdict.ERROR, "a threshold of the KPI is not a number"
        return
    crossed, side = (le, "low") if lower_is_worse(rule) else (ge, "high")
    for status, limit in limits:
        if limit is not None and crossed(value, limit):
            yield status, f"too {side}, {status.lower()} from {plain(limit)}"


def lower_is_worse(rule: Rule) -> bool:
    """In which direction the thresholds are crossed."""
    warning, critical = rule.warning_threshold, rule.critical_threshold
    if warning is not None and critical is not None and warning != critical:
        return critical < warning
    return rule.comparison_operator in {Operator.GT, Operator.GTE}


def _shown(value: Value, unit: str | None) -> str:
    shown = plain(value) or "an empty text"
    return f"{shown} {unit}" if unit else shown


def plain(value: Value) -> str:
    """A number without exponent and trailing zeros; text as it is."""
    if isinstance(value, str):
        return value
    if not value:  # -0 too
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
