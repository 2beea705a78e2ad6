from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.schedules import LONGEST_SECONDS, interval_seconds, next_slot

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MICROSECOND = timedelta(microseconds=1)


def seconds(number: float) -> datetime:
    return NOON + timedelta(seconds=number)


@pytest.mark.parametrize(
    ("now", "following"),
    [(0, 30), (1, 30), (29.999999, 30), (30, 60), (30.000001, 60), (3599, 3600), (-5, 30)],
)
def test_an_interval_keeps_its_phase_and_does_not_make_up_for_missed_slots(
    now: float, following: float
) -> None:
    assert next_slot("30", slot_at=NOON, now=seconds(now)) == seconds(following)


@pytest.mark.parametrize(
    ("now", "following"), [(0, 10), (9.5, 10), (10, 20), (95, 100), (-5, 10), (3600, 3610)]
)
def test_an_expression_fires_after_the_slot_and_after_now(now: float, following: float) -> None:
    found = next_slot("*/10 * * * * *", slot_at=NOON, now=seconds(now))
    assert found == seconds(following)


@pytest.mark.parametrize(
    "schedule",
    ["", "0", "-5", "1.5", "²", "٣", "1e3", " 30", str(LONGEST_SECONDS + 1), "9" * 5000, "soon"],
)
def test_what_is_no_schedule_is_a_value_error(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"number of seconds|NCRONTAB"):
        next_slot(schedule, slot_at=NOON, now=NOON)


def test_the_longest_interval_is_a_leap_year() -> None:
    assert interval_seconds(str(LONGEST_SECONDS)) == 366 * 24 * 60 * 60


@settings(max_examples=300, deadline=None)
@given(st.integers(1, LONGEST_SECONDS), INSTANTS, INSTANTS)
def test_the_next_slot_of_an_interval_is_the_first_in_phase_after_now(
    length: int, slot_at: datetime, now: datetime
) -> None:
    interval = timedelta(seconds=length)
    found = next_slot(str(length), slot_at=slot_at, now=now)
    assert found > now
    assert found > slot_at
    assert (found - slot_at) % interval == timedelta(0)
    assert found == slot_at + interval or found - interval <= now


@settings(max_examples=300, deadline=None)
@given(st.integers(1, LONGEST_SECONDS), INSTANTS, st.integers(0, 10**6), st.integers(-1, 1))
def test_a_microsecond_around_a_slot_is_told_apart(
    length: int, slot_at: datetime, count: int, offset: int
) -> None:
    interval = timedelta(seconds=length)
    count = min(count, timedelta(days=365 * 1000) // interval)
    now = slot_at + interval * count + MICROSECOND * offset
    passed = count if offset >= 0 else count - 1
    expected = slot_at + interval * max(1, passed + 1)
    assert next_slot(str(length), slot_at=slot_at, now=now) == expected


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["0 * * * * *", "5 4 * * *", "*/7 */3 * * * MON-FRI"]), INSTANTS, INSTANTS)
def test_the_next_slot_of_an_expression_is_never_past(
    schedule: str, slot_at: datetime, now: datetime
) -> None:
    found = next_slot(schedule, slot_at=slot_at, now=now)
    assert found > max(slot_at, now)
    assert next_slot(schedule, slot_at=found - timedelta(seconds=1), now=now) <= found
