"""Look for a KPI's trend, and where it leads."""

import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from repositories.records.kpis import Check
from services.caching import Cache
from services.judging.comparisons import OpenPasts
from services.judging.evidence import Evidence
from services.judging.forecasts import forecast, is_long_enough, no_forecast, window_of
from services.judging.trends import BUCKETS, LOOKS_EACH, Trend, find_trend, points_of

SECONDS, KEPT = 300, 10_000


class Outlooks:
    """The trend of a KPI is kept for five minutes in this process, of the newest KEPT KPIs."""

    def __init__(self, pasts: OpenPasts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = pasts
        self._trends = Cache(SECONDS, size=KEPT, clock=clock)

    def forecast(self, check: Check, value: Decimal, hours: int, now: datetime) -> Evidence:
        indicator_id = check.indicator_id
        trend = self._trends.get(
            (indicator_id, hours), lambda: self._find_trend(indicator_id, hours, now)
        ).value
        if trend is None:
            return no_forecast("not enough history yet")
        return forecast(check.rule, value, trend, forecast_hours=hours, now=now)

    def _find_trend(self, indicator_id: str, hours: int, now: datetime) -> Trend | None:
        """None while there is not enough history for it."""
        window, looks = window_of(hours), BUCKETS * LOOKS_EACH
        since = now - window
        starts = [since + window * look / looks for look in range(looks)]
        with self._open() as work:
            readings = work.pasts.samples(indicator_id, starts=starts, span=window / looks)
        points = points_of(readings, since=since, window=window)
        return find_trend(points, since=since) if is_long_enough(points, hours) else None
