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
    WorkerUptime,
)

LONGEST_NAME = 100


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
        self, *, job_id: str | None, prefix: str | None, after: str | None, limit: int
    ) -> list[JobFigures]:
        rows = self._session.rows(
            "metrics.page", job_id=job_id, prefix=prefix, after=after, limit=limit
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

    def note_regressions(
        self, regressions: Sequence[Regression], *, worker_instance_id: str
    ) -> list[Regression]:
        chosen = first_of_each(regressions)
        rows = [
            {"job_id": one.job_id, "duration_ms": one.duration_ms, "tags": tags_of(one)}
            for one in chosen
        ]
        if not rows:
            return []
        noted = {
            (row["metric_name"], row["tags"])
            for row in self._session.rows(
                "metrics.note_regressions",
                regressions=json_rows(rows),
                worker_instance_id=worker_instance_id,
            )
        }
        return [one for one in chosen if (one.job_id[:LONGEST_NAME], tags_of(one)) in noted]

    def kpis(self) -> Sequence[KpiGauge]:
        return build(KpiGauge, [_gauge(row) for row in self._session.rows("metrics.kpis")])

    def workers(self) -> Sequence[WorkerUptime]:
        return build(WorkerUptime, self._session.rows("metrics.workers"))


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


def tags_of(regression: Regression) -> str:
    """What the row says beside its duration. An id too long for a metric's name ends it."""
    said = (
        f"regression={regression.kind};mean_ms={regression.mean_ms:.3f}"
        f";p95_ms={regression.p95_ms:.3f}"
    )
    is_long = len(regression.job_id) > LONGEST_NAME
    return f"{said};job_id={regression.job_id}" if is_long else said


def rate_of(success_count: int, total_executions: int) -> float | None:
    return success_count / total_executions if total_executions else None


def stored_regression(row: Row) -> StoredRegression | None:
    """None where there is none, or where the row is of somebody else's making."""
    said = dict(part.partition("=")[::2] for part in str(row["regression_tags"]).split(";", 3))
    if row["regression_ms"] is None or "regression" not in said:
        return None
    return StoredRegression(
        regression=said["regression"],
        duration_ms=row["regression_ms"],
        mean_ms=_number(said.get("mean_ms")),
        p95_ms=_number(said.get("p95_ms")),
        happened_at=row["regression_at"],
    )


def _figures(row: Row) -> JobFigures:
    total, executions = row["total_duration_ms"], row["total_executions"]
    return JobFigures(
        job_id=row["job_id"],
        total_executions=executions,
        success_count=row["success_count"],
        failure_count=row["failure_count"],
        success_rate=rate_of(row["success_count"], executions),
        total_duration_ms=total,
        mean_duration_ms=total / executions if executions else None,
        min_duration_ms=row["min_duration_ms"],
        max_duration_ms=row["max_duration_ms"],
        last_execution_at=row["last_execution_at"],
        last_success_at=row["last_success_at"],
        last_failure_at=row["last_failure_at"],
        metadata=row["metadata"],
        baseline=_baseline(row),
        last_regression=stored_regression(row),
    )


def _baseline(row: Row) -> StoredBaseline | None:
    if row["sample_size"] is None:
        return None
    return StoredBaseline(
        mean_ms=row["baseline_avg_ms"],
        p95_ms=row["baseline_p95_ms"],
        sample_size=row["sample_size"],
        updated_at=row["baseline_at"],
    )


def _gauge(row: Row) -> Row:
    """A value as a metric has it: a float. What is too big for one has none."""
    value = row["value"]
    return {**row, "value": _finite(value) if isinstance(value, Decimal) else value}


def _finite(value: Decimal) -> float | None:
    number = float(value)
    return number if abs(number) < float("inf") else None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
