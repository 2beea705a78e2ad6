"""In-memory stand-ins for how often each job ran, how long it took, and how long it does."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean
from typing import TYPE_CHECKING

from repositories.metrics import added_up, first_of_each, mean_of, rate_of, rounded
from repositories.records.kpis import Baseline
from repositories.records.processes import NOTHING, JobMetric, JobRuns
from repositories.records.rows import Json
from repositories.records.speeds import (
    JobFigures,
    KpiGauge,
    Regression,
    RegressionKind,
    Speed,
    StoredBaseline,
    StoredRegression,
    WorkerGauge,
)
from tests.fake_clocks import FakeClock
from tests.fake_kpis import FakeKpis

if TYPE_CHECKING:
    from tests.fakes import FakeWorkers


@dataclass(frozen=True)
class FakeSample:
    worker_instance_id: str
    recorded_at: datetime
    job_id: str
    duration_ms: float


class FakeMetrics:
    """What is in job_metrics, and of jobs in worker_metrics and performance_baselines."""

    def __init__(self, clock: FakeClock, workers: "FakeWorkers", kpis: FakeKpis) -> None:
        self._clock, self._workers, self._kpis = clock, workers, kpis
        self.all: dict[str, JobMetric] = {}
        self.metadata: dict[str, Json] = {}
        self.samples: list[FakeSample] = []
        self.regressions: dict[str, StoredRegression] = {}
        self.baselines: dict[str, StoredBaseline] = {}

    def count(self, runs: Sequence[JobRuns]) -> None:
        now = self._clock()
        for one in added_up(runs):
            old = self.all.get(one.job_id) or _never_run(one.job_id, now)
            self.all[one.job_id] = _counted(old, one, now)
            if one.metadata != NOTHING:
                self.metadata[one.job_id] = one.metadata

    def begin(self, job_id: str) -> None:
        now = self._clock()
        old = self.all.get(job_id) or _never_run(job_id, now)
        self.all[job_id] = replace(old, last_started_at=now)

    def totals(self, *, prefix: str | None = None) -> Sequence[JobMetric]:
        now = self._clock()
        return [replace(self.all[job_id], read_at=now) for job_id in self._ids(prefix)]

    def page(
        self,
        *,
        job_id: str | None = None,
        prefix: str | None = None,
        regressed_hours: int | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[JobFigures]:
        found = [
            self._figures(self.all[one])
            for one in self._ids(prefix)
            if job_id in {None, one} and (after is None or one > after)
            if regressed_hours is None or self._has_regressed(one, hours=regressed_hours)
        ]
        return found[:limit]

    def add_samples(
        self, samples: Mapping[str, Sequence[float]], *, worker_instance_id: str
    ) -> int:
        if worker_instance_id not in self._workers.all:
            return 0
        now = self._clock()
        added = [
            FakeSample(worker_instance_id, now, job_id, duration_ms)
            for job_id, durations in samples.items()
            for duration_ms in durations
        ]
        self.samples += added
        return len(added)

    def note_regressions(self, regressions: Sequence[Regression]) -> list[Regression]:
        noted = [
            one
            for one in first_of_each(regressions)
            if one.job_id in self.all and not self._has_regressed(one.job_id, minutes=5)
        ]
        for one in noted:
            self.regressions[one.job_id] = StoredRegression(
                regression=one.kind,
                duration_ms=round(one.duration_ms, 3),
                mean_ms=round(one.mean_ms, 3),
                p95_ms=round(one.p95_ms, 3),
                happened_at=self._clock(),
            )
            old, is_slower = self.all[one.job_id], one.kind is RegressionKind.SLOWER
            self.all[one.job_id] = replace(
                old,
                slower_count=old.slower_count + is_slower,
                faster_count=old.faster_count + (not is_slower),
            )
        return noted

    def remove(self, job_id: str) -> None:
        for known in (self.all, self.metadata, self.regressions, self.baselines):
            known.pop(job_id, None)

    def kpis(self) -> Sequence[KpiGauge]:
        found = []
        for name in sorted(self._kpis.indicators):
            one = self._kpis.indicators[name]
            definition = one.stored.definition
            connection = self._kpis.connection(definition.connection)
            query = self._kpis.queries[definition.query].definition
            if not (definition.is_active and connection.is_enabled and query.is_enabled):
                continue
            newest = one.results[-1] if one.results else None
            value = newest.value if newest else None
            found.append(
                KpiGauge(
                    name=name,
                    connection=definition.connection,
                    environment=connection.environment,
                    status=newest.status if newest else None,
                    value=float(value) if isinstance(value, Decimal) else None,
                    checked_at=newest.checked_at if newest else None,
                )
            )
        return found

    def workers(self) -> Sequence[WorkerGauge]:
        now = self._clock()
        return [
            WorkerGauge(
                worker_instance_id=worker_id,
                machine_name=worker.machine_name,
                version=worker.version,
                uptime_seconds=(seen - self._workers.started[worker_id]).total_seconds(),
                heartbeat_age_seconds=(now - seen).total_seconds(),
            )
            for worker_id, (worker, seen, status) in sorted(self._workers.all.items())
            if status not in {"Stopped", "Error"} and seen > now - timedelta(minutes=15)
        ]

    def _ids(self, prefix: str | None) -> list[str]:
        return sorted(job_id for job_id in self.all if job_id.startswith(prefix or ""))

    def _figures(self, metric: JobMetric) -> JobFigures:
        total, executions = metric.total_duration_ms, metric.total_executions
        return JobFigures(
            job_id=metric.job_id,
            total_executions=executions,
            success_count=metric.success_count,
            failure_count=metric.failure_count,
            success_rate=rate_of(metric.success_count, executions),
            total_duration_ms=round(total, 3),
            mean_duration_ms=mean_of(total, executions),
            min_duration_ms=rounded(metric.min_duration_ms),
            max_duration_ms=rounded(metric.max_duration_ms),
            last_execution_at=metric.last_execution_at,
            last_success_at=metric.last_success_at,
            last_failure_at=metric.last_failure_at,
            metadata=self.metadata.get(metric.job_id, NOTHING),
            slower_count=metric.slower_count,
            faster_count=metric.faster_count,
            baseline=_rounded(self.baselines.get(metric.job_id)),
            last_regression=self.regressions.get(metric.job_id),
        )

    def _has_regressed(self, job_id: str, **ago: float) -> bool:
        newest = self.regressions.get(job_id)
        return newest is not None and newest.happened_at > self._clock() - timedelta(**ago)


class FakeBaselines:
    def __init__(self, clock: FakeClock, metrics: FakeMetrics, kpis: FakeKpis) -> None:
        self._clock, self._metrics, self._kpis = clock, metrics, kpis

    def speeds_of_kpis(self, *, after: str, limit: int, older_than_seconds: int) -> list[Speed]:
        names = [
            name
            for name, one in self._kpis.indicators.items()
            if one.stored.definition.is_active
            and name > after
            and self._is_due(f"kpi:{name}", older_than_seconds)
        ]
        return [
            self._speed(name, f"kpi:{name}", self._durations_of_kpi(name))
            for name in sorted(names)[:limit]
        ]

    def speeds_of_functions(
        self, *, after: str, limit: int, older_than_seconds: int
    ) -> list[Speed]:
        names = [
            job_id
            for job_id in self._metrics.all
            if not job_id.startswith("kpi:")
            and job_id > after
            and self._is_due(job_id, older_than_seconds)
        ]
        return [
            self._speed(name, name, self._durations_of_function(name))
            for name in sorted(names)[:limit]
        ]

    def keep(self, speeds: Sequence[Speed]) -> None:
        for one in speeds:
            assert one.mean_ms is not None
            assert one.p95_ms is not None
            self._metrics.baselines[one.job_id] = StoredBaseline(
                mean_ms=one.mean_ms,
                p95_ms=one.p95_ms,
                sample_size=one.sample_size,
                updated_at=self._clock(),
            )

    def find(self, job_ids: Collection[str]) -> Mapping[str, Baseline]:
        return {
            job_id: Baseline(mean_ms=one.mean_ms, p95_ms=one.p95_ms)
            for job_id, one in self._metrics.baselines.items()
            if job_id in job_ids
        }

    def forget(self, *, days: int) -> int:
        until = self._clock() - timedelta(days=days)
        old = [job_id for job_id, one in self._metrics.baselines.items() if one.updated_at < until]
        for job_id in old:
            del self._metrics.baselines[job_id]
        return len(old)

    def _is_due(self, job_id: str, older_than_seconds: int) -> bool:
        known = self._metrics.baselines.get(job_id)
        until = self._clock() - timedelta(seconds=older_than_seconds)
        return known is None or known.updated_at < until

    def _speed(self, name: str, job_id: str, durations: Sequence[float]) -> Speed:
        known = self._metrics.baselines.get(job_id)
        return Speed(
            name=name,
            job_id=job_id,
            mean_ms=fmean(durations) if durations else None,
            p95_ms=_percentile(durations, 0.95) if durations else None,
            sample_size=len(durations),
            baseline=Baseline(mean_ms=known.mean_ms, p95_ms=known.p95_ms) if known else None,
            baseline_age_seconds=(
                (self._clock() - known.updated_at).total_seconds() if known else None
            ),
        )

    def _durations_of_kpi(self, name: str) -> Sequence[float]:
        since = self._clock() - timedelta(days=7)
        recent = [one for one in self._kpis.indicators[name].results if one.checked_at > since]
        return [one.duration_ms for one in recent[-200:] if one.status != "Error"]

    def _durations_of_function(self, job_id: str) -> Sequence[float]:
        since = self._clock() - timedelta(days=7)
        samples = self._metrics.samples
        recent = [one for one in samples if one.job_id == job_id and one.recorded_at > since]
        return [one.duration_ms for one in recent[-200:]]


def _percentile(durations: Sequence[float], share: float) -> float:
    """Between the two that are nearest, as the databases have it."""
    ordered = sorted(durations)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _rounded(baseline: StoredBaseline | None) -> StoredBaseline | None:
    if baseline is None:
        return None
    return replace(baseline, mean_ms=round(baseline.mean_ms, 3), p95_ms=round(baseline.p95_ms, 3))


def _never_run(job_id: str, now: datetime) -> JobMetric:
    return JobMetric(
        job_id=job_id,
        total_executions=0,
        success_count=0,
        failure_count=0,
        total_duration_ms=0,
        min_duration_ms=None,
        max_duration_ms=None,
        last_execution_at=None,
        last_success_at=None,
        last_failure_at=None,
        slower_count=0,
        faster_count=0,
        last_started_at=None,
        read_at=now,
    )


def _counted(old: JobMetric, runs: JobRuns, now: datetime) -> JobMetric:
    least, most = old.min_duration_ms, old.max_duration_ms
    success = _newest(old.last_success_at, now, runs.success_age_seconds)
    failure = _newest(old.last_failure_at, now, runs.failure_age_seconds)
    return replace(
        old,
        total_executions=old.total_executions + runs.successes + runs.failures,
        success_count=old.success_count + runs.successes,
        failure_count=old.failure_count + runs.failures,
        total_duration_ms=old.total_duration_ms + runs.total_duration_ms,
        min_duration_ms=runs.min_duration_ms if least is None else min(least, runs.min_duration_ms),
        max_duration_ms=runs.max_duration_ms if most is None else max(most, runs.max_duration_ms),
        last_execution_at=max(at for at in (old.last_execution_at, success, failure) if at),
        last_success_at=success,
        last_failure_at=failure,
    )


def _newest(old: datetime | None, now: datetime, age_seconds: float | None) -> datetime | None:
    if age_seconds is None:
        return old
    at = now - timedelta(seconds=age_seconds)
    return at if old is None else max(old, at)
