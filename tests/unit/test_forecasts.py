"""Where a trend leads, and when."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.records.kpis import Operator, Rule, Verdict
from repositories.records.pasts import Reading
from services.judging.evidence import Evidence
from services.judging.forecasts import forecast, is_long_enough, window_of
from services.judging.trends import BUCKETS, Point, find_trend, points_of

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=48)
FULL = Rule(critical_threshold=Decimal(90), unit="%")
FLOATS = st.floats(-1e6, 1e6)


def line(start: float, slope: float, *, points: int = 48) -> list[Point]:
    return [Point(float(hour), start + slope * hour) for hour in range(1, points + 1)]


def ahead(points: list[Point], value: float, rule: Rule = FULL, hours: int = 72) -> Evidence:
    trend = find_trend(points, since=SINCE)
    return forecast(rule, Decimal(str(value)), trend, forecast_hours=hours, now=NOW)


def details(evidence: Evidence) -> dict[str, Any]:
    found = evidence.details["forecast"]
    assert isinstance(found, dict)
    return found


def test_a_disk_that_fills_is_full_on_thursday() -> None:
    evidence = ahead(line(85.1, 0.05), 87.5)
    assert evidence.findings == (
        (
            Verdict.WARNING,
            "reaches 90 on Thursday 2026-12-03 14:00Z at this rate (+1.2 a day)",
        ),
    )
    found = details(evidence)
    assert found["reached_at"] == datetime(2026, 12, 3, 14, tzinfo=UTC)
    assert found["slope_per_hour"] == pytest.approx(0.05)
    assert (found["points"], found["critical_threshold"]) == (48, 90)
    assert (found["since"], found["until"]) == (SINCE + timedelta(hours=1), NOW)


def test_what_is_reached_within_a_day_is_told_by_the_hour() -> None:
    ((_, words),) = ahead(line(60, 0.5), 84).findings
    assert words == "reaches 90 on Wednesday 2026-12-02 00:00Z at this rate (+0.5 an hour)"


def test_what_is_reached_later_than_asked_for_is_nothing() -> None:
    assert ahead(line(85.1, 0.05), 87.5, hours=49).findings == ()
    assert len(ahead(line(85.1, 0.05), 87.5, hours=51).findings) == 1


@pytest.mark.parametrize("slope", [0, -0.05])
def test_a_flat_or_receding_trend_is_nothing(slope: float) -> None:
    evidence = ahead(line(89, slope), 89 + slope * 48)
    assert (evidence.findings, details(evidence)["reached_at"]) == ((), None)


def test_where_lower_is_worse_a_falling_trend_is_found() -> None:
    free = Rule(warning_threshold=Decimal(20), critical_threshold=Decimal(10))
    assert len(ahead(line(40, -0.5), 16, free).findings) == 1
    assert ahead(line(-8, 0.5), 16, free).findings == ()
    by_operator = Rule(critical_threshold=Decimal(10), comparison_operator=Operator.GT)
    assert len(ahead(line(40, -0.5), 16, by_operator).findings) == 1


def test_what_is_beyond_the_threshold_already_is_left_to_it() -> None:
    assert ahead(line(90, 0.05), 92.4).findings == ()


def test_noise_is_no_trend() -> None:
    noise = [Point(float(hour), 80 + 8 * math.sin(hour * 2.4)) for hour in range(48)]
    evidence = ahead(noise, 85)
    assert (evidence.findings, details(evidence)["is_certain"]) == ((), False)


def test_a_few_wild_values_do_not_turn_the_trend() -> None:
    points = line(85.1, 0.05)
    for place in (3, 17, 31):
        points[place] = Point(points[place].hours, 5000)
    found = details(ahead(points, 87.5))
    assert found["slope_per_hour"] == pytest.approx(0.05, rel=0.1)


def test_after_a_clean_up_the_trend_starts_from_where_it_is_now() -> None:
    points = [*line(60, 0.5)[:-2], Point(47.0, 20.0), Point(48.0, 20.5)]
    assert ahead(points, 20.5).findings == ()


def test_at_once_after_a_clean_up_what_was_before_it_is_no_forecast() -> None:
    for noise in (0.0, 0.5):
        points = [
            Point(hour, 60 + 0.6 * hour + noise * math.sin(hour * 2.4))
            for hour in map(float, range(49))
        ]
        assert len(ahead(points, 89).findings) == 1
        assert ahead(points, 20).findings == ()
        (half,) = ahead(points, 60, hours=60).findings
        assert "Thursday 2026-12-03" in half[1]


def test_a_value_that_is_better_by_no_more_than_values_scatter_turns_no_forecast() -> None:
    points = [
        Point(hour, 87 + 0.02 * hour + math.sin(hour * 2.4)) for hour in map(float, range(49))
    ]
    assert [len(ahead(points, value, hours=240).findings) for value in (88, 86, 85)] == [1, 1, 1]


def test_without_a_critical_threshold_there_is_nothing_to_reach() -> None:
    evidence = ahead(line(85.1, 0.05), 87.5, Rule(warning_threshold=Decimal(90)))
    assert evidence.findings == ()
    assert details(evidence)["no_forecast"] == "the KPI has no critical threshold"


@pytest.mark.parametrize(
    ("hours", "window"), [(1, 6), (6, 6), (48, 48), (24 * 60, 24 * 60), (8760, 24 * 60)]
)
def test_the_trend_is_looked_for_as_far_back_as_it_is_to_tell_ahead(
    hours: int, window: int
) -> None:
    assert window_of(hours) == timedelta(hours=window)


def test_few_points_and_a_short_time_are_no_trend() -> None:
    assert not is_long_enough(line(1, 1, points=7), 10)
    assert is_long_enough(line(1, 1, points=8), 70)
    assert not is_long_enough(line(1, 1, points=8), 71)
    assert not is_long_enough([], 1)


def test_values_are_put_together_in_sixty_points() -> None:
    window = timedelta(hours=60)
    values = [
        Reading(value=Decimal(hour + part), at=NOW + timedelta(hours=hour, minutes=10 * part))
        for hour in range(60)
        for part in (0, 2, 4)
    ]
    points = points_of(values, since=NOW, window=window)
    assert len(points) == BUCKETS
    assert points[5].hours == pytest.approx(5 + 1 / 3)
    assert points[5].value == 7


@settings(max_examples=60, deadline=None)
@given(FLOATS, st.floats(-100, 100), st.integers(8, 60))
def test_the_slope_of_a_line_is_its_own(start: float, slope: float, points: int) -> None:
    found = find_trend(line(start, slope, points=points), since=SINCE).slope_per_hour
    assert found == pytest.approx(slope, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(FLOATS, min_size=8, max_size=60), FLOATS, st.integers(1, 8760))
def test_what_is_foretold_is_ahead_and_in_time(
    values: list[float], value: float, hours: int
) -> None:
    points = [Point(float(hour), one) for hour, one in enumerate(values)]
    found = details(ahead(points, value, hours=hours))
    if found["reached_at"] is not None:
        assert timedelta() <= found["reached_at"] - NOW <= timedelta(hours=hours, seconds=1)
        assert found["is_certain"]
        assert found["slope_per_hour"] > 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from([Decimal("1e999")]),
        min_size=8,
        max_size=30,
    )
)
def test_no_number_is_too_large_for_a_trend(values: list[Decimal]) -> None:
    readings = [
        Reading(value=one, at=SINCE + timedelta(hours=hour)) for hour, one in enumerate(values)
    ]
    points = points_of(readings, since=SINCE, window=timedelta(hours=48))
    if len(points) >= 2:
        trend = find_trend(points, since=SINCE)
        forecast(FULL, values[-1], trend, forecast_hours=72, now=NOW)
