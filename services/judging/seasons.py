"""Which of a KPI's earlier values are fair to compare with: those of the same hour, if it can be.

Values are taken at times evenly spread, some 500 of them at most. The numbers of parts are primes,
so that a KPI's own rhythm and that of the samples do not fall into step.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from repositories.records.pasts import Reading

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
WEEKS, DAYS = 8, 28


class Season(StrEnum):
    """The hour of the week, the hour of the day, or any time; in UTC."""

    HOUR_OF_WEEK = "hour_of_week"
    HOUR_OF_DAY = "hour_of_day"
    ANY_TIME = "any_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """In which spans values of a season are looked for.

    So many are enough, if they are from `fewest_periods` different periods.
    """

    season: Season
    starts: Sequence[datetime]
    span: timedelta
    fewest: int
    period: timedelta
    fewest_periods: int

    def is_enough(self, readings: Collection[Reading]) -> bool:
        periods = {(reading.at - self.starts[0]) // self.period for reading in readings}
        return len(readings) >= self.fewest and len(periods) >= self.fewest_periods


def plans_for(now: datetime) -> Sequence[Plan]:
    """The narrowest season first: eight weeks for an hour of the week, else four."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return (
        Plan(
            season=Season.HOUR_OF_WEEK,
            starts=_divide_each([hour - WEEK * back for back in range(1, WEEKS + 1)], HOUR, 59),
            span=HOUR / 59,
            fewest=30,
            period=WEEK,
            fewest_periods=3,
        ),
        Plan(
            season=Season.HOUR_OF_DAY,
            starts=_divide_each([hour - DAY * back for back in range(1, DAYS + 1)], HOUR, 17),
            span=HOUR / 17,
            fewest=20,
            period=DAY,
            fewest_periods=7,
        ),
        Plan(
            season=Season.ANY_TIME,
            starts=_divide_each([now - DAY * DAYS], DAY * DAYS, 499),
            span=DAY * DAYS / 499,
            fewest=20,
            period=DAY,
            fewest_periods=1,
        ),
    )


def _divide_each(ranges: Sequence[datetime], length: timedelta, parts: int) -> Sequence[datetime]:
    """When each of so many parts of ranges of one length begins."""
    return [start + length * part / parts for start in ranges for part in range(parts)]
