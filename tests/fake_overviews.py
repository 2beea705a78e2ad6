"""In-memory stand-ins for the overviews and for what is rolled up."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from repositories.records.definitions import ConnectionDefinition, DefinitionFilter
from repositories.records.kpis import StoredResult, Verdict
from repositories.records.overviews import (
    Bucket,
    DatabaseSummary,
    Series,
    Unrolled,
    WorkerOverview,
)
from repositories.records.processes import Worker
from tests.fake_kpis import FakeIndicator, FakeKpis

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FROM_BEST = [*Verdict]


class Processes(Protocol):
    """Which processes there are: each with its last heartbeat and status, and since when."""

    all: dict[str, tuple[Worker, datetime, str]]
    started: dict[str, datetime]


class FakeHours:
    """What is rolled up of a KPI in an hour are the results that it had then."""

    def __init__(self, kpis: FakeKpis) -> None:
        self._kpis = kpis
        self.rolled: dict[tuple[str, datetime], Sequence[StoredResult]] = {}
        self.rolled_until = EPOCH

    def unrolled(self, *, since: datetime | None = None) -> Unrolled:
        start = self.rolled_until - HOUR if since is None else since
        until = whole_hour(self._kpis.clock())
        times = [
            result.checked_at
            for one in self._kpis.indicators.values()
            for result in one.results
            if start <= result.checked_at < until
        ]
        return Unrolled(hour=whole_hour(min(times)) if times else None, until=until)

    def roll_up(self, hour: datetime) -> int:
        found = {
            one.stored.id: [r for r in one.results if hour <= r.checked_at < hour + HOUR]
            for one in self._kpis.indicators.values()
        }
        self.rolled = {key: kept for key, kept in self.rolled.items() if key[1] != hour}
        self.rolled |= {(key, hour): results for key, results in found.items() if results}
        self.close(hour + HOUR)
        return sum(map(bool, found.values()))

    def close(self, until: datetime) -> None:
        self.rolled_until = max(self.rolled_until, until)

    def results_of(self, one: FakeIndicator, since: datetime) -> list[StoredResult]:
        """What a summary counts: rolled up ones, and each since then."""
        rolled = [
            result
            for (indicator_id, hour), results in self.rolled.items()
            if indicator_id == one.stored.id and hour >= since
            for result in results
        ]
        start = max(since, self.rolled_until)
        return rolled + [result for result in one.results if result.checked_at >= start]


class FakeOverviews:
    def __init__(self, kpis: FakeKpis, hours: FakeHours, workers: Processes) -> None:
        self._kpis, self._hours, self._workers = kpis, hours, workers

    def databases(
        self, filters: DefinitionFilter, *, after: str | None = None, limit: int
    ) -> list[DatabaseSummary]:
        chosen = [
            stored.definition
            for name, stored in sorted(self._kpis.connections.items())
            if (after is None or name > after) and _fits(stored.definition, filters)
        ]
        return [self._summary(one) for one in chosen[:limit]]

    def workers(
        self,
        *,
        environment: str | None = None,
        statuses: Collection[str] | None = None,
        states: Collection[str] | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[WorkerOverview]:
        every = [self._worker(worker_id) for worker_id in self._workers.all]
        found = [
            one
            for one in sorted(every, key=_place)
            if environment in {None, one.environment}
            and (statuses is None or one.status in statuses)
            and (states is None or one.state in states)
            and (before is None or _place(one) > (-before[0].timestamp(), before[1]))
        ]
        return found[:limit]

    def has_worker(self, worker_instance_id: str) -> bool:
        return worker_instance_id in self._workers.all

    def series(
        self, name: str, *, hours: int, bucket_seconds: int, by_hours: bool = False
    ) -> Series | None:
        one = self._kpis.indicators.get(name)
        if one is None:
            return None
        now, width = self._kpis.clock(), timedelta(seconds=bucket_seconds)
        since = EPOCH + (now - timedelta(hours=hours) - EPOCH) // width * width
        results = (
            self._hours.results_of(one, since)
            if by_hours
            else [result for result in one.results if result.checked_at >= since]
        )
        buckets: dict[datetime, list[StoredResult]] = defaultdict(list)
        for result in results:
            buckets[EPOCH + (result.checked_at - EPOCH) // width * width].append(result)
        return Series(
            kpi=name,
            unit=self._kpis.queries[one.stored.definition.query].definition.rule.unit,
            since=since,
            until=now,
            bucket_seconds=bucket_seconds,
            buckets=[_bucket(at, buckets[at]) for at in sorted(buckets)],
        )

    def _summary(self, connection: ConnectionDefinition) -> DatabaseSummary:
        kpis = [
            one
            for one in self._kpis.indicators.values()
            if one.stored.definition.connection == connection.name
        ]
        since = whole_hour(self._kpis.clock()) - timedelta(days=7)
        week = [result for one in kpis for result in self._hours.results_of(one, since)]
        newest = max(
            (result for one in kpis for result in one.results),
            key=lambda result: result.checked_at,
            default=None,
        )
        counts = {verdict: sum(one.status == verdict for one in week) for verdict in Verdict}
        healthy = counts[Verdict.HEALTHY]
        return DatabaseSummary(
            name=connection.name,
            provider=connection.provider,
            environment=connection.environment,
            tags=connection.tags,
            is_enabled=connection.is_enabled,
            checked_at=newest.checked_at if newest else None,
            status=newest.status if newest else None,
            checks_7d=len(week),
            healthy_7d=healthy,
            warning_7d=counts[Verdict.WARNING],
            critical_7d=counts[Verdict.CRITICAL],
            error_7d=counts[Verdict.ERROR],
            healthy_percent_7d=round(Decimal(100 * healthy) / len(week), 2) if week else None,
            mean_duration_ms_7d=sum(one.duration_ms for one in week) / len(week) if week else None,
        )

    def _worker(self, worker_instance_id: str) -> WorkerOverview:
        worker, seen, status = self._workers.all[worker_instance_id]
        seconds = (self._kpis.clock() - seen).total_seconds()
        statuses = [
            job.row.status
            for job in self._kpis.jobs.values()
            if job.row.worker_instance_id == worker_instance_id
        ]
        return WorkerOverview(
            worker_instance_id=worker_instance_id,
            worker_name=worker.worker_name,
            machine_name=worker.machine_name,
            process_id=worker.process_id,
            version=worker.version,
            environment=worker.environment,
            status=status,
            started_at=self._workers.started[worker_instance_id],
            last_heartbeat=seen,
            age_seconds=seconds,
            state=_health(status, seconds),
            running_jobs=statuses.count("Running"),
            queued_jobs=statuses.count("Queued"),
        )


def whole_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _fits(one: ConnectionDefinition, filters: DefinitionFilter) -> bool:
    return (
        filters.environment in {None, one.environment}
        and filters.provider in {None, one.provider}
        and filters.enabled in {None, one.is_enabled}
        and (filters.tag is None or filters.tag in one.tags)
    )


def _place(worker: WorkerOverview) -> tuple[float, str]:
    return -worker.started_at.timestamp(), worker.worker_instance_id


def _health(status: str, seconds: float) -> str:
    if status in {"Stopped", "Error"} or seconds >= 180:
        return "down"
    return "healthy" if seconds < 60 else "stale"


def _bucket(at: datetime, results: Iterable[StoredResult]) -> Bucket:
    found = [*results]
    values = [one.value for one in found if isinstance(one.value, Decimal)]
    return Bucket(
        at=at,
        min=min(values, default=None),
        max=max(values, default=None),
        mean=sum(values, Decimal()) / len(values) if values else None,
        count=len(found),
        worst=max((Verdict(one.status) for one in found), key=FROM_BEST.index),
    )
