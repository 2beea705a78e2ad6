"""Compare a KPI's value with one of its own past."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from repositories.contracts.pasts import Pasts
from repositories.records.kpis import Check, CompareTo
from services.caching import Cache
from services.judging.deviations import (
    Other,
    nothing_to_compare,
    other_of_norm,
    other_of_reading,
    weigh_deviation,
)
from services.judging.evidence import Evidence, show_time
from services.judging.norms import Norm, norm_of
from services.judging.seasons import plans_for
from services.schedules import next_slot

SECONDS, KEPT = 600, 10_000
SHORTEST_TOLERANCE = timedelta(minutes=10)
DISTANCES = {
    CompareTo.SAME_TIME_YESTERDAY: timedelta(days=1),
    CompareTo.SAME_TIME_LAST_WEEK: timedelta(weeks=1),
}


class Remembering(Protocol):
    """What of a session of the store is needed to look into the past."""

    @property
    def pasts(self) -> Pasts: ...


OpenPasts = Callable[[], AbstractContextManager[Remembering]]


class Comparisons:
    """What is normal for a KPI is kept for ten minutes in this process, of the newest KEPT KPIs."""

    def __init__(self, pasts: OpenPasts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = pasts
        self._norms = Cache(SECONDS, size=KEPT, clock=clock)

    def compare(self, check: Check, value: Decimal, now: datetime) -> Evidence:
        other = self._other(check, now)
        if isinstance(other, str):
            return nothing_to_compare(check.history, other)
        return weigh_deviation(check.history, value, other)

    def _other(self, check: Check, now: datetime) -> Other | str:
        """What to compare with, or why there is nothing."""
        compare_to = check.history.compare_to
        if compare_to is CompareTo.BASELINE:
            norm = self._norm(check.indicator_id, now)
            return "not enough history yet" if norm is None else other_of_norm(norm)
        with self._open() as work:
            if compare_to in DISTANCES:
                return _same_time(work.pasts, check, compare_to, now)
            before = work.pasts.previous(check.indicator_id, until=now)
        if before is None:
            return "there is no value before"
        return other_of_reading(CompareTo.PREVIOUS, before)

    def _norm(self, indicator_id: str, now: datetime) -> Norm | None:
        """None while there is not enough history for any season. A new hour has another norm."""
        key = indicator_id, f"{now:%Y-%m-%d %H}"
        return self._norms.get(key, lambda: self._find_norm(indicator_id, now)).value

    def _find_norm(self, indicator_id: str, now: datetime) -> Norm | None:
        with self._open() as work:
            for plan in plans_for(now):
                readings = work.pasts.samples(indicator_id, starts=plan.starts, span=plan.span)
                if plan.is_enough(readings):
                    return norm_of(plan.season, [reading.value for reading in readings])
        return None


def tolerance(schedule: str, distance: timedelta, now: datetime) -> timedelta:
    """Two periods of the schedule, ten minutes at least; always below half the distance."""
    half = distance / 2 - timedelta(microseconds=1)
    return min(max(_period(schedule, now) * 2, SHORTEST_TOLERANCE), half)


def _period(schedule: str, now: datetime) -> timedelta:
    """None of a schedule that is none: it runs by hand, or once an hour."""
    try:
        first = next_slot(schedule, slot_at=now, now=now)
        return next_slot(schedule, slot_at=first, now=first) - first
    except ValueError:
        return timedelta()


def _same_time(pasts: Pasts, check: Check, compare_to: CompareTo, now: datetime) -> Other | str:
    distance = DISTANCES[compare_to]
    within = tolerance(check.schedule, distance, now)
    at = now - distance
    nearest = pasts.nearest(check.indicator_id, at=at, within=within)
    if nearest is None:
        return f"there is no value within {within} of {show_time(at)}"
    return other_of_reading(compare_to, nearest)
