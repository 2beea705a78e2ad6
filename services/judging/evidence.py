"""What a look into a KPI's past found, and the words for the numbers in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal

from services.judging.verdicts import Finding, plain

SHOWN = Context(prec=6)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What counts for the verdict, and for the result's details what it was compared with."""

    findings: tuple[Finding, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


def show_number(number: Decimal | float, *, signed: bool = False) -> str:
    """Six digits of it, without an exponent."""
    shown = plain(SHOWN.create_decimal(number if isinstance(number, Decimal) else repr(number)))
    return f"+{shown}" if signed and number > 0 else shown


def show_time(moment: datetime) -> str:
    """2026-12-03 14:00Z"""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%MZ}"
