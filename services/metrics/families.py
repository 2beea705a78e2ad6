"""A snapshot as the metrics of Prometheus, in the OpenMetrics format."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.openmetrics.exposition import generate_latest

from repositories.contracts.databases import PoolUse
from repositories.records.kpis import Verdict
from repositories.records.processes import JobMetric
from repositories.records.speeds import KpiGauge, WorkerGauge
from services.masking import mask_text
from services.metrics.exposition import Snapshot
from services.statuses import ServiceState
from services.timers import TimerState

VERDICTS = {verdict.value: float(number) for number, verdict in enumerate(Verdict)}
STATES = ("healthy", "stale", "down")
UNFINISHED = ("Queued", "Running")
DEAD_LETTERS = ("PENDING", "PROCESSING", "SUCCEEDED", "FAILED")
KPI_LABELS = ("name", "connection", "environment")
WORKER_LABELS = ("worker", "machine", "version")

T = TypeVar("T")


def write(snapshot: Snapshot) -> str:
    return str(generate_latest(_Families(snapshot)).decode())  # type: ignore[no-untyped-call]


class _Families:
    """A collector, as prometheus_client writes them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        snapshot = self._snapshot
        yield InfoMetricFamily(
            "watchkeeper_build", "The version that answers.", value={"version": snapshot.version}
        )
        yield from _of_kpis(snapshot.kpis)
        yield from _of_jobs(snapshot.jobs)
        yield from _of_services(snapshot.services)
        yield from _of_workers(snapshot.workers)
        yield _depth(
            "watchkeeper_queue_depth",
            "Executions of KPIs that have not ended, by status.",
            dict.fromkeys(UNFINISHED, 0) | {**snapshot.queue},
        )
        yield _depth(
            "watchkeeper_dead_letters",
            "What failed for good, by status.",
            dict.fromkeys(DEAD_LETTERS, 0) | {**snapshot.dead_letters},
        )
        yield _of_timers(snapshot.timers)
        yield from _of_pools(snapshot.worker, snapshot.pools)
        yield _of_targets(snapshot.worker, snapshot.targets)


def _of_kpis(kpis: Sequence[KpiGauge]) -> Iterator[Metric]:
    labelled = _masked({(one.name, one.connection, one.environment): one for one in kpis})
    status = GaugeMetricFamily(
        "watchkeeper_kpi_status",
        "The newest verdict: 0 Healthy, 1 Warning, 2 Critical, 3 Error.",
        labels=KPI_LABELS,
    )
    value = GaugeMetricFamily(
        "watchkeeper_kpi_value", "The newest value, where it is a number.", labels=KPI_LABELS
    )
    checked = GaugeMetricFamily(
        "watchkeeper_kpi_checked_timestamp_seconds",
        "When the newest verdict was reached.",
        labels=KPI_LABELS,
    )
    for labels, one in labelled.items():
        if one.status in VERDICTS:
            status.add_metric(labels, VERDICTS[one.status])
        if one.value is not None:
            value.add_metric(labels, one.value)
        if one.checked_at is not None:
            checked.add_metric(labels, one.checked_at.timestamp())
    yield from (status, value, checked)


def _of_jobs(jobs: Sequence[JobMetric]) -> Iterator[Metric]:
    labelled = _masked({(one.job_id,): one for one in jobs})
    durations = SummaryMetricFamily(
        "watchkeeper_job_duration_seconds",
        "Executions of each KPI, timer and HTTP function, and how long they took together.",
        labels=["job_id"],
    )
    failures = CounterMetricFamily(
        "watchkeeper_job_failures",
        "Executions that failed: of a KPI those that came to Error, of a timer those that raised an"
        " error, of an HTTP function answers of 500 and more.",
        labels=["job_id"],
    )
    regressions = CounterMetricFamily(
        "watchkeeper_job_regressions",
        "Executions far slower or far faster than normal, at most one in five minutes.",
        labels=["job_id", "kind"],
    )
    for labels, one in labelled.items():
        durations.add_metric(labels, one.total_executions, one.total_duration_ms / 1000)
        failures.add_metric(labels, one.failure_count)
        regressions.add_metric([*labels, "slower"], one.slower_count)
        regressions.add_metric([*labels, "faster"], one.faster_count)
    yield from (durations, failures, regressions)


def _of_services(services: Sequence[ServiceState]) -> Iterator[Metric]:
    labelled = _masked({(one.service,): one for one in services})
    age = GaugeMetricFamily(
        "watchkeeper_service_heartbeat_age_seconds",
        "Since the newest heartbeat of each service.",
        labels=["service"],
    )
    state = StateSetMetricFamily(
        "watchkeeper_service_state", "Which state each service is in.", labels=["service"]
    )
    for labels, one in labelled.items():
        age.add_metric(labels, one.age_seconds)
        state.add_metric(labels, {name: name == one.state for name in STATES})
    yield from (age, state)


def _of_workers(workers: Sequence[WorkerGauge]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "watchkeeper_worker_heartbeat_age_seconds",
        "Since the newest heartbeat of each process of Watchkeeper; for a quarter of an hour.",
        labels=WORKER_LABELS,
    )
    uptime = GaugeMetricFamily(
        "watchkeeper_worker_uptime_seconds",
        "How long each process of Watchkeeper had run at its newest heartbeat.",
        labels=WORKER_LABELS,
    )
    for one in workers:
        labels = [one.worker_instance_id, mask_text(one.machine_name), mask_text(one.version)]
        age.add_metric(labels, max(one.heartbeat_age_seconds, 0.0))
        uptime.add_metric(labels, one.uptime_seconds)
    yield from (age, uptime)


def _depth(name: str, about: str, counts: Mapping[str, int]) -> Metric:
    depth = GaugeMetricFamily(name, about, labels=["status"])
    for status, count in counts.items():
        depth.add_metric([status], count)
    return depth


def _of_timers(timers: Sequence[TimerState]) -> Metric:
    overdue = GaugeMetricFamily(
        "watchkeeper_timer_overdue_seconds",
        "How long ago each timer should have run; 0 where it has.",
        labels=["timer"],
    )
    for one in timers:
        overdue.add_metric([one.name], one.overdue_seconds)
    return overdue


def _of_pools(worker: str, pools: Mapping[str, Mapping[str, PoolUse]]) -> Iterator[Metric]:
    place = ["worker", "database", "pool"]
    connections = GaugeMetricFamily(
        "watchkeeper_pool_connections",
        "Connections of the process that answers, by what they do.",
        labels=[*place, "state"],
    )
    limit = GaugeMetricFamily(
        "watchkeeper_pool_connections_limit", "As many as there may be.", labels=place
    )
    for database, uses in pools.items():
        for pool, use in uses.items():
            connections.add_metric([worker, database, pool, "in_use"], use.in_use)
            connections.add_metric([worker, database, pool, "idle"], use.idle)
            limit.add_metric([worker, database, pool], use.size)
    yield from (connections, limit)


def _of_targets(worker: str, targets: Mapping[str, PoolUse]) -> Metric:
    connections = GaugeMetricFamily(
        "watchkeeper_target_connections",
        "Connections of the process that answers to what KPIs are run against.",
        labels=["worker", "connection", "state"],
    )
    for (name,), use in _masked({(name,): use for name, use in targets.items()}).items():
        connections.add_metric([worker, name, "in_use"], use.in_use)
        connections.add_metric([worker, name, "idle"], use.idle)
    return connections


def _masked(labelled: Mapping[tuple[str, ...], T]) -> dict[tuple[str, ...], T]:
    """Labels without secrets. Of some that are told apart by a secret alone, one is left."""
    return {tuple(map(mask_text, labels)): one for labels, one in labelled.items()}
