"""How a series is cut into buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.overviews import HOUR_SECONDS, LONGEST_EXACT_HOURS, bucket_seconds


@given(hours=st.integers(1, 87600), points=st.integers(10, 1000))
def test_buckets_cover_the_hours_and_are_no_more_than_asked_for(hours: int, points: int) -> None:
    width = bucket_seconds(hours, points)
    assert width * (points - 1) >= hours * HOUR_SECONDS
    if hours > LONGEST_EXACT_HOURS:
        assert width % HOUR_SECONDS == 0
        assert (width - HOUR_SECONDS) * (points - 1) < hours * HOUR_SECONDS
    else:
        assert (width - 1) * (points - 1) < hours * HOUR_SECONDS


@pytest.mark.parametrize(
    ("hours", "points", "seconds"),
    [(24, 200, 435), (1, 1000, 4), (168, 1000, 606), (169, 1000, 3600), (2160, 200, 39600)],
)
def test_the_width_of_some_buckets(hours: int, points: int, seconds: int) -> None:
    assert bucket_seconds(hours, points) == seconds
