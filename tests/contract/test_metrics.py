"""How often each job ran, counted one by one and in batches, by several at once."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from repositories.contracts.store import Store
from repositories.records.kpis import Verdict
from repositories.records.processes import JobMetric, JobRuns
from repositories.records.rows import Json
from repositories.records.speeds import Speed
from tests.contract.conftest import Lab
from tests.contract.test_workers import ID, WORKER
from tests.definitions import KPI, check_of, define, keep


def run_of(job_id: str = "timer:x", *, succeeded: bool = True, ms: float = 1.0) -> JobRuns:
    return JobRuns.one(job_id, succeeded=succeeded, duration_ms=ms)


def count(store: Store, *runs: JobRuns) -> Sequence[JobMetric]:
    with store.single() as work:
        work.metrics.count(runs)
        return work.metrics.totals()


def test_executions_add_up(store: Store) -> None:
    for ms, succeeded in ((30.0, True), (10.0, False), (20.0, True)):
        (metric,) = count(store, run_of(succeeded=succeeded, ms=ms))
    assert (metric.total_executions, metric.success_count, metric.failure_count) == (3, 2, 1)
    assert metric.total_duration_ms == 60
    assert (metric.min_duration_ms, metric.max_duration_ms) == (10, 30)
    assert metric.last_execution_at is not None
    assert metric.last_failure_at is not None
    assert metric.last_success_at is not None
    assert metric.last_failure_at < metric.last_success_at <= metric.last_execution_at


def test_the_last_success_is_when_the_last_execution_was_one(store: Store) -> None:
    (metric,) = count(store, run_of())
    assert metric.last_success_at == metric.last_execution_at
    (metric,) = count(store, run_of(succeeded=False))
    assert metric.last_failure_at == metric.last_execution_at
    assert metric.last_success_at != metric.last_execution_at


def test_a_job_that_has_begun_is_not_counted_before_it_ends(store: Store) -> None:
    with store.single() as work:
        work.metrics.begin("timer:x")
        (metric,) = work.metrics.totals()
    assert (metric.total_executions, metric.last_execution_at) == (0, None)
    (ended,) = count(store, run_of())
    assert metric.last_started_at is not None
    assert ended.last_execution_at is not None
    assert ended.last_started_at == metric.last_started_at < ended.last_execution_at
    with store.single() as work:
        work.metrics.begin("timer:x")
        (again,) = work.metrics.totals()
    assert again.last_started_at is not None
    assert again.total_executions == 1
    assert again.last_started_at > ended.last_execution_at


def test_a_batch_counts_each_job_by_itself_and_several_of_one_together(store: Store) -> None:
    runs = [run_of("kpi:b", ms=5), run_of("kpi:a", ms=1), run_of("kpi:b", succeeded=False, ms=2)]
    first, second = count(store, *runs)
    assert (first.job_id, first.total_executions, first.max_duration_ms) == ("kpi:a", 1, 1)
    assert (second.job_id, second.success_count, second.failure_count) == ("kpi:b", 1, 1)
    assert (second.min_duration_ms, second.max_duration_ms) == (2, 5)


def test_what_a_process_has_added_up_itself_counts_as_so_many(store: Store) -> None:
    added_up = JobRuns(
        job_id="http:list_jobs",
        successes=90,
        failures=10,
        total_duration_ms=500,
        min_duration_ms=0.5,
        max_duration_ms=80,
        success_age_seconds=2,
        failure_age_seconds=7,
    )
    count(store, run_of("http:list_jobs", ms=4))
    (metric,) = count(store, added_up)
    assert (metric.total_executions, metric.success_count, metric.failure_count) == (101, 91, 10)
    assert metric.total_duration_ms == pytest.approx(504)
    assert (metric.min_duration_ms, metric.max_duration_ms) == (0.5, 80)


def test_what_ended_earlier_was_earlier_by_the_clock_of_the_store(lab: Lab) -> None:
    run = JobRuns(
        job_id="http:x",
        successes=1,
        failures=1,
        total_duration_ms=2,
        min_duration_ms=1,
        max_duration_ms=1,
        success_age_seconds=10,
        failure_age_seconds=4,
    )
    (metric,) = count(lab.store, run)
    assert metric.last_failure_at == metric.last_execution_at
    assert metric.last_success_at is not None
    assert metric.last_failure_at is not None
    assert metric.last_failure_at - metric.last_success_at == timedelta(seconds=6)
    seconds = (metric.read_at - metric.last_failure_at).total_seconds()
    assert 4 <= seconds < 64


def test_what_is_told_late_does_not_turn_the_clock_back(store: Store) -> None:
    (before,) = count(store, run_of(succeeded=False))
    late = JobRuns(
        job_id="timer:x",
        successes=1,
        failures=1,
        total_duration_ms=2,
        min_duration_ms=1,
        max_duration_ms=1,
        success_age_seconds=3600,
        failure_age_seconds=3600,
    )
    (after,) = count(store, late)
    assert after.total_executions == 3
    assert after.last_failure_at == before.last_failure_at
    assert after.last_execution_at == before.last_execution_at
    assert after.last_success_at is not None


def test_totals_may_be_of_one_kind_only(store: Store) -> None:
    count(store, run_of("http:x"), run_of("kpi:x"), run_of("timer:x"))
    with store.read() as work:
        assert [one.job_id for one in work.metrics.totals(prefix="kpi:")] == ["kpi:x"]
        assert len(work.metrics.totals()) == 3


def test_jobs_are_listed_by_id_and_in_pages(store: Store) -> None:
    count(store, *map(run_of, ("kpi:a", "http:x", "timer:y", "kpi:b")))
    with store.read() as work:

        def ids(**asked: object) -> list[str]:
            asked = {"limit": 9} | asked
            return [one.job_id for one in work.metrics.page(**asked)]  # type: ignore[arg-type]

        assert ids() == ["http:x", "kpi:a", "kpi:b", "timer:y"]
        assert ids(after="http:x", limit=2) == ["kpi:a", "kpi:b"]
        assert ids(prefix="kpi:") == ["kpi:a", "kpi:b"]
        assert ids(job_id="timer:y") == ["timer:y"]
        assert ids(job_id="timer:z") == []


def test_a_job_is_shown_with_its_rate_its_mean_and_its_metadata(store: Store) -> None:
    run = JobRuns.one("timer:x", succeeded=True, duration_ms=10, metadata=Json('{"late": true}'))
    count(store, run, run_of(ms=30), run_of(succeeded=False, ms=20), run_of(ms=20))
    with store.read() as work:
        (job,) = work.metrics.page(limit=2)
    assert (job.success_rate, job.mean_duration_ms) == (0.75, 20)
    assert json.loads(job.metadata) == {"late": True}
    assert (job.baseline, job.last_regression) == (None, None)


def test_every_active_kpi_says_what_it_last_said(store: Store) -> None:
    define(
        store,
        *(replace(KPI, name=name) for name in ("number", "text", "new")),
        replace(KPI, name="off", is_active=False),
    )
    for value in (Decimal(1), Decimal("2.5")):
        keep(store, check_of(store, "number"), value=value, status=Verdict.WARNING)
    keep(store, check_of(store, "text"), value="standby")
    with store.read() as work:
        found = {one.name: one for one in work.metrics.kpis()}
    assert list(found) == ["new", "number", "text"]
    assert (found["number"].status, found["number"].value) == ("Warning", 2.5)
    assert (found["number"].connection, found["number"].environment) == ("store", "Test")
    assert (found["text"].status, found["text"].value) == ("Healthy", None)
    assert (found["new"].status, found["new"].checked_at) == (None, None)


def test_a_kpi_whose_connection_or_query_is_switched_off_says_nothing(store: Store) -> None:
    define(
        store,
        KPI,
        replace(KPI, name="no connection", connection="off"),
        replace(KPI, name="no query", query="off"),
    )
    with store.work() as work:
        connection, query = work.connections.find("off"), work.queries.find("off")
        assert connection is not None
        assert query is not None
        no_connection = replace(connection.definition, is_enabled=False)
        no_query = replace(query.definition, is_enabled=False)
        assert work.connections.replace(no_connection, version=connection.version, actor="test")
        assert work.queries.replace(no_query, version=query.version, actor="test")
    with store.read() as work:
        assert [one.name for one in work.metrics.kpis()] == ["one"]


def test_of_a_job_that_is_removed_nothing_is_left(store: Store) -> None:
    count(store, run_of("kpi:a"), run_of("kpi:b"))
    speed = Speed(
        name="a",
        job_id="kpi:a",
        mean_ms=1,
        p95_ms=1,
        sample_size=20,
        baseline=None,
        baseline_age_seconds=None,
    )
    with store.work() as work:
        work.baselines.keep([speed, replace(speed, name="b", job_id="kpi:b")])
        work.metrics.remove("kpi:a")
        work.metrics.remove("kpi:never run")
    with store.read() as work:
        assert [one.job_id for one in work.metrics.totals()] == ["kpi:b"]
        assert work.baselines.find(["kpi:a", "kpi:b"]).keys() == {"kpi:b"}


def test_figures_have_no_more_digits_than_anybody_measured(store: Store) -> None:
    for ms in (0.1, 0.2, 1700.0006):
        count(store, run_of(ms=ms))
    with store.read() as work:
        (job,) = work.metrics.page(limit=2)
    assert (job.total_duration_ms, job.mean_duration_ms) == (1700.301, 566.767)
    assert (job.min_duration_ms, job.max_duration_ms) == (0.1, 1700.001)


def test_processes_that_are_alive_say_since_when_and_when_they_last_did(lab: Lab) -> None:
    with lab.store.single() as work:
        work.workers.register(WORKER)
        work.workers.beat(ID, status="Running", figures=[])
        (worker,) = work.metrics.workers()
    assert (worker.worker_instance_id, worker.machine_name, worker.version) == (
        ID,
        "here",
        "0.1.0",
    )
    assert 0 <= worker.uptime_seconds < 60
    assert worker.heartbeat_age_seconds < 60
    lab.let_time_pass(minutes=10)
    with lab.store.single() as work:
        (silent,) = work.metrics.workers()
    assert silent.heartbeat_age_seconds == pytest.approx(600, abs=60)
    lab.let_time_pass(minutes=6)
    with lab.store.single() as work:
        assert list(work.metrics.workers()) == []


def test_a_process_that_has_died_runs_no_longer(lab: Lab) -> None:
    with lab.store.single() as work:
        work.workers.register(WORKER)
    lab.let_time_pass(minutes=10)
    with lab.store.single() as work:
        (worker,) = work.metrics.workers()
    assert worker.uptime_seconds < 60


def test_counting_nothing_is_nothing(store: Store) -> None:
    assert count(store) == []


@pytest.mark.usefixtures("with_escapes")
def test_job_ids_may_hold_what_a_name_may(store: Store) -> None:
    names = ["kpi:it's", 'kpi:"quoted" \\ back', "kpi:Größe 数", "kpi:" + "x" * 100]
    found = count(store, *map(run_of, names))
    assert {one.job_id for one in found} == set(names)


@pytest.mark.usefixtures("with_locks")
def test_two_who_count_the_same_jobs_at_once_lose_nothing_and_never_deadlock(store: Store) -> None:
    """In opposite orders, in transactions that go on for a while with the rows locked."""
    names = [f"kpi:{number:03}" for number in range(40)]
    failures: list[BaseException] = []
    rounds = 25

    def work_on(ids: Sequence[str]) -> None:
        try:
            for _ in range(rounds):
                with store.work() as work:
                    work.metrics.count([run_of(job_id) for job_id in ids])
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work_on, args=[ids]) for ids in (names, names[::-1], names, names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with store.read() as work:
        counts = {one.total_executions for one in work.metrics.totals()}
    assert counts == {rounds * len(threads)}
