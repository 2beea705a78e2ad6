"""All of Watchkeeper's metrics as Prometheus reads them.

What is said of KPIs, jobs and services is read from the store when it is asked for, so that it is
the same whichever instance answers. Only the pools are those of this process, and say so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from repositories.contracts.databases import PoolUse
from repositories.contracts.store import Store
from repositories.records.processes import JobMetric
from repositories.records.speeds import KpiGauge, WorkerGauge
from services.caching import Aged, Cache
from services.statuses import ServiceState, StatusService
from services.timers import TimerService, TimerState

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SHOWN_SERVICES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is told at one time; pools by database and name, `targets` by connection."""

    version: str
    worker: str
    kpis: Sequence[KpiGauge]
    jobs: Sequence[JobMetric]
    services: Sequence[ServiceState]
    workers: Sequence[WorkerGauge]
    queue: Mapping[str, int]
    dead_letters: Mapping[str, int]
    timers: Sequence[TimerState]
    pools: Mapping[str, Mapping[str, PoolUse]]
    targets: Mapping[str, PoolUse]


class ExpositionService:
    """`pools` and `targets` say how the connections of this process are used."""

    def __init__(
        self,
        store: Store,
        *,
        statuses: StatusService,
        timers: TimerService,
        pools: Mapping[str, Callable[[], Mapping[str, PoolUse]]],
        targets: Callable[[], Mapping[str, PoolUse]],
        worker_instance_id: Callable[[], str],
        version: str,
        cache: Cache,
    ) -> None:
        self._store, self._statuses, self._timers = store, statuses, timers
        self._pools, self._targets = pools, targets
        self._worker_instance_id, self._version = worker_instance_id, version
        self._cache = cache

    def text(self, *, fresh: bool = False) -> Aged[str]:
        """In the OpenMetrics format."""
        return self._cache.get("exposition", lambda: _written(self._snapshot()), fresh=fresh)

    def _snapshot(self) -> Snapshot:
        services = self._statuses.services(after=None, limit=SHOWN_SERVICES).items
        timers = self._timers.states()
        with self._store.read() as work:
            return Snapshot(
                version=self._version,
                worker=self._worker_instance_id(),
                kpis=work.metrics.kpis(),
                jobs=work.metrics.totals(),
                services=services,
                workers=work.metrics.workers(),
                queue=work.executions.depth(),
                dead_letters=work.dead_letters.depth(),
                timers=timers,
                pools={name: use() for name, use in self._pools.items()},
                targets=self._targets(),
            )


def _written(snapshot: Snapshot) -> str:
    """Its library takes a while to import: only who asks waits for it."""
    from services.metrics.families import write

    return write(snapshot)
