"""Is an execution far slower, or far faster, than is normal for its job?

Far faster is news too: a check that answers at once may have stopped to look. It is told only of
jobs whose normal speed is a narrow one; others, such as an answer that comes from a cache half of
the time, are fast now and then as a matter of course.
"""

import logging
from collections.abc import Iterable

from repositories.records.kpis import Baseline
from repositories.records.speeds import Regression, RegressionKind

logger = logging.getLogger(__name__)

SLOWER_TIMES = 3
SLOWER_BY_MS = 100.0
FASTER_TIMES = 10
SHORTEST_MEAN_MS = 50.0
NARROW_TIMES = 2


def regression_of(job_id: str, duration_ms: float, baseline: Baseline | None) -> Regression | None:
    """None where it is as fast as usual, or where nobody knows how fast that is."""
    if baseline is None:
        return None
    kind = _kind_of(duration_ms, baseline)
    if kind is None:
        return None
    return Regression(
        job_id=job_id,
        kind=kind,
        duration_ms=duration_ms,
        mean_ms=baseline.mean_ms,
        p95_ms=baseline.p95_ms,
    )


def log(regressions: Iterable[Regression]) -> None:
    """A line for each."""
    for one in regressions:
        facts = {
            "job_id": one.job_id,
            "regression": one.kind,
            "duration_ms": one.duration_ms,
            "mean_ms": one.mean_ms,
            "p95_ms": one.p95_ms,
        }
        logger.warning("job far %s than normal", one.kind, extra=facts)


def _kind_of(duration_ms: float, baseline: Baseline) -> RegressionKind | None:
    mean, p95 = baseline.mean_ms, baseline.p95_ms
    if duration_ms > SLOWER_TIMES * p95 and duration_ms > p95 + SLOWER_BY_MS:
        return RegressionKind.SLOWER
    is_narrow = mean >= SHORTEST_MEAN_MS and p95 < NARROW_TIMES * mean
    if is_narrow and duration_ms < mean / FASTER_TIMES:
        return RegressionKind.FASTER
    return None
