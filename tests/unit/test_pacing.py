"""How large the steps are that long work is done in, and how long it rests in between."""

import pytest

from services.pacing import Pace


class Worker:
    """Takes so many seconds for each piece of a step; its rests are noted."""

    def __init__(self, seconds_each: float, *, least: int = 100, most: int = 1000) -> None:
        self.seconds_each, self.now = seconds_each, 0.0
        self.rests: list[float] = []
        self.pace = Pace(least=least, most=most, clock=lambda: self.now, sleep=self.rests.append)

    def work(self, steps: int) -> list[int]:
        return [self._step() for _ in range(steps)]

    def _step(self) -> int:
        with self.pace.step() as size:
            self.now += size * self.seconds_each
        return size


def test_quick_work_is_done_in_ever_larger_steps_up_to_the_most() -> None:
    assert Worker(1e-6).work(6) == [100, 200, 400, 800, 1000, 1000]


def test_steps_come_to_take_a_fiftieth_of_a_second() -> None:
    assert Worker(4e-5).work(5)[-1] == pytest.approx(500, rel=0.02)


def test_slow_work_is_done_in_the_least_steps() -> None:
    assert Worker(1e-2).work(3) == [100, 100, 100]


def test_work_that_turns_slow_is_cut_at_once() -> None:
    worker = Worker(1e-6)
    worker.work(6)
    worker.seconds_each = 1e-4
    assert worker.work(2) == [1000, 200]


def test_it_rests_as_long_as_a_step_took_but_no_longer_than_a_second() -> None:
    worker = Worker(1e-4)
    worker.work(1)
    worker.seconds_each = 1.0
    worker.work(1)
    assert worker.rests == pytest.approx([0.01, 1.0])
