"""How often each job ran, how long it took, and how it ended."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from repositories.contracts.databases import Row, Session
from repositories.json_rows import json_rows
from repositories.records.processes import JobMetric, JobRuns
from repositories.records.rows import build
from repositories.records.speeds import (
    JobFigures,
    KpiGauge,
    Regression,
    StoredBaseline,
    StoredRegression,
    WorkerGauge,
)


class SqlMetrics:
    def __init__(self, session: Session) -> None:
        self._session = session

    def count(self, runs: Sequence[JobRuns]) -> None:
        """In one statement, by job_id: two who count the same jobs wait for each other in turn."""
        if runs:
            self._session.run("metrics.count", runs=json_rows(added_up(runs)))

    def begin(self, job_id: str) -> None:
        self._session.run("metrics.begin", job_id=job_id)

    def totals(self, *, prefix: str | None = None) -> Sequence[JobMetric]:
        return build(JobMetric, self._session.rows("metrics.totals", prefix=prefix))

    def page(
        self,
        *,
        job_id: str | None = None,
        prefix: str | None = None,
        regressed_hours: int | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[JobFigures]:
        rows = self._session.rows(
            "metrics.page",
            job_id=job_id,
            prefix=prefix,
            regressed_hours=regressed_hours,
            after=after,
            limit=limit,
        )
        return [_figures(row) for row in rows]

    def add_samples(
        self, samples: Mapping[str, Sequence[float]], *, worker_instance_id: str
    ) -> int:
        rows = [
            {"job_id": job_id, "duration_ms": duration_ms}
            for job_id, durations in samples.items()
            for duration_ms in durations
        ]
        if not rows:
            return 0
        return self._session.run(
            "metrics.add_samples", samples=json_rows(rows), worker_instance_id=worker_instance_id
        )

    def note_regressions(self, regressions: Sequence[Regression]) -> list[Regression]:
        chosen = first_of_each(regressions)
        if not chosen:
            return []
        rows = self._session.rows("metrics.note_regressions", regressions=json_rows(chosen))
        noted = {row["job_id"] for row in rows}
        return [one for one in chosen if one.job_id in noted]

    def remove(self, job_id: str) -> None:
        self._session.run("metrics.remove", job_id=job_id)

    def kpis(self) -> Sequence[KpiGauge]:
        return build(KpiGauge, [_gauge(row) for row in self._session.rows("metrics.kpis")])

    def workers(self) -> Sequence[WorkerGauge]:
        return build(WorkerGauge, self._session.rows("metrics.workers"))


def added_up(runs: Sequence[JobRuns]) -> list[JobRuns]:
    """One for each job, by job_id; the earlier ones of a job stand before the later ones."""
    sums: dict[str, JobRuns] = {}
    for one in runs:
        sums[one.job_id] = sums[one.job_id].plus(one) if one.job_id in sums else one
    return [sums[job_id] for job_id in sorted(sums)]


def first_of_each(regressions: Sequence[Regression]) -> list[Regression]:
    """By job_id."""
    firsts: dict[str, Regression] = {}
    for one in regressions:
        firsts.setdefault(one.job_id, one)
    return [firsts[job_id] for job_id in sorted(firsts)]


def rate_of(success_count: int, total_executions: int) -> float | None:
    return round(success_count / total_executions, 6) if total_executions else None


def mean_of(total_duration_ms: float, total_executions: int) -> float | None:
    return rounded(total_duration_ms / total_executions) if total_executions else None


def rounded(duration_ms: float | None) -> float | None:
    """To microseconds: sums of floats have more digits than anybody measured."""
    return None if duration_ms is None else round(duration_ms, 3)


def _figures(row: Row) -> JobFigures:
    total, executions = row["total_duration_ms"], row["total_executions"]
    return JobFigures(
        job_id=row["job_id"],
        total_executions=executions,
        success_count=row["success_count"],
        failure_count=row["failure_count"],
        success_rate=rate_of(row["success_count"], executions),
        total_duration_ms=round(total, 3),
        mean_duration_ms=mean_of(total, executions),
        min_duration_ms=rounded(row["min_duration_ms"]),
        max_duration_ms=rounded(row["max_duration_ms"]),
        last_execution_at=row["last_execution_at"],
        last_success_at=row["last_success_at"],
        last_failure_at=row["last_failure_at"],
        metadata=row["metadata"],
        slower_count=row["slower_count"],
        faster_count=row["faster_count"],
        baseline=_baseline(row),
        last_regression=_regression(row),
    )


def _baseline(row: Row) -> StoredBaseline | None:
    if row["sample_size"] is None:
        return None
    return StoredBaseline(
        mean_ms=round(row["baseline_avg_ms"], 3),
        p95_ms=round(row["baseline_p95_ms"], 3),
        sample_size=row["sample_size"],
        updated_at=row["baseline_at"],
    )


def _regression(row: Row) -> StoredRegression | None:
    if row["regressed_at"] is None:
        return None
    return StoredRegression(
        regression=row["regression"],
        duration_ms=round(row["regression_ms"], 3),
        mean_ms=round(row["regression_avg_ms"], 3),
        p95_ms=round(row["regression_p95_ms"], 3),
        happened_at=row["regressed_at"],
    )


def _gauge(row: Row) -> Row:
    """A value as a metric has it: a float. What is too big for one has none."""
    value = row["value"]
    return {**row, "value": _finite(value) if isinstance(value, Decimal) else value}


def _finite(value: Decimal) -> float | None:
    number = float(value)
    return number if abs(number) < float("inf") else None
