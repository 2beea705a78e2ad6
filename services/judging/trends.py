"""Where a KPI's values are heading: a line that a few wild values do not turn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, groupby
from statistics import fmean, median

from repositories.records.pasts import Reading

BUCKETS, LOOKS_EACH = 60, 8
HOUR = timedelta(hours=1)
CERTAINTY = 1.96
"""So many standard deviations: less than one of twenty trends that are mere chance passes."""
LARGEST = 1e250
"""Floats that are larger could not be added up."""


@dataclass(frozen=True, slots=True)
class Point:
    """The mean of some values; hours since the window began."""

    hours: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`newest` are the last points' values; one that may be chance is not `is_certain`.

    `spread` is how far its points are from its line: the median distance.
    """

    slope_per_hour: float
    is_certain: bool
    points: int
    since: datetime
    until: datetime
    newest: tuple[float, ...]
    spread: float = 0

    @property
    def hours(self) -> float:
        return (self.until - self.since) / HOUR


def points_of(readings: Sequence[Reading], *, since: datetime, window: timedelta) -> list[Point]:
    """At most BUCKETS means of values up to LARGEST."""
    width = window / BUCKETS
    near = [reading for reading in readings if abs(reading.value) <= LARGEST]
    buckets = groupby(
        sorted(near, key=lambda reading: reading.at),
        key=lambda reading: (reading.at - since) // width,
    )
    return [_mean_point([*bucket], since) for _, bucket in buckets]


def find_trend(points: Sequence[Point], *, since: datetime) -> Trend:
    """Theil and Sen: the median of the slopes between every two points (two at least).

    Whether it is certain is Mann's and Kendall's test: how many pairs rise more than fall.
    """
    slopes = [
        (later.value - sooner.value) / (later.hours - sooner.hours)
        for sooner, later in combinations(points, 2)
    ]
    slope = median(slopes)
    heights = [point.value - slope * point.hours for point in points]
    height = median(heights)
    rises = sum((slope > 0) - (slope < 0) for slope in slopes)
    count = len(points)
    by_chance = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return Trend(
        slope_per_hour=slope,
        is_certain=abs(rises) > CERTAINTY * by_chance,
        points=count,
        since=since + points[0].hours * HOUR,
        until=since + points[-1].hours * HOUR,
        newest=tuple(point.value for point in points[-2:]),
        spread=median(abs(one - height) for one in heights),
    )


def _mean_point(readings: Sequence[Reading], since: datetime) -> Point:
    return Point(
        fmean((reading.at - since) / HOUR for reading in readings),
        fmean(float(reading.value) for reading in readings),
    )
