"""What single KPIs found before."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from repositories.records.kpis import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number that a KPI found, and when."""

    value: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVerdict:
    """What was shown after a slot, and the verdict of that execution alone."""

    status: Verdict
    raw_status: Verdict
