"""Tell the store what the functions of this process came to."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock, Thread

from repositories.contracts.store import Store, Work
from repositories.errors import StorageError
from repositories.records.speeds import Regression
from services.metrics import regressions
from services.metrics.tallies import Taken, Tally

logger = logging.getLogger(__name__)

UNLOGGED = 100


class Recorder:
    """What cannot be stored stays noted for the next time; what was far from normal is logged.

    A host drops what is logged by threads that serve nobody, so what the background finds waits for
    the next `flush` by somebody else.
    """

    def __init__(
        self, store: Store, tally: Tally, *, worker_instance_id: Callable[[], str]
    ) -> None:
        self._store, self._tally = store, tally
        self._worker_instance_id = worker_instance_id
        self._unlogged: deque[Regression] = deque(maxlen=UNLOGGED)
        self._background = Lock()

    def flush(self) -> None:
        """Now, in this thread. A store that is away is left for the next time."""
        try:
            self._flush()
        except StorageError as error:
            logger.warning("executions not counted yet: %s", error)
        regressions.log(self._drain())

    def flush_soon(self) -> None:
        """In the background, unless that is under way."""
        if not self._background.acquire(blocking=False):
            return
        try:
            Thread(target=self._flush_behind, name="recorder", daemon=True).start()
        except RuntimeError:  # no more threads: whoever comes next tries again
            self._background.release()

    def _flush_behind(self) -> None:
        try:
            self._flush()
        except StorageError:
            pass  # whoever flushes next says so
        finally:
            self._background.release()

    def _flush(self) -> None:
        """All of what was noted, or nothing."""
        taken = self._tally.take()
        if not (taken.counts or taken.slowest or taken.samples):
            return
        try:
            with self._store.work() as work:
                found = self._store_all(work, taken)
        except StorageError:
            self._tally.put_back(taken)
            raise
        self._unlogged.extend(found)

    def _store_all(self, work: Work, taken: Taken) -> Sequence[Regression]:
        work.metrics.count(self._tally.runs(taken.counts))
        work.metrics.add_samples(taken.samples, worker_instance_id=self._worker_instance_id())
        return work.metrics.note_regressions(_regressions(work, taken.slowest))

    def _drain(self) -> Sequence[Regression]:
        found = []
        while self._unlogged:
            found.append(self._unlogged.popleft())
        return found


def _regressions(work: Work, slowest: Mapping[str, float]) -> Sequence[Regression]:
    """Of all executions since the last time the slowest: where even that was fast, all were."""
    baselines = work.baselines.find(slowest)
    return [
        found
        for job_id, duration_ms in slowest.items()
        if (found := regressions.regression_of(job_id, duration_ms, baselines.get(job_id)))
    ]
