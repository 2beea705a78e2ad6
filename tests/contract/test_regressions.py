"""Executions far from normal, and what is sampled to know it."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from repositories.contracts.store import Store
from repositories.records.processes import JobRuns
from repositories.records.speeds import Regression, RegressionKind, StoredRegression
from tests.contract.conftest import Lab
from tests.contract.test_workers import ID, WORKER

LONG = "kpi:" + "x" * 95


def regression(
    job_id: str = "kpi:one",
    *,
    ms: float = 900.0,
    kind: RegressionKind = RegressionKind.SLOWER,
) -> Regression:
    return Regression(job_id=job_id, kind=kind, duration_ms=ms, mean_ms=20.1234, p95_ms=30.5)


def note(store: Store, *regressions: Regression) -> list[str]:
    with store.single() as work:
        noted = work.metrics.note_regressions(regressions)
    return [one.job_id for one in noted]


def newest_of(store: Store, job_id: str) -> StoredRegression | None:
    with store.read() as work:
        (figures,) = work.metrics.page(job_id=job_id, limit=2)
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


def test_they_are_counted_by_kind_for_as_long_as_the_job_is_known(lab: Lab) -> None:
    prepare(lab.store, "kpi:one", "kpi:two")
    note(lab.store, regression())
    lab.let_time_pass(minutes=6)
    note(lab.store, regression(kind=RegressionKind.FASTER), regression("kpi:two"))
    lab.let_time_pass(minutes=6)
    note(lab.store, regression())
    with lab.store.read() as work:
        totals = {one.job_id: (one.slower_count, one.faster_count) for one in work.metrics.totals()}
        (figures,) = work.metrics.page(job_id="kpi:one", limit=1)
    assert totals == {"kpi:one": (2, 1), "kpi:two": (1, 0)}
    assert (figures.slower_count, figures.faster_count) == (2, 1)


def test_jobs_that_regressed_in_the_last_hours_are_found(lab: Lab) -> None:
    names = ["http:x", "kpi:one", "kpi:two", "kpi:well"]
    prepare(lab.store, *names)
    note(lab.store, regression("http:x"), regression("kpi:one"))
    lab.let_time_pass(hours=3)
    note(lab.store, regression("kpi:two"))

    def found(**asked: Any) -> list[str]:
        with lab.store.read() as work:
            return [one.job_id for one in work.metrics.page(**{"limit": 9} | asked)]

    assert found(regressed_hours=2) == ["kpi:two"]
    assert found(regressed_hours=4) == ["http:x", "kpi:one", "kpi:two"]
    assert found(regressed_hours=4, prefix="kpi:", limit=1) == ["kpi:one"]
    assert found(regressed_hours=4, prefix="kpi:", after="kpi:one") == ["kpi:two"]
    assert found() == names


def test_names_may_be_as_long_as_any(store: Store) -> None:
    one, other = LONG + "-a-1", LONG + "-b-2"
    prepare(store, one, other)
    assert note(store, regression(one)) == [one]
    assert newest_of(store, other) is None
    assert note(store, regression(one), regression(other)) == [other]


def test_nothing_is_kept_of_a_job_that_was_never_counted(store: Store) -> None:
    assert note(store, regression()) == []


@pytest.mark.usefixtures("with_locks")
def test_of_several_who_note_the_same_jobs_at_once_one_does(store: Store) -> None:
    names = [f"kpi:{number:02}" for number in range(20)]
    prepare(store, *names)
    noted: list[str] = []

    def note_all(ids: Sequence[str]) -> None:
        noted.extend(note(store, *map(regression, ids)))

    threads = [threading.Thread(target=note_all, args=[ids]) for ids in (names, names[::-1]) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(noted) == names


def test_no_sample_is_kept_of_a_process_that_nobody_registered(store: Store) -> None:
    with store.single() as work:
        assert work.metrics.add_samples({"http:x": [1.0]}, worker_instance_id=ID) == 0
        work.workers.register(WORKER)
        assert work.metrics.add_samples({"http:x": [1.0, 2.0]}, worker_instance_id=ID) == 2


def test_nothing_at_once_is_nothing(store: Store) -> None:
    prepare(store)
    assert note(store) == []
    with store.single() as work:
        assert work.metrics.add_samples({}, worker_instance_id=ID) == 0
        assert work.metrics.add_samples({"http:x": []}, worker_instance_id=ID) == 0
