"""When a KPI is due: every so many seconds, or by an NCRONTAB expression in UTC."""

import zlib
from datetime import datetime, timedelta
from functools import lru_cache

from services import ncrontab

LONGEST_SECONDS = 366 * 86400


NO_JITTER = timedelta()


def next_slot(
    schedule: str, *, slot_at: datetime, now: datetime, jitter: timedelta = NO_JITTER
) -> datetime:
    """The first slot after now; slots that were missed are not made up for.

    A slot every so many seconds keeps its phase; one of an expression comes `jitter` after it.
    Raises ValueError for what is no schedule.
    """
    if not schedule.isdigit():
        instant = max(slot_at, now) - jitter
        return _next_of(schedule, instant.replace(microsecond=0)) + jitter
    interval = timedelta(seconds=interval_seconds(schedule))
    return slot_at + interval * max(1, (now - slot_at) // interval + 1)


def jitter_of(name: str, jitter_seconds: int) -> timedelta:
    """Up to so many seconds, and for one name always the same."""
    if not jitter_seconds:
        return NO_JITTER
    return timedelta(milliseconds=zlib.crc32(name.encode()) % (jitter_seconds * 1000 + 1))


def interval_seconds(schedule: str) -> int:
    seconds = int(schedule) if schedule.isascii() and len(schedule) < 10 else 0
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"{schedule} is not a number of seconds from 1 to {LONGEST_SECONDS}")
    return seconds


@lru_cache(maxsize=4096)
def _next_of(schedule: str, second: datetime) -> datetime:
    """Kept, since many KPIs have one schedule, and are due together."""
    return _expression(schedule).next_after(second)


@lru_cache(maxsize=256)
def _expression(text: str) -> ncrontab.Schedule:
    return ncrontab.parse(text)
