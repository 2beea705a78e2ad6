"""KPIs: run what is due, run one now, and show how they stand."""

import contextvars
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from repositories.contracts.store import Store
from repositories.records.kpis import Check, Kpi, Result, StoredResult, Verdict
from services.checks import Checks
from services.errors import NotFound
from services.pages import Page, cut
from services.schedules import next_slot
from services.settings import KpiMonitoring

PARALLEL_KEY = "MonitoringWorker.MaxConcurrentJobs"
CLAIMING_SECONDS = 240.0
LOOKING_SECONDS = 1.0
UNKNOWN_SCHEDULE_PAUSE = timedelta(hours=1)


@dataclass(slots=True)
class Round:
    """What one round of due KPIs came to; `lost` slots had gone to someone else meanwhile."""

    verdicts: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    errors: list[Exception] = field(default_factory=list)

    def note(self, outcome: "Future[Verdict | None]") -> None:
        if error := outcome.exception():
            if not isinstance(error, Exception):
                raise error
            self.errors.append(error)
        elif verdict := outcome.result():
            self.verdicts[verdict] += 1
        else:
            self.lost += 1

    def summary(self) -> Mapping[str, int]:
        return {**self.verdicts, "lost": self.lost, "not_stored": len(self.errors)}


class KpiService:
    def __init__(
        self,
        store: Store,
        checks: Checks,
        settings: KpiMonitoring,
        *,
        worker_instance_id: Callable[[], str],
        prepare: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`prepare` runs before the first round of this process, until it succeeds once."""
        self._store, self._checks, self._settings = store, checks, settings
        self._prepare, self._prepared = prepare, False
        self._worker_instance_id, self._clock = worker_instance_id, clock

    def run_due(self) -> Round:
        """Run all that is due, some at once, until nothing is or four minutes are over.

        What cannot be stored keeps its slot: the lease ends, and it runs again.
        """
        if not self._prepared:
            self._prepare()
            self._prepared = True
        limit = self._parallel()
        deadline = self._clock() + CLAIMING_SECONDS
        finished, running = Round(), set[Future[Verdict | None]]()
        with ThreadPoolExecutor(limit, thread_name_prefix="kpi") as threads:
            while True:
                free = limit - len(running) if self._clock() < deadline else 0
                for check in self._claim(free) if free else ():
                    context = contextvars.copy_context()
                    running.add(threads.submit(context.run, self._run_slot, check))
                if not running:
                    break
                done, running = wait(running, timeout=LOOKING_SECONDS, return_when=FIRST_COMPLETED)
                for outcome in done:
                    finished.note(outcome)
        if finished.errors:
            raise finished.errors[0]
        return finished

    def run_now(self, name: str) -> Result:
        """Run one KPI by hand and keep its result; its schedule stays as it is."""
        with self._store.read() as work:
            check = work.indicators.find(name)
        if check is None:
            raise NotFound(f"no KPI {name}")
        result = self._checks.run(check)
        with self._store.single() as work:
            work.results.add(check, result, worker_instance_id=None)
        return result

    def overview(self, *, after: str | None, limit: int) -> Page[Kpi]:
        with self._store.read() as work:
            rows = work.indicators.overview(name=None, after=after, limit=limit + 1)
        return cut(rows, limit, lambda kpi: (kpi.name,))

    def get(self, name: str) -> Kpi:
        with self._store.read() as work:
            return _one(name, work.indicators.overview(name=name, after=None, limit=1))

    def history(
        self,
        name: str,
        *,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> Page[StoredResult]:
        with self._store.read() as work:
            rows = work.results.history(name, hours=hours, before=before, limit=limit + 1)
            if not rows:
                _one(name, work.indicators.overview(name=name, after=None, limit=1))
        return cut(rows, limit, lambda result: (result.checked_at, result.result_id))

    def _parallel(self) -> int:
        """The store's config is stronger than the app's settings."""
        with self._store.read() as work:
            configured = work.config.find(PARALLEL_KEY) or ""
        if configured.isascii() and configured.isdigit() and 0 < int(configured) <= 100:
            return int(configured)
        return self._settings.max_parallel_kpis

    def _claim(self, limit: int) -> Sequence[Check]:
        with self._store.single() as work:
            return work.indicators.claim(
                lease_id=str(uuid.uuid4()),
                limit=limit,
                timeout_seconds=self._settings.execution_timeout_seconds,
                active_only=self._settings.process_only_active_kpis,
            )

    def _run_slot(self, check: Check) -> Verdict | None:
        """The verdict that was stored; None where the lease had ended and the slot was taken."""
        result = self._checks.run(check)
        due = _next_due(check, result.executed_at)
        with self._store.work() as work:
            if not work.indicators.release(check, next_due_at=due):
                return None
            work.results.add(check, result, worker_instance_id=self._worker_instance_id())
        return result.status


def _next_due(check: Check, now: datetime) -> datetime:
    try:
        return next_slot(check.schedule, slot_at=check.slot_at or now, now=now)
    except ValueError:
        return now + UNKNOWN_SCHEDULE_PAUSE


def _one(name: str, rows: Sequence[Kpi]) -> Kpi:
    if not rows:
        raise NotFound(f"no KPI {name}")
    return rows[0]
