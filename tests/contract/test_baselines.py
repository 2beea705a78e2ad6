"""How long jobs take normally, worked out step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from repositories.contracts.store import Store
from repositories.records.kpis import Baseline, Verdict
from repositories.records.processes import JobRuns
from repositories.records.speeds import JobFigures, Speed
from services.metrics.baselines import BaselineService
from tests.contract.conftest import Lab
from tests.contract.test_workers import ID, WORKER
from tests.definitions import KPI, check_of, define, result_of

HOUR = 3600
FUNCTION = "http:list_jobs"


def run_kpi(
    store: Store,
    durations: Sequence[float],
    *,
    name: str = "one",
    status: Verdict = Verdict.HEALTHY,
    days_ago: float = 0,
) -> None:
    """Executions of so many ms, each a second after the one before."""
    check = check_of(store, name)
    results = [
        result_of(
            check,
            duration_ms=duration,
            status=status,
            checked_at=check.claimed_at - timedelta(days=days_ago) + timedelta(seconds=number),
        )
        for number, duration in enumerate(durations)
    ]
    with store.work() as work:
        work.results.add([(check, result) for result in results], worker_instance_id=None)
        work.metrics.count([JobRuns.one(f"kpi:{name}", succeeded=True, duration_ms=1)])


def run_function(store: Store, durations: Sequence[float], job_id: str = FUNCTION) -> None:
    with store.single() as work:
        work.workers.register(WORKER)
        work.metrics.count([JobRuns.one(job_id, succeeded=True, duration_ms=1)])
        work.metrics.add_samples({job_id: durations}, worker_instance_id=ID)


def refresh(store: Store) -> tuple[int, int]:
    done = BaselineService(store).refresh()
    return done["kpis"], done["functions"]


def figures_of(store: Store, job_id: str) -> JobFigures:
    with store.read() as work:
        (figures,) = work.metrics.page(job_id=job_id, limit=2)
    return figures


def test_a_kpi_has_the_mean_and_the_p95_of_its_executions(store: Store) -> None:
    define(store)
    run_kpi(store, range(1, 101))
    assert refresh(store) == (1, 0)
    baseline = figures_of(store, "kpi:one").baseline
    assert baseline is not None
    assert (baseline.mean_ms, baseline.sample_size) == (50.5, 100)
    assert baseline.p95_ms == pytest.approx(95.05)
    with store.read() as work:
        found = work.baselines.find(["kpi:one", "kpi:other"])
    assert found.keys() == {"kpi:one"}
    assert (found["kpi:one"].mean_ms, found["kpi:one"].p95_ms) == (50.5, baseline.p95_ms)


def test_a_function_has_those_of_what_was_sampled_of_it(store: Store) -> None:
    run_function(store, [10.0] * 19 + [30.0])
    assert refresh(store) == (0, 1)
    baseline = figures_of(store, FUNCTION).baseline
    assert baseline is not None
    assert (baseline.mean_ms, baseline.sample_size) == (11, 20)
    assert baseline.p95_ms == pytest.approx(11)


def test_what_ran_less_than_twenty_times_has_no_normal_yet(store: Store) -> None:
    define(store)
    run_kpi(store, [5.0] * 19)
    run_function(store, [5.0] * 19)
    assert refresh(store) == (0, 0)
    assert figures_of(store, "kpi:one").baseline is None
    with store.read() as work:
        assert work.baselines.find(["kpi:one", FUNCTION]) == {}
        assert work.baselines.find([]) == {}


def test_executions_that_came_to_no_value_say_nothing_of_the_speed(store: Store) -> None:
    define(store)
    run_kpi(store, [30_000.0] * 30, status=Verdict.ERROR)
    run_kpi(store, [5.0] * 25, status=Verdict.CRITICAL)
    assert refresh(store) == (1, 0)
    baseline = figures_of(store, "kpi:one").baseline
    assert baseline is not None
    assert (baseline.mean_ms, baseline.sample_size) == (5, 25)


def test_the_newest_two_hundred_count(store: Store) -> None:
    define(store)
    run_kpi(store, [1000.0] * 100, days_ago=1)
    run_kpi(store, [5.0] * 200)
    refresh(store)
    baseline = figures_of(store, "kpi:one").baseline
    assert baseline is not None
    assert (baseline.mean_ms, baseline.sample_size) == (5, 200)


def test_what_is_older_than_a_week_does_not_count(lab: Lab) -> None:
    define(lab.store)
    run_kpi(lab.store, [5.0] * 30)
    run_function(lab.store, [5.0] * 30)
    lab.let_time_pass(days=7, minutes=1)
    assert refresh(lab.store) == (0, 0)


def test_a_kpi_that_is_switched_off_is_left_alone(store: Store) -> None:
    define(store, replace(KPI, is_active=False))
    run_kpi(store, [5.0] * 30)
    assert refresh(store) == (0, 0)


def test_what_is_new_enough_is_not_worked_out_again(lab: Lab) -> None:
    define(lab.store)
    run_kpi(lab.store, [5.0] * 20)
    run_function(lab.store, [5.0] * 20)
    assert refresh(lab.store) == (1, 1)
    run_kpi(lab.store, [9.0] * 20)
    assert refresh(lab.store) == (0, 0)
    lab.let_time_pass(seconds=HOUR + 60)
    assert refresh(lab.store) == (1, 1)
    baseline = figures_of(lab.store, "kpi:one").baseline
    assert baseline is not None
    assert (baseline.mean_ms, baseline.sample_size) == (7, 40)


def walks(store: Store, kind: str, limit: int) -> Iterator[list[Speed]]:
    after = ""
    while True:
        with store.single() as work:
            speeds: list[Speed] = getattr(work.baselines, kind)(
                after=after, limit=limit, older_than_seconds=HOUR
            )
        yield speeds
        if len(speeds) < limit:
            return
        after = speeds[-1].name


def test_a_walk_goes_over_all_of_them_and_ends(store: Store) -> None:
    names = [f"kpi{number}" for number in range(5)]
    define(store, *(replace(KPI, name=name) for name in names))
    for name in names[::2]:
        run_kpi(store, [5.0] * 20, name=name)
    steps = list(walks(store, "speeds_of_kpis", 2))
    assert [[one.name for one in step] for step in steps] == [names[:2], names[2:4], names[4:]]
    sizes = {one.job_id: one.sample_size for step in steps for one in step}
    assert sizes == {"kpi:kpi0": 20, "kpi:kpi1": 0, "kpi:kpi2": 20, "kpi:kpi3": 0, "kpi:kpi4": 20}
    for job_id in ("http:a", "http:b", "timer:c"):
        run_function(store, [5.0] * 20, job_id)
    steps = list(walks(store, "speeds_of_functions", 2))
    assert [[one.job_id for one in step] for step in steps] == [["http:a", "http:b"], ["timer:c"]]


def test_an_incident_is_not_normal_for_a_day(lab: Lab) -> None:
    """Though it soon fills the newest two hundred: a day later it is no incident any more."""
    define(lab.store)
    run_kpi(lab.store, [5.0] * 200)
    assert refresh(lab.store) == (1, 0)
    lab.let_time_pass(hours=2)
    run_kpi(lab.store, [2000.0] * 200)
    assert refresh(lab.store) == (0, 0)
    with lab.store.single() as work:
        (speed,) = work.baselines.speeds_of_kpis(after="", limit=2, older_than_seconds=HOUR)
        assert (speed.mean_ms, speed.baseline) == (2000, Baseline(mean_ms=5, p95_ms=5))
        assert speed.baseline_age_seconds == pytest.approx(2 * HOUR, abs=60)
        assert work.baselines.find(["kpi:one"])["kpi:one"].mean_ms == 5
    lab.let_time_pass(hours=23)
    assert refresh(lab.store) == (1, 0)
    with lab.store.read() as work:
        assert work.baselines.find(["kpi:one"])["kpi:one"].mean_ms == 2000


def test_what_nobody_could_work_out_for_long_is_forgotten(lab: Lab) -> None:
    run_function(lab.store, [5.0] * 20)
    refresh(lab.store)
    with lab.store.single() as work:
        assert work.baselines.forget(days=7) == 0
    lab.let_time_pass(days=8)
    with lab.store.single() as work:
        assert work.baselines.forget(days=7) == 1
    assert figures_of(lab.store, FUNCTION).baseline is None
