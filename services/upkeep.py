"""Remove what is older than it need be kept, a batch at a time."""

import logging
import time
from collections.abc import Callable, Mapping

from repositories.contracts.store import Store
from repositories.errors import StorageError
from services.pacing import Pace
from services.settings import ScheduledTasks

logger = logging.getLogger(__name__)

SMALLEST_BATCH = 100
LARGEST_BATCH = 1000
RETENTION_KEY = "MonitoringWorker.RetentionDays"
LONGEST_SECONDS = 300.0


class UpkeepService:
    """`chores` are what else is to be cleaned up, each with how many things it was.

    `batches` are the fewest and the most rows that one statement removes.
    """

    def __init__(
        self,
        store: Store,
        settings: ScheduledTasks,
        *,
        chores: Mapping[str, Callable[[], int]] | None = None,
        batches: tuple[int, int] = (SMALLEST_BATCH, LARGEST_BATCH),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store, self._settings, self._batches = store, settings, batches
        self._clock, self._sleep = clock, sleep
        self._chores = chores or {}

    def clean_up(self) -> Mapping[str, int]:
        """Rows removed, by table, and what the chores did. Stops after five minutes; the next run
        goes on from there.
        """
        deadline = self._clock() + LONGEST_SECONDS
        kept = self._kept()
        removed = {table: self._remove(table, days, deadline) for table, days in kept.items()}
        return {**removed, **{name: _count(name, chore) for name, chore in self._chores.items()}}

    def _kept(self) -> dict[str, int]:
        """Days that each table's rows are kept; the store's config goes before the settings."""
        with self._store.read() as work:
            configured = work.config.find(RETENTION_KEY)
        results = _days(configured) or self._settings.historical_data_retention_days
        logs = _days(configured) or self._settings.log_retention_days
        return {
            "database_monitoring_results": results,
            "database_monitoring_hours": results,
            "worker_jobs": logs,
            "worker_metrics": logs,
            "system_status_history": self._settings.status_history_retention_days,
            "worker_instances": logs,
            "audit_log": self._settings.audit_retention_days,
            "dead_letter_queue": logs,
            "job_metrics": results,
        }

    def _remove(self, table: str, days: int, deadline: float) -> int:
        """In batches: a row that is being removed, and the disk that it is removed from, are kept
        from others for a moment only.
        """
        least, most = self._batches
        pace = Pace(least=least, most=most, clock=self._clock, sleep=self._sleep)
        removed, is_over = 0, False
        with self._store.single() as work:
            while not is_over and self._clock() < deadline:
                with pace.step() as batch:
                    found = work.retention.remove(table, days=days, batch=batch)
                removed += found
                is_over = found < batch
        return removed


def _count(name: str, chore: Callable[[], int]) -> int:
    """A jobs database that is away now is seen to the next time."""
    try:
        return chore()
    except StorageError as error:
        logger.warning("chore %s is put off: %s", name, type(error).__name__)
        return 0


def _days(text: str | None) -> int | None:
    """A config row is edited by hand: what is not a sensible number of days does not count."""
    return (
        int(text) if text and text.isascii() and text.isdigit() and 0 < int(text) < 36500 else None
    )
