"""A schedule in plain words: every 5 minutes; at 02:00 on Sundays (UTC)."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import product

from services import ncrontab
from services.ncrontab import FIELDS, Schedule
from services.schedules import interval_seconds

UNITS = ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
FEW_TIMES, MOST_TIMES = 4, 12
SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY = FIELDS
Values = Collection[int]


@lru_cache(maxsize=4096)
def describe_schedule(schedule: str) -> str:
    """Raises ValueError for what is no schedule."""
    if schedule.isdigit():
        return _every(interval_seconds(schedule))
    read = ncrontab.parse(schedule)
    time, days = _time(read), _days(read)
    is_anywhere = not days and read.hours == HOUR.every
    return f"{time}{days}" if is_anywhere else f"{time}{days} (UTC)"


def _every(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    return _each(seconds // size, unit)


def _each(number: int, unit: str) -> str:
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _time(read: Schedule) -> str:
    seconds, minutes, hours = read.seconds, read.minutes, read.hours
    if len(seconds) > 1:
        return _joined(_steps(SECOND, seconds, "second"), _minutes_of(minutes), _hours_of(hours))
    if len(minutes) * len(hours) <= FEW_TIMES or _is_irregular(minutes, hours):
        return f"at {_listed(_clocks(read))}"
    at = _at_second(*seconds)
    if len(minutes) > 1:
        return _joined(_steps(MINUTE, minutes, "minute"), at, _hours_of(hours))
    return _joined(_hourly(sorted(hours), *minutes), at)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _is_irregular(minutes: Values, hours: Values) -> bool:
    """So many times that they can still be listed, at hours that no other words fit."""
    ordered = sorted(hours)
    is_plain = _is_span(ordered) or _step_of(HOUR, ordered) is not None
    return len(minutes) == 1 and len(hours) <= MOST_TIMES and not is_plain


def _clocks(read: Schedule) -> list[str]:
    (second,) = read.seconds
    times = product(sorted(read.hours), sorted(read.minutes))
    return [_clock(hour, minute, second) for hour, minute in times]


def _hourly(hours: Sequence[int], minute: int) -> str:
    if len(hours) < len(HOUR.every) and _is_span(hours):
        return f"every hour from {_clock(hours[0], minute, 0)} to {_clock(hours[-1], minute, 0)}"
    past = f" at minute {minute}" if minute else ""
    return _steps(HOUR, hours, "hour") + past


def _steps(field: ncrontab.Field, values: Values, unit: str) -> str:
    """`every 5 minutes` where they are all such a step apart, else each of them."""
    ordered = sorted(values)
    step = _step_of(field, ordered)
    if step is None:
        return f"at {unit} {_spans(ordered)}"
    return _each(step, unit) + (f" from {unit} {ordered[0]}" if ordered[0] else "")


def _step_of(field: ncrontab.Field, ordered: Sequence[int]) -> int | None:
    """How far apart they are, all round the clock."""
    if len(ordered) < 2:
        return None
    size, step = field.highest + 1, ordered[1] - ordered[0]
    is_even = size % step == 0 and ordered[0] < step
    return step if is_even and list(ordered) == [*range(ordered[0], size, step)] else None


def _at_second(second: int) -> str:
    return f"at second {second}" if second else ""


def _minutes_of(minutes: Values) -> str:
    return "" if minutes == MINUTE.every else f"of minute {_spans(sorted(minutes))}"


def _hours_of(hours: Values) -> str:
    if hours == HOUR.every:
        return ""
    ordered = sorted(hours)
    if _is_span(ordered):
        return f"from {ordered[0]:02}:00 to {ordered[-1]:02}:59"
    return f"in the hours {_spans(ordered)}"


def _days(read: Schedule) -> str:
    found = ""
    if read.days != DAY.every:
        found += f" on day {_spans(sorted(read.days))} of the month"
    if read.weekdays != WEEKDAY.every:
        joint = " if that is " if found else " on "
        found += joint + _named(WEEKDAY, read.weekdays, plural="" if found else "s")
    if read.months != MONTH.every:
        found += f" in {_named(MONTH, read.months)}"
    return found


def _named(field: ncrontab.Field, values: Values, plural: str = "") -> str:
    ordered = sorted(values)
    names = [field.words[value - field.lowest].capitalize() + plural for value in ordered]
    if len(ordered) > 2 and _is_span(ordered):
        return f"{names[0]} to {names[-1]}"
    return _listed(names, "or" if field is WEEKDAY and not plural else "and")


def _spans(ordered: Sequence[int]) -> str:
    """0 to 4, 7 and 9"""
    spans: list[list[int]] = []
    for value in ordered:
        if spans and value == spans[-1][-1] + 1:
            spans[-1].append(value)
        else:
            spans.append([value])
    return _listed(
        [f"{one[0]} to {one[-1]}" if len(one) > 2 else _listed([*map(str, one)]) for one in spans]
    )


def _is_span(ordered: Sequence[int]) -> bool:
    return ordered[-1] - ordered[0] == len(ordered) - 1


def _listed(words: Sequence[str], joint: str = "and") -> str:
    *others, last = words
    return f"{', '.join(others)} {joint} {last}" if others else last


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")
