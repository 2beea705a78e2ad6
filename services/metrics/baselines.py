"""Keep what is known of how long jobs take normally."""

import time
from collections.abc import Callable, Mapping, Sequence

from repositories.contracts.store import Store, Work
from repositories.records.speeds import Speed
from services.metrics.regressions import regression_of

BATCH = 500
FRESH_SECONDS = 1800
FEWEST_SAMPLES = 20
LASTING_SECONDS = 86400
FORGOTTEN_DAYS = 7
LONGEST_SECONDS = 240.0


class BaselineService:
    def __init__(
        self, store: Store, *, batch: int = BATCH, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._batch, self._clock = store, batch, clock
        self._places: dict[str, str] = {}

    def refresh(self) -> Mapping[str, int]:
        """How many were worked out anew, and forgotten.

        Stops after four minutes; the next run goes on from there, if it is of the same process.
        """
        deadline = self._clock() + LONGEST_SECONDS
        kinds = {"functions": self._speeds_of_functions, "kpis": self._speeds_of_kpis}
        updated = {kind: self._walk(kind, speeds, deadline) for kind, speeds in kinds.items()}
        with self._store.single() as work:
            return {**updated, "forgotten": work.baselines.forget(days=FORGOTTEN_DAYS)}

    def _walk(
        self, kind: str, speeds_after: Callable[[Work, str], Sequence[Speed]], deadline: float
    ) -> int:
        updated = 0
        while True:
            with self._store.single() as work:
                speeds = speeds_after(work, self._places.get(kind, ""))
                normal = [speed for speed in speeds if is_normal(speed)]
                work.baselines.keep(normal)
            updated += len(normal)
            is_last = len(speeds) < self._batch
            self._places[kind] = "" if is_last else speeds[-1].name
            if is_last or self._clock() >= deadline:
                return updated

    def _speeds_of_kpis(self, work: Work, after: str) -> Sequence[Speed]:
        return work.baselines.speeds_of_kpis(
            after=after, limit=self._batch, older_than_seconds=FRESH_SECONDS
        )

    def _speeds_of_functions(self, work: Work, after: str) -> Sequence[Speed]:
        return work.baselines.speeds_of_functions(
            after=after, limit=self._batch, older_than_seconds=FRESH_SECONDS
        )


def is_normal(speed: Speed) -> bool:
    """Whether it is taken for normal from now on.

    One that would be a regression itself is not, as long as what it would take the place of is
    younger than a day: else an incident would be normal as soon as it has filled the sample.
    """
    if speed.p95_ms is None or speed.sample_size < FEWEST_SAMPLES:
        return False
    age_seconds = speed.baseline_age_seconds
    if age_seconds is None or age_seconds >= LASTING_SECONDS:
        return True
    return regression_of(speed.job_id, speed.p95_ms, speed.baseline) is None
