"""How benches take turns."""

from itertools import count

import pytest

from tests.bench.timing import Timings, take_turns, timed


def test_a_ratio_is_the_median_of_the_ratios_side_by_side() -> None:
    timings = Timings({"one": [2.0, 20.0, 6.0], "other": [1.0, 10.0, 2.0]})
    assert timings.ratio("one", "other") == 2.0


def test_the_median_is_in_milliseconds() -> None:
    assert Timings({"one": [0.003, 0.001, 0.002]}).median_ms("one") == 2.0


def test_the_first_round_does_not_count() -> None:
    rising = count()
    timings = take_turns({"one": lambda: float(next(rising))}, runs=5)
    assert timings.seconds["one"] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_every_other_round_goes_backwards() -> None:
    order: list[str] = []

    def note(name: str) -> float:
        order.append(name)
        return 1.0

    take_turns({"a": lambda: note("a"), "b": lambda: note("b")}, runs=5)
    assert "".join(order) == "ab" + "abbaabbaab"


def test_fewer_than_five_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        take_turns({}, runs=4)


def test_a_run_makes_its_calls_and_answers_the_seconds_of_one() -> None:
    made: list[None] = []
    seconds = timed(lambda: made.append(None), calls=7)()
    assert len(made) == 7
    assert 0 < seconds < 1
