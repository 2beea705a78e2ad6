"""How long something takes."""

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds since it was made."""

    started: float

    @classmethod
    def start(cls) -> "Stopwatch":
        return cls(time.perf_counter())

    @property
    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 3)
