"""Keep what is known of how long jobs take normally."""

import time
from collections.abc import Callable, Mapping

from repositories.contracts.store import Store
from repositories.records.speeds import Walk

BATCH = 500
FRESH_SECONDS = 1800
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
        kinds = {"functions": self._step_over_functions, "kpis": self._step_over_kpis}
        updated = {kind: self._walk(kind, step, deadline) for kind, step in kinds.items()}
        with self._store.single() as work:
            return {**updated, "forgotten": work.baselines.forget(days=FORGOTTEN_DAYS)}

    def _walk(self, kind: str, step: Callable[[str], Walk], deadline: float) -> int:
        updated = 0
        while True:
            walk = step(self._places.get(kind, ""))
            updated += walk.updated
            self._places[kind] = walk.next or ""
            if walk.next is None or self._clock() >= deadline:
                return updated

    def _step_over_kpis(self, after: str) -> Walk:
        with self._store.single() as work:
            return work.baselines.refresh_kpis(
                after=after, limit=self._batch, older_than_seconds=FRESH_SECONDS
            )

    def _step_over_functions(self, after: str) -> Walk:
        with self._store.single() as work:
            return work.baselines.refresh_functions(
                after=after, limit=self._batch, older_than_seconds=FRESH_SECONDS
            )
