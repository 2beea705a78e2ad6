"""KPIs: run what is due, run one now, and show how they stand."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from threading import Lock

from repositories.contracts.store import Store
from repositories.records.executions import Execution
from repositories.records.kpis import Check, Result, Rule, StoredResult, Verdict
from repositories.records.rows import Json
from services.checks import Checks
from services.errors import NotFound
from services.pages import Page, cut
from services.rounds.attempts import Outcome
from services.rounds.claims import Claims
from services.rounds.intake import Intake
from services.rounds.kpi_round import KpiRound, Round
from services.rounds.lanes import Lanes
from services.rounds.outcomes import Outbox, Outcomes
from services.settings import KpiMonitoring

PARALLEL_KEY = "MonitoringWorker.MaxConcurrentJobs"
UNSAVED = "unsaved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a KPI that is not stored came to."""

    status: Verdict
    value: Decimal | str | None
    message: str
    error_type: str | None
    duration_ms: float
    details: Json | None


class KpiService:
    """`prepare` runs before the first round of this process, until it succeeds once."""

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
        self._store, self._checks, self._settings = store, checks, settings
        self._prepare, self._prepared = prepare, False
        self._worker_instance_id, self._clock = worker_instance_id, clock
        self._lanes, self._is_round = Lanes(clock), Lock()

    def run_due(self) -> Round:
        """Run all that is due, some at once, until nothing is or four minutes are over."""
        with self._is_round:
            if not self._prepared:
                self._prepare()
                self._prepared = True
            came_to = self._round().work_off()
        self._checks.close_idle()
        if came_to.errors:
            raise came_to.errors[0]
        return came_to

    def run_now(self, name: str) -> Result:
        """Run one KPI by hand and keep its result; its schedule stays as it is."""
        with self._store.read() as work:
            check = work.indicators.check(name)
        if check is None:
            raise NotFound(f"no KPI {name}")
        execution = self._claims().begin(check)
        outcome = Outcome(execution, self._checks.run(execution))
        Outcomes(self._store, worker_instance_id=self._worker_instance_id).store([outcome])
        return outcome.result

    def run_unsaved(self, connection: str, sql: str, rule: Rule, timeout_seconds: int) -> Tried:
        """Run a query that is no KPI yet; nothing of it is stored."""
        with self._store.read() as work:
            found = work.connections.connection(connection)
        if found is None:
            raise NotFound(f"no connection {connection}")
        check = Check(
            indicator_id=UNSAVED,
            name=UNSAVED,
            schedule="60",
            slot_at=None,
            claimed_at=datetime.now(UTC),
            connection=found,
            sql=sql,
            timeout_seconds=timeout_seconds,
            rule=rule,
        )
        result = self._checks.run(Execution(job_id=UNSAVED, lease_id=UNSAVED, check=check))
        return Tried(**{one.name: getattr(result, one.name) for one in fields(Tried)})

    def history(
        self,
        name: str,
        *,
        status: str | None = None,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> Page[StoredResult]:
        with self._store.read() as work:
            rows = work.results.history(
                name, status=status, hours=hours, before=before, limit=limit + 1
            )
            if not rows:
                _require(name, work.indicators.find(name))
        return cut(rows, limit, lambda result: (result.checked_at, result.result_id))

    def _round(self) -> KpiRound:
        limit, clock, lanes = self._parallel(), self._clock, self._lanes
        outcomes = Outcomes(self._store, worker_instance_id=self._worker_instance_id)
        intake = Intake(self._claims(), lanes, limit=limit, clock=clock)
        outbox = Outbox(outcomes, clock)
        return KpiRound(lanes, intake, outbox, self._checks.run, limit=limit, clock=clock)

    def _claims(self) -> Claims:
        return Claims(self._store, self._settings, worker_instance_id=self._worker_instance_id)

    def _parallel(self) -> int:
        """The store's config is stronger than the app's settings."""
        with self._store.read() as work:
            configured = work.config.find(PARALLEL_KEY) or ""
        if configured.isascii() and configured.isdigit() and 0 < int(configured) <= 100:
            return int(configured)
        return self._settings.max_parallel_kpis


def _require(name: str, found: object) -> None:
    if found is None:
        raise NotFound(f"no KPI {name}")
