"""Executions far from normal, and what is sampled to know it."""

from repositories.contracts.store import Store
from repositories.records.processes import JobRuns
from repositories.records.speeds import Regression, RegressionKind, StoredRegression
from tests.contract.conftest import Lab
from tests.contract.test_workers import ID, WORKER

LONG = "kpi:" + "x" * 95


def regression(job_id: str = "kpi:one", *, ms: float = 900.0) -> Regression:
    return Regression(
        job_id=job_id, kind=RegressionKind.SLOWER, duration_ms=ms, mean_ms=20.1234, p95_ms=30.5
    )


def note(store: Store, *regressions: Regression) -> list[str]:
    with store.single() as work:
        noted = work.metrics.note_regressions(regressions, worker_instance_id=ID)
    return [one.job_id for one in noted]


def newest_of(store: Store, job_id: str) -> StoredRegression | None:
    with store.read() as work:
        (figures,) = work.metrics.page(job_id=job_id, prefix=None, after=None, limit=2)
    return figures.last_regression


def prepare(store: Store, *job_ids: str) -> None:
    with store.single() as work:
        work.workers.register(WORKER)
        work.metrics.count(
            [JobRuns.one(job_id, succeeded=True, duration_ms=1) for job_id in job_ids]
        )


def test_a_regression_is_shown_with_its_job(store: Store) -> None:
    prepare(store, "kpi:one", "kpi:two")
    assert note(store, regression()) == ["kpi:one"]
    found = newest_of(store, "kpi:one")
    assert found is not None
    assert (found.regression, found.duration_ms) == ("slower", 900)
    assert (found.mean_ms, found.p95_ms) == (20.123, 30.5)
    assert newest_of(store, "kpi:two") is None


def test_of_a_job_one_is_noted_in_five_minutes(lab: Lab) -> None:
    prepare(lab.store, "kpi:one", "kpi:two")
    assert note(lab.store, regression(ms=900), regression(ms=901)) == ["kpi:one"]
    lab.let_time_pass(seconds=240)
    assert note(lab.store, regression(ms=902), regression("kpi:two")) == ["kpi:two"]
    lab.let_time_pass(seconds=120)
    assert note(lab.store, regression(ms=903)) == ["kpi:one"]
    newest = newest_of(lab.store, "kpi:one")
    assert newest is not None
    assert newest.duration_ms == 903


def test_jobs_whose_names_begin_alike_are_told_apart_however_long(store: Store) -> None:
    one, other = LONG + "-a-1", LONG + "-b-2"
    prepare(store, one, other)
    assert note(store, regression(one)) == [one]
    assert newest_of(store, other) is None
    assert note(store, regression(one), regression(other)) == [other]
    assert newest_of(store, one) is not None


def test_nothing_is_kept_of_a_process_that_nobody_registered(store: Store) -> None:
    with store.single() as work:
        assert work.metrics.note_regressions([regression()], worker_instance_id=ID) == []
        assert work.metrics.add_samples({"http:x": [1.0]}, worker_instance_id=ID) == 0
        work.workers.register(WORKER)
        assert work.metrics.add_samples({"http:x": [1.0, 2.0]}, worker_instance_id=ID) == 2


def test_nothing_at_once_is_nothing(store: Store) -> None:
    prepare(store)
    assert note(store) == []
    with store.single() as work:
        assert work.metrics.add_samples({}, worker_instance_id=ID) == 0
        assert work.metrics.add_samples({"http:x": []}, worker_instance_id=ID) == 0
