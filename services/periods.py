"""How close together the slots of a schedule can be."""

from functools import lru_cache
from itertools import pairwise

from services import ncrontab
from services.schedules import interval_seconds

DAY = 86400
LONGEST_DEFAULT = 30


@lru_cache(maxsize=4096)
def shortest_period_seconds(schedule: str) -> int:
    """The shortest time between two slots; for an expression with one slot a day, a day.

    Raises ValueError for what is no schedule.
    """
    if schedule.isdigit():
        return interval_seconds(schedule)
    times = _times_of_day(ncrontab.parse(schedule))
    around_midnight = times[0] + DAY - times[-1]
    return min([later - earlier for earlier, later in pairwise(times)] + [around_midnight])


def default_jitter_seconds(schedule: str) -> int:
    """A tenth of its shortest period, and never much."""
    return min(shortest_period_seconds(schedule) // 10, LONGEST_DEFAULT)


def _times_of_day(schedule: ncrontab.Schedule) -> list[int]:
    return sorted(
        hour * 3600 + minute * 60 + second
        for hour in schedule.hours
        for minute in schedule.minutes
        for second in schedule.seconds
    )
