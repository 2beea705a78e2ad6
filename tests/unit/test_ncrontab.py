import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import ncrontab

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SOME_YEARS = 366 * 9
Times = Iterator[datetime]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "now", "following"),
    [
        ("*/10 * * * * *", "2026-03-01T00:00:09.5", "2026-03-01T00:00:10"),
        ("*/10 * * * * *", "2026-03-01T00:00:10", "2026-03-01T00:00:20"),
        ("0 * * * * *", "2026-12-31T23:59:30", "2027-01-01T00:00:00"),
        ("0 0 2 * * *", "2026-03-01T02:00:00", "2026-03-02T02:00:00"),
        ("0 0 3 * * SUN", "2026-03-02T00:00:00", "2026-03-08T03:00:00"),
        ("0 0 3 * * 0", "2026-03-02T00:00:00", "2026-03-08T03:00:00"),
        ("5 4 * * *", "2026-03-02T04:05:00", "2026-03-03T04:05:00"),
        ("59/15 * * * * *", "2026-03-01T00:00:00", "2026-03-01T00:00:59"),
        ("5-5 * * * * *", "2026-03-01T00:00:05", "2026-03-01T00:01:05"),
        ("0 0 0 * * FRI-MON", "2026-03-06T12:00:00", "2026-03-09T00:00:00"),
        ("0 0 0 1 january *", "2026-03-06T12:00:00", "2027-01-01T00:00:00"),
        ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 29 2 MON", "2026-01-01T00:00:00", "2044-02-29T00:00:00"),
    ],
)
def test_the_next_firing_is_the_first_one_later(expression: str, now: str, following: str) -> None:
    assert ncrontab.parse(expression).next_after(at(now)) == at(following)


def test_the_day_of_the_month_and_the_weekday_must_both_match() -> None:
    friday_the_13th = ncrontab.parse("0 0 0 13 * FRI")
    assert friday_the_13th.next_after(at("2026-04-01")) == at("2026-11-13")
    assert friday_the_13th.previous_before(at("2026-11-13")) == at("2026-03-13")


def test_an_instant_in_another_zone_is_the_same_instant() -> None:
    elsewhere = at("2026-03-01T01:59:59").astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert ncrontab.parse("0 0 2 * * *").next_after(elsewhere) == at("2026-03-01T02:00:00")


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ncrontab.parse("0 * * * * *").next_after(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("0 0 0 1 1 * 2026", "7 fields"),
        ("@daily", "1 fields"),
        ("00:05:00", "1 fields"),
        ("0 0 2 ? * *", "'\\?', which NCRONTAB does not know"),
        ("0 0 0 L * *", "'L', which"),
        ("0 0 0 LW * *", "'LW', which"),
        ("0 0 0 15W * *", "'15W', which"),
        ("0 0 0 * * 5L", "'5L', which"),
        ("0 0 0 * * FRI#2", "'#', which"),
        ("H * * * * *", "'H', which"),
        ("R(0-9) * * * * *", "'R', which"),
        ("0 0 0 * * 7", "Sunday is 0"),
        ("0 0 0 * * MON-7", "Sunday is 0"),
        ("60 * * * * *", "second 60 is not between 0 and 59"),
        ("0 0 24 * * *", "hour 24"),
        ("0 0 0 0 * *", "day of the month 0"),
        ("0 0 0 1 13 *", "month 13"),
        ("0 0 0 1 JA *", "'JA' is no month"),
        ("0 0 MON * * *", "'MON' is no hour"),
        ("*/0 * * * * *", "step '0'"),
        ("*/x * * * * *", "step 'x'"),
        ("1,,2 * * * * *", "'' is no second"),
        ("-5 * * * * *", "'' is no second"),
        ("1-2-3 * * * * *", "'2-3' is no second"),
        ("² * * * * *", "'²' is no second"),
        ("0 0 0 30 2 *", "never fires"),
        ("0 0 0 31 4,6,9,11 *", "never fires"),
    ],
)
def test_what_the_host_refuses_is_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ncrontab.parse(expression)


@pytest.mark.parametrize(
    ("expression", "often"),
    [
        ("*/10 * * * * *", True),
        ("* * * * * *", True),
        ("0 * * * * *", False),
        ("*/10 * 3 * * *", False),
        ("* * * * *", False),
    ],
)
def test_schedules_below_a_minute_are_told_apart(expression: str, often: bool) -> None:
    assert ncrontab.parse(expression).more_than_once_a_minute is often


def test_parsing_does_not_import_croniter() -> None:
    code = "import sys; from services import ncrontab; ncrontab.parse('0 * * * * *');"
    code += "sys.exit('croniter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def items(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    step = st.integers(1, 40)
    return st.one_of(
        st.just("*"),
        value.map(str),
        st.builds("{}-{}".format, value, value),
        st.builds("*/{}".format, step),
        st.builds("{}/{}".format, value, step),
        st.builds("{}-{}/{}".format, value, value, step),
    )


def field_of(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(items(low, high), min_size=1, max_size=3).map(",".join)


BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
EXPRESSIONS = st.tuples(*(field_of(*bounds) for bounds in BOUNDS)).map(" ".join)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def allowed(text: str, low: int, high: int) -> list[int]:
    """The values of a field by asking each value in turn, as the documentation words it."""

    def says(item: str, value: int) -> bool:
        span, _, step = item.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = sorted(map(int, span.split("-")))
        else:
            first, last = int(span), (high if step else int(span))
        return first <= value <= last and (value - first) % int(step or 1) == 0

    return [v for v in range(low, high + 1) if any(says(item, v) for item in text.split(","))]


class Model:
    """Looks at every day in turn, and at every time of a day that matches."""

    def __init__(self, expression: str) -> None:
        fields = [
            allowed(part, *bounds) for part, bounds in zip(expression.split(), BOUNDS, strict=True)
        ]
        self.seconds, self.minutes, self.hours, self.days, self.months, self.weekdays = fields

    def fires_on(self, day: datetime) -> bool:
        weekday = day.isoweekday() % 7
        return day.day in self.days and day.month in self.months and weekday in self.weekdays

    def times(self, day: datetime, order: Callable[[list[int]], Iterable[int]]) -> Times:
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        for hour in order(self.hours):
            for minute in order(self.minutes):
                for second in order(self.seconds):
                    yield midnight + timedelta(hours=hour, minutes=minute, seconds=second)

    def next_after(self, instant: datetime) -> datetime | None:
        days = (instant + n * DAY for n in range(SOME_YEARS))
        times = (t for day in days if self.fires_on(day) for t in self.times(day, iter))
        return next((t for t in times if t > instant), None)

    def previous_before(self, instant: datetime) -> datetime | None:
        days = (instant - n * DAY for n in range(SOME_YEARS))
        times = (t for day in days if self.fires_on(day) for t in self.times(day, reversed))
        return next((t for t in times if t < instant), None)


def parse_or_none(expression: str) -> ncrontab.Schedule | None:
    """None for what never fires, the only thing wrong with what is generated here."""
    try:
        return ncrontab.parse(expression)
    except ValueError as error:
        if "never fires" not in str(error):
            raise
        return None


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, INSTANTS)
def test_firings_are_those_of_a_search_by_hand(expression: str, instant: datetime) -> None:
    schedule, model = parse_or_none(expression), Model(expression)
    following, previous = model.next_after(instant), model.previous_before(instant)
    if schedule is None:
        assert following is previous is None
        return
    if following is not None:
        assert schedule.next_after(instant) == following
    if previous is not None:
        assert schedule.previous_before(instant) == previous


@settings(max_examples=80, deadline=None)
@given(EXPRESSIONS, INSTANTS)
def test_going_on_and_back_again_comes_home(expression: str, instant: datetime) -> None:
    if (schedule := parse_or_none(expression)) is None:
        return
    following = schedule.next_after(instant)
    assert following > instant
    assert schedule.previous_before(following) <= instant
    assert schedule.next_after(following - SECOND) == following
