"""NCRONTAB, the cron dialect of timer triggers, read as the Functions host reads it.

`{second} {minute} {hour} {day} {month} {weekday}`, in UTC; five fields mean second 0. The day of
the month and the weekday must both match. A range written backwards is the same range forwards,
so `FRI-MON` is Monday to Friday.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

ONE_SECOND: Final = timedelta(seconds=1)
LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NOT_NCRONTAB: Final = re.compile(
    r"[?#@]|\b(?:[LWHR]|LW|\d+[LW]|L-?\d+|W\d+)\b|\b[HR]\(", re.IGNORECASE
)


class Field(NamedTuple):
    name: str
    lowest: int
    highest: int
    words: tuple[str, ...] = ()

    @property
    def every(self) -> frozenset[int]:
        return frozenset(range(self.lowest, self.highest + 1))


MONTHS: Final = (
    "january february march april may june july august september october november december"
)
WEEKDAYS: Final = "sunday monday tuesday wednesday thursday friday saturday"
FIELDS: Final = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, tuple(MONTHS.split())),
    Field("weekday", 0, 6, tuple(WEEKDAYS.split())),
)


@dataclass(frozen=True)
class Schedule:
    """The seconds, minutes, … at which an expression fires, Sunday being weekday 0."""

    expression: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def __str__(self) -> str:
        return self.expression

    def next_after(self, instant: datetime) -> datetime:
        """The first firing later than `instant`, in UTC."""
        return self._step(_whole_second(instant), forward=True)

    def previous_before(self, instant: datetime) -> datetime:
        """The last firing earlier than `instant`, in UTC."""
        whole = _whole_second(instant)
        return self._step(whole if whole == instant else whole + ONE_SECOND, forward=False)

    @property
    def every_minute(self) -> bool:
        """Whether there is no minute in which it does not fire."""
        return self._sets[1:] == tuple(f.every for f in FIELDS[1:])

    @property
    def more_than_once_a_minute(self) -> bool:
        """Whether it fires several times in every single minute."""
        return len(self.seconds) > 1 and self.every_minute

    @property
    def _sets(self) -> tuple[frozenset[int], ...]:
        return (self.seconds, self.minutes, self.hours, self.days, self.months, self.weekdays)

    def _step(self, instant: datetime, *, forward: bool) -> datetime:
        from croniter import croniter  # 75 ms to import, which most processes never need

        # The fields are spelled out for croniter because it reads some of them otherwise than
        # NCRONTAB does: 5-5 as every value, FRI-MON around the weekend.
        plain = " ".join(map(_spell_out, FIELDS, self._sets))
        steps = croniter(plain, instant, second_at_beginning=True, day_or=False)
        found: datetime = steps.get_next(datetime) if forward else steps.get_prev(datetime)
        return found.astimezone(UTC)


def parse(expression: str) -> Schedule:
    """Raises ValueError, with a reason to show a user, for what the Functions host refuses."""
    parts = expression.split()
    if len(parts) not in (5, 6):
        raise ValueError(
            f"'{expression}' has {len(parts)} fields: NCRONTAB has 6, or 5 and no seconds"
        )
    if found := NOT_NCRONTAB.search(expression):
        raise ValueError(f"'{expression}' has '{found[0]}', which NCRONTAB does not know")
    if len(parts) == 5:
        parts.insert(0, "0")
    sets = (_read_field(field, part) for field, part in zip(FIELDS, parts, strict=True))
    schedule = Schedule(expression, *sets)
    if not _ever_fires(schedule):
        raise ValueError(f"'{expression}' never fires: none of its months has such a day")
    return schedule


def _read_field(field: Field, text: str) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _read_item(field, item))


def _read_item(field: Field, item: str) -> Iterable[int]:
    span, slash, step = item.partition("/")
    interval = _read_step(field, step) if slash else 1
    if span == "*":
        return range(field.lowest, field.highest + 1, interval)
    first, dash, last = span.partition("-")
    start = _read_value(field, first)
    if dash:
        start, end = sorted((start, _read_value(field, last)))
    else:
        end = field.highest if slash else start
    return range(start, end + 1, interval)


def _read_step(field: Field, text: str) -> int:
    if not _is_number(text) or int(text) < 1:
        raise ValueError(f"the {field.name} step '{text}' is not a whole number above 0")
    return int(text)


def _read_value(field: Field, text: str) -> int:
    value = int(text) if _is_number(text) else _read_word(field, text)
    if field.name == "weekday" and value == 7:
        raise ValueError("weekday 7 is not NCRONTAB: Sunday is 0")
    if not field.lowest <= value <= field.highest:
        raise ValueError(f"{field.name} {value} is not between {field.lowest} and {field.highest}")
    return value


def _read_word(field: Field, text: str) -> int:
    """Jan, MON, thurs, …: the name or at least its first three letters."""
    for value, word in enumerate(field.words, start=field.lowest):
        if len(text) >= 3 and word.startswith(text.lower()):
            return value
    raise ValueError(f"'{text}' is no {field.name}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4


def _ever_fires(schedule: Schedule) -> bool:
    return min(schedule.days) <= max(LONGEST_MONTHS[month - 1] for month in schedule.months)


def _spell_out(field: Field, values: frozenset[int]) -> str:
    return "*" if values == field.every else ",".join(map(str, sorted(values)))


def _whole_second(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("a schedule needs an instant with a time zone")
    return instant.astimezone(UTC).replace(microsecond=0)
