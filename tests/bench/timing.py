"""How long calls take, measured in turns: what slows the machine down meets all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

FEWEST_RUNS = 5

Measure = Callable[[], float]
"""Does the work once more and answers the seconds that it took."""


@dataclass(frozen=True, slots=True)
class Timings:
    """The seconds of every run, by what was measured; runs of one number stood side by side."""

    seconds: Mapping[str, Sequence[float]]

    def median_ms(self, name: str) -> float:
        return 1e3 * median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """The median of the runs' own ratios, so that a slow moment of the machine cancels out."""
        pairs = zip(self.seconds[name], self.seconds[other], strict=True)
        return median(one / two for one, two in pairs)


def timed(call: Callable[[], object], *, calls: int) -> Measure:
    """A run of so many calls; the seconds are those of one call."""

    def measure() -> float:
        started = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - started) / calls

    return measure


def take_turns(measures: Mapping[str, Measure], *, runs: int) -> Timings:
    """Run each in turn, every other round backwards, after one round that does not count."""
    if runs < FEWEST_RUNS:
        raise ValueError(f"{runs} runs are too few for a median")
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    forth = list(measures.items())
    for measure in measures.values():
        measure()
    for number in range(runs):
        for name, measure in forth if number % 2 == 0 else reversed(forth):
            seconds[name].append(measure())
    return Timings(seconds)
