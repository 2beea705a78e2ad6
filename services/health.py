"""Is everything well? Each part is asked by itself, and says why where it is not."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from repositories.contracts.jobs import JobsDatabase
from repositories.contracts.store import Store
from repositories.errors import StorageError
from repositories.records.kpis import Verdict
from services.caching import Aged, Cache
from services.reports import Component, Health, Report
from services.settings import SettingProblem
from services.statuses import StatusService
from services.stopwatch import Stopwatch
from services.timers import TimerService

FUNCTIONS = ("complete_task_and_check_stage", "advance_job_stage", "check_job_completion")
SHOWN_SERVICES = 500


class HealthService:
    """`known` are the store's migrations in order, the newest last."""

    def __init__(
        self,
        store: Store,
        jobs: JobsDatabase,
        *,
        statuses: StatusService,
        timers: TimerService,
        known: Sequence[str],
        problems: Sequence[SettingProblem],
        has_keys: bool,
        cache: Cache,
    ) -> None:
        self._store, self._jobs = store, jobs
        self._statuses, self._timers = statuses, timers
        self._known, self._problems, self._cache = known, problems, cache
        self._has_keys = has_keys
        self._probe = ThreadPoolExecutor(4, thread_name_prefix="ready")

    def ready(self, *, within_seconds: float = 2.0) -> bool:
        """Whether the store answers one round trip in time, however it fails to."""
        try:
            self._probe.submit(self._store.ping).result(within_seconds)
        except (StorageError, TimeoutError):
            return False
        return True

    def full(self, *, fresh: bool = False) -> Aged[Report]:
        """Every part. What is unhealthy is asked anew each time."""
        return self._cache.get("health", self._everything, fresh=fresh, keep=_may_keep)

    def database(self, *, fresh: bool = False) -> Aged[Report]:
        return self._cache.get(
            "health/database",
            lambda: Report({"database": self._database()}),
            fresh=fresh,
            keep=_may_keep,
        )

    def quick(self) -> Report:
        """Whether the store answers and the settings are sound; one round trip."""
        return Report({"database": self._connection(), "settings": self._settings()})

    def _everything(self) -> Report:
        database = self._database()
        if database.status is Health.UNHEALTHY:
            return Report({"database": database, "settings": self._settings()})
        return Report(
            {
                "database": database,
                "settings": self._settings(self._missing_keys()),
                "migrations": _guarded(self._migrations),
                "kpis": _guarded(self._kpis),
                "services": _guarded(self._services),
                "timers": _guarded(self._timer_states),
            }
        )

    def _connection(self) -> Component:
        watch = Stopwatch.start()
        try:
            self._store.ping()
        except StorageError as error:
            return Component(Health.UNHEALTHY, {"error": str(error)})
        return Component(Health.HEALTHY, {"connection_time_ms": watch.elapsed_ms})

    def _database(self) -> Component:
        connection = self._connection()
        if connection.status is Health.UNHEALTHY:
            return connection
        server = _guarded(self._server)
        jobs = _guarded(self._job_counts)
        mean = self._store.mean_query_ms()
        return Component(
            max(server.status, jobs.status, key=[*Health].index),
            {
                **connection.facts,
                **server.facts,
                **jobs.facts,
                "avg_query_time_ms": None if mean is None else round(mean, 3),
            },
        )

    def _server(self) -> Component:
        with self._store.read() as work:
            server = work.facts.server()
        nearly_full = server.connections >= 0.9 * server.max_connections
        return Component(
            Health.DEGRADED if nearly_full else Health.HEALTHY,
            {
                "server_version": server.version,
                "database": server.database_name,
                "connections": server.connections,
                "max_connections": server.max_connections,
            },
        )

    def _job_counts(self) -> Component:
        with self._jobs.read() as work:
            job_counts = work.jobs.job_counts(hours=24)
            task_counts = work.jobs.task_counts(hours=24)
            functions = work.jobs.functions()
        complete = set(FUNCTIONS) <= set(functions)
        return Component(
            Health.HEALTHY if complete else Health.DEGRADED,
            {
                "jobs_last_24h": _with_total(
                    job_counts, ("queued", "processing", "completed", "failed")
                ),
                "tasks_last_24h": _with_total(
                    task_counts, ("queued", "processing", "completed", "failed")
                ),
                "functions_available": functions,
            },
        )

    def _migrations(self) -> Component:
        with self._store.read() as work:
            applied = work.facts.revision()
        facts = {"applied": applied, "newest": self._known[-1]}
        if applied is None:
            return Component(Health.UNHEALTHY, {**facts, "pending": list(self._known)})
        if applied not in self._known:
            return Component(Health.DEGRADED, {**facts, "error": "the store is newer than the app"})
        pending = [*self._known[self._known.index(applied) + 1 :]]
        status = Health.DEGRADED if pending else Health.HEALTHY
        return Component(status, {**facts, "pending": pending})

    def _kpis(self) -> Component:
        with self._store.read() as work:
            rows = work.indicators.summary()
            letters = work.dead_letters.depth()
        counts = {row.status: row.kpis for row in rows}
        overdue = sum(row.overdue for row in rows)
        bad = counts.get(Verdict.CRITICAL, 0) + counts.get(Verdict.ERROR, 0)
        verdicts = {name.lower(): counts.get(name, 0) for name in (*Verdict, "Unknown")}
        return Component(
            Health.DEGRADED if bad or overdue else Health.HEALTHY,
            {
                "total": sum(counts.values()),
                **verdicts,
                "not_available": counts.get("NotAvailable", 0),
                "overdue": overdue,
                "dead_letters": letters.get("PENDING", 0),
            },
        )

    def _services(self) -> Component:
        page = self._statuses.services(after=None, limit=SHOWN_SERVICES)
        counts = Counter(service.state for service in page.items)
        return Component(
            Health.DEGRADED if counts["down"] else Health.HEALTHY,
            {
                "total": len(page.items),
                **{state: counts[state] for state in ("healthy", "stale", "down")},
                "not_healthy": [s.service for s in page.items if s.state != "healthy"],
            },
        )

    def _timer_states(self) -> Component:
        states = self._timers.states()
        bad = any(state.missed or state.succeeded is False for state in states)
        return Component(Health.DEGRADED if bad else Health.HEALTHY, {"timers": states})

    def _settings(self, missing: Sequence[SettingProblem] = ()) -> Component:
        problems = [*self._problems, *missing]
        status = Health.DEGRADED if problems else Health.HEALTHY
        return Component(status, {"problems": problems} if problems else {})

    def _missing_keys(self) -> Sequence[SettingProblem]:
        """Nothing where the store does not tell: then other parts say why."""
        if self._has_keys:
            return ()
        try:
            with self._store.read() as work:
                count = work.connections.count_encrypted()
        except StorageError:
            return ()
        message = f"not set, and addresses that it would open: {count}"
        return [SettingProblem("ENCRYPTION_KEYS", message)] if count else ()


def _guarded(ask: Callable[[], Component]) -> Component:
    """A part that cannot be asked is a fact of its own."""
    try:
        return ask()
    except StorageError as error:
        return Component(Health.DEGRADED, {"error": f"{ask.__name__.strip('_')}: {error}"})


def _may_keep(report: Report) -> bool:
    return report.status is not Health.UNHEALTHY


def _with_total(counts: Mapping[str, int], always: Sequence[str]) -> dict[str, int]:
    return {"total": sum(counts.values()), **dict.fromkeys(always, 0), **counts}
