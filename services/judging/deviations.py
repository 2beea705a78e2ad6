"""How far a value is from another one of the KPI's past, and whether that is too far."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from repositories.records.kpis import (
    CompareTo,
    DeviationSide,
    DeviationUnit,
    HistoryRule,
    Verdict,
)
from repositories.records.pasts import Reading
from services.judging.evidence import Evidence, show_number, show_time
from services.judging.norms import Norm
from services.judging.seasons import Season
from services.judging.verdicts import Finding, plain

INFINITE = Decimal("Infinity")
UNITS = {DeviationUnit.PERCENT: " %", DeviationUnit.DEVIATIONS: " robust standard deviations"}
NAMES = {
    CompareTo.PREVIOUS: "the previous value",
    CompareTo.SAME_TIME_YESTERDAY: "the value of the same time yesterday",
    CompareTo.SAME_TIME_LAST_WEEK: "the value of the same time last week",
}
SEASONS = {
    Season.HOUR_OF_WEEK: "for this hour of the week",
    Season.HOUR_OF_DAY: "for this hour of the day",
    Season.ANY_TIME: "in the last 28 days",
}


@dataclass(frozen=True, slots=True)
class Other:
    """What a value is compared with; `spread` is a robust standard deviation, if there is one."""

    value: Decimal
    words: str
    details: Mapping[str, object]
    spread: Decimal | None = None


def other_of_reading(compare_to: CompareTo, reading: Reading) -> Other:
    words = f"{NAMES[compare_to]}, {plain(reading.value)} at {show_time(reading.at)}"
    return Other(reading.value, words, {"value": reading.value, "at": reading.at})


def other_of_norm(norm: Norm) -> Other:
    return Other(
        norm.median,
        f"what is normal {SEASONS[norm.season]}, {show_number(norm.median)}",
        {
            "value": norm.median,
            "season": norm.season,
            "sample_size": norm.values,
            "median": norm.median,
            "mad": norm.mad,
            "robust_standard_deviation": norm.spread,
        },
        norm.spread,
    )


def weigh_deviation(rule: HistoryRule, value: Decimal, other: Other) -> Evidence:
    """Reaching a limit counts as crossing it; an infinite deviation crosses every one."""
    unit = rule.deviation_unit
    if unit is DeviationUnit.DEVIATIONS and other.spread is None:
        return nothing_to_compare(rule, "robust standard deviations are from a baseline")
    deviation = _deviation(unit, value, other)
    details = {
        "compare_to": rule.compare_to,
        **other.details,
        "deviation": deviation if deviation.is_finite() else None,
        "is_infinite": not deviation.is_finite(),
        "unit": unit,
        "side": rule.deviation_side,
    }
    return Evidence(tuple(_findings(rule, deviation, other)), {"comparison": details})


def nothing_to_compare(rule: HistoryRule, reason: str) -> Evidence:
    """No verdict comes of it; why is in the details."""
    return Evidence(
        details={
            "comparison": {"compare_to": rule.compare_to, "value": None, "not_compared": reason}
        }
    )


def percent_between(value: Decimal, other: Decimal) -> Decimal:
    """Of the other value, which 0 has no share of: all else is infinitely far from that."""
    if value == other:
        return Decimal(0)
    if other == 0:
        return INFINITE.copy_sign(value)
    return (value - other) / abs(other) * 100


def deviations_between(value: Decimal, middle: Decimal, spread: Decimal) -> Decimal:
    """In robust standard deviations; infinite where the past never differed."""
    if value == middle:
        return Decimal(0)
    if spread == 0:
        return INFINITE.copy_sign(value - middle)
    return (value - middle) / spread


def _deviation(unit: DeviationUnit, value: Decimal, other: Other) -> Decimal:
    if unit is DeviationUnit.PERCENT or other.spread is None:
        return percent_between(value, other.value)
    return deviations_between(value, other.value, other.spread)


def _findings(rule: HistoryRule, deviation: Decimal, other: Other) -> Iterator[Finding]:
    limits = (
        (Verdict.CRITICAL, rule.critical_deviation),
        (Verdict.WARNING, rule.warning_deviation),
    )
    counted = _on_side(rule.deviation_side, deviation)
    for status, limit in limits:
        if limit is not None and counted >= limit:
            unit = UNITS[rule.deviation_unit]
            distance = f"{_size(deviation, unit)} {'above' if deviation > 0 else 'below'}"
            yield status, f"{distance} {other.words}; {status.lower()} from {plain(limit)}{unit}"


def _on_side(side: DeviationSide, deviation: Decimal) -> Decimal:
    """How far it is on the side that counts; negative on the other."""
    if side is DeviationSide.BOTH:
        return abs(deviation)
    return deviation if side is DeviationSide.ABOVE else -deviation


def _size(deviation: Decimal, unit: str) -> str:
    return f"{show_number(abs(deviation))}{unit}" if deviation.is_finite() else "infinitely far"
