"""Work in steps that leave others room."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STEP_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class Pace:
    """How much to do in a step, so that each takes about a fiftieth of a second.

    After each step is a pause as long as it took: whoever is slow because the server is busy makes
    it no busier. `size` starts at `least` and never leaves what `least` and `most` say.
    """

    def __init__(
        self,
        *,
        least: int,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._least, self._most = least, most
        self._clock, self._sleep = clock, sleep
        self.size = least

    @contextmanager
    def step(self) -> Iterator[int]:
        """Gives how much is to be done."""
        started = self._clock()
        yield self.size
        seconds = self._clock() - started
        self.size = min(max(self._better_size(seconds), self._least), self._most)
        self._sleep(min(seconds, LONGEST_PAUSE_SECONDS))

    def _better_size(self, seconds: float) -> int:
        """At most twice as much as this time."""
        if seconds <= STEP_SECONDS / 2:
            return 2 * self.size
        return int(self.size * STEP_SECONDS / seconds)
