"""What is far slower, or far faster, than normal."""

import logging

import pytest

from repositories.records.kpis import Baseline
from repositories.records.speeds import Regression, RegressionKind
from services.metrics.regressions import log, regression_of

QUICK = Baseline(mean_ms=4, p95_ms=10)
STEADY = Baseline(mean_ms=200, p95_ms=250)
UNSTEADY = Baseline(mean_ms=200, p95_ms=800)


@pytest.mark.parametrize(
    ("duration_ms", "baseline", "kind"),
    [
        (200, STEADY, None),
        (750, STEADY, None),
        (751, STEADY, "slower"),
        (30_000, STEADY, "slower"),
        (31, QUICK, None),
        (110, QUICK, None),
        (111, QUICK, "slower"),
        (20, STEADY, None),
        (19, STEADY, "faster"),
        (0, STEADY, "faster"),
        (1, UNSTEADY, None),
        (2401, UNSTEADY, "slower"),
        (0.1, QUICK, None),
        (0.1, Baseline(mean_ms=49, p95_ms=50), None),
        (0.1, Baseline(mean_ms=50, p95_ms=50), "faster"),
        (0.1, Baseline(mean_ms=50, p95_ms=100), None),
        (1e9, None, None),
        (0, Baseline(mean_ms=0, p95_ms=0), None),
        (101, Baseline(mean_ms=0, p95_ms=0), "slower"),
    ],
)
def test_a_regression_is_far_from_normal_and_worth_the_words(
    duration_ms: float, baseline: Baseline | None, kind: str | None
) -> None:
    found = regression_of("kpi:x", duration_ms, baseline)
    assert (found and found.kind) == kind
    if found is not None:
        assert baseline is not None
        assert (found.job_id, found.duration_ms) == ("kpi:x", duration_ms)
        assert (found.mean_ms, found.p95_ms) == (baseline.mean_ms, baseline.p95_ms)


def test_each_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log(
        Regression(
            job_id=f"kpi:{number}",
            kind=RegressionKind.FASTER,
            duration_ms=1,
            mean_ms=100,
            p95_ms=120,
        )
        for number in range(2)
    )
    assert [record.__dict__["job_id"] for record in caplog.records] == ["kpi:0", "kpi:1"]
    assert {record.getMessage() for record in caplog.records} == {"job far faster than normal"}
