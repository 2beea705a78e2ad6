"""Roll results up by the hour."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from repositories.contracts.store import Store

HOUR = timedelta(hours=1)
LONGEST_SECONDS = 240.0


class RollupService:
    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock

    def roll_up(self) -> Mapping[str, int]:
        """Every hour that is over since the last run, and the one before these once more: results
        may have come late for it. Each is a transaction. Stops after four minutes; the next run
        goes on from there.
        """
        deadline = self._clock() + LONGEST_SECONDS
        hours = summaries = 0
        since: datetime | None = None
        while self._clock() < deadline:
            with self._store.work() as work:
                unrolled = work.hours.unrolled(since=since)
                if unrolled.hour is None:
                    work.hours.close(unrolled.until)
                    break
                summaries += work.hours.roll_up(unrolled.hour)
            since, hours = unrolled.hour + HOUR, hours + 1
        return {"hours": hours, "summaries": summaries}
