"""When a KPI will reach its critical threshold if it goes on like this."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median

from repositories.records.kpis import Rule, Verdict
from services.judging.evidence import Evidence, show_number
from services.judging.trends import HOUR, Point, Trend
from services.judging.verdicts import lower_is_worse, plain

FEWEST_POINTS = 8
FAR_OFF = 15
"""Median distances from the line. Three standard deviations of values are 4.5 of their median
distances, which are up to √8 times those of points: each is the mean of up to eight values.
"""
LEAST_SHARE = 10
SHORTEST, LONGEST = timedelta(hours=6), timedelta(days=60)


def window_of(forecast_hours: int) -> timedelta:
    """How far back the trend is looked for: as far as the forecast looks ahead, within reason."""
    return min(max(timedelta(hours=forecast_hours), SHORTEST), LONGEST)


def is_long_enough(points: Sequence[Point], forecast_hours: int) -> bool:
    """Eight points, over a tenth of the time ahead: a trend of a day says nothing about a year."""
    if len(points) < FEWEST_POINTS:
        return False
    return (points[-1].hours - points[0].hours) * LEAST_SHARE >= forecast_hours


def forecast(
    rule: Rule, value: Decimal, trend: Trend, *, forecast_hours: int, now: datetime
) -> Evidence:
    """Warning where the trend reaches the critical threshold in time, in the worse direction.

    The trend gives the slope; where it starts, `_level` says. What is beyond the threshold already
    has that verdict.
    """
    if rule.critical_threshold is None:
        return no_forecast("the KPI has no critical threshold")
    reached_at = _reached_at(rule, value, trend, forecast_hours, now)
    details = {
        "critical_threshold": rule.critical_threshold,
        "reached_at": reached_at,
        "slope_per_hour": trend.slope_per_hour,
        "is_certain": trend.is_certain,
        "points": trend.points,
        "since": trend.since,
        "until": trend.until,
    }
    if reached_at is None:
        return Evidence(details={"forecast": details})
    words = (
        f"reaches {plain(rule.critical_threshold)} on {reached_at:%A %Y-%m-%d %H:%MZ}"
        f" at this rate ({_pace(trend.slope_per_hour, reached_at - now)})"
    )
    return Evidence(((Verdict.WARNING, words),), {"forecast": details})


def no_forecast(reason: str) -> Evidence:
    details: Mapping[str, object] = {"reached_at": None, "no_forecast": reason}
    return Evidence(details={"forecast": details})


def _reached_at(
    rule: Rule, value: Decimal, trend: Trend, forecast_hours: int, now: datetime
) -> datetime | None:
    limit = float(rule.critical_threshold or 0)
    worse = -1 if lower_is_worse(rule) else 1
    way = worse * (limit - _level(float(value), trend, worse))
    approach = worse * trend.slope_per_hour
    if not trend.is_certain or not 0 < way <= approach * forecast_hours:
        return None
    return (now + HOUR * (way / approach)).astimezone(UTC)


def _level(value: float, trend: Trend, worse: int) -> float:
    """The median of now and the last two points, so that one wild value does not decide.

    But the value of now where that is better by more than the values ever scatter: what was before
    a clean-up counts no more.
    """
    level = median([*trend.newest, value])
    return value if worse * (level - value) > FAR_OFF * trend.spread else level


def _pace(slope_per_hour: float, ahead: timedelta) -> str:
    if ahead < timedelta(days=1):
        return f"{show_number(slope_per_hour, signed=True)} an hour"
    return f"{show_number(slope_per_hour * 24, signed=True)} a day"
