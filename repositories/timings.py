"""How long this process's statements took."""

from collections import deque


class Timings:
    """The newest statements' times."""

    def __init__(self, kept: int = 500) -> None:
        self._newest: deque[float] = deque(maxlen=kept)

    def note(self, seconds: float) -> None:
        self._newest.append(seconds)

    def mean_ms(self) -> float | None:
        """None before the first."""
        newest = list(self._newest)
        return 1e3 * sum(newest) / len(newest) if newest else None
