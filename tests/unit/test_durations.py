import pytest

from services.durations import say_duration, say_share


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 ms"),
        (850, "850 ms"),
        (1000, "1 s"),
        (59_999, "59 s"),
        (200_000, "3 min 20 s"),
        (3_600_000, "1 h"),
        (3_659_000, "1 h"),
        (187_200_000, "2 d 4 h"),
        (-5, "0 ms"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(ms: int, said: str) -> None:
    assert say_duration(ms) == said


def test_a_share_is_said_in_percent() -> None:
    assert (say_share(0.834), say_share(1), say_share(0)) == ("83 %", "100 %", "0 %")
