"""Counters: by how much they grow in a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal

from repositories.records.kpis import HistoryRule, Rule
from repositories.records.pasts import Reading
from services.judging.evidence import show_time
from services.judging.verdicts import plain

DIGITS = Context(prec=15)


@dataclass(frozen=True, slots=True)
class Rate:
    """Growth in a second, None where there is none yet; what is to be said of it; the details."""

    value: Decimal | None
    note: str | None
    details: Mapping[str, object]


def rate_of(counter: Decimal, now: datetime, before: Reading | None) -> Rate:
    """A counter that went down began anew at 0: it has grown by what it is now."""
    if before is None:
        return Rate(None, "first value of the counter", {"counter": counter})
    seconds = (now - before.at).total_seconds()
    was_reset = counter < before.value
    details = {
        "counter": counter,
        "previous": before.value,
        "previous_at": before.at,
        "seconds": seconds,
        "was_reset": was_reset,
    }
    if seconds <= 0:
        return Rate(None, "no time has passed since the counter was last read", details)
    growth = max(counter, Decimal(0)) if was_reset else counter - before.value
    note = _say_reset(counter, before) if was_reset else None
    return Rate(DIGITS.divide(growth, Decimal(repr(seconds))), note, details)


def unit_of(rule: Rule, history: HistoryRule) -> str | None:
    """The unit that the value is shown with."""
    return f"{rule.unit or ''}/s" if history.per_second else rule.unit


def _say_reset(counter: Decimal, before: Reading) -> str:
    return (
        f"the counter was reset: it was {plain(before.value)} at {show_time(before.at)}"
        f" and is {plain(counter)}"
    )
