"""What the debug of one job reads: the same on every engine and on the fakes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from repositories.contracts.jobs import Histories
from repositories.records.jobs import OtherJob, Window
from repositories.records.kpis import BadVerdict, Check, Result, Verdict
from services.caching import Cache
from services.debugging import DebugService
from services.failure_sizes import FailureSizes
from services.meanwhile import Meanwhile
from tests.contract.conftest import Lab
from tests.definitions import check_of, define

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB = "a" * 64


def job_id(number: int) -> str:
    return f"{number:064x}"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def window(since: float, until: float) -> Window:
    return Window(earliest=at(since - 1440), since=at(since), until=at(until))


def test_an_unknown_job_has_no_history(lab: Lab) -> None:
    with lab.jobs.read() as work:
        assert work.histories.find_span(JOB) is None
        assert work.histories.traces_of(JOB, limit=10) == []


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_errors"])
def test_a_job_that_has_ended_did_so_when_it_was_last_changed(lab: Lab, status: str) -> None:
    lab.add_job(job_id=JOB, job_type="x", status=status, created_at=NOON, updated_at=at(5))
    with lab.jobs.read() as work:
        span = work.histories.find_span(JOB)
    assert span is not None
    assert (span.created_at, span.ended_at) == (NOON, at(5))


@pytest.mark.parametrize("status", ["queued", "processing"])
def test_a_job_that_has_not_ended_is_read_at_the_databases_time(lab: Lab, status: str) -> None:
    lab.add_job(job_id=JOB, job_type="x", status=status)
    with lab.jobs.read() as work:
        span, job = work.histories.find_span(JOB), work.jobs.find(JOB)
    assert span is not None
    assert job is not None
    assert span.ended_at is None
    assert timedelta() <= span.read_at - job.created_at < timedelta(minutes=1)


def test_the_traces_of_a_job_come_by_stage_as_they_were_made_and_bounded(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2)
    lab.add_job(job_id=job_id(1), job_type="x")
    for task_id, stage, minutes in (("a", 2, 1), ("b", 1, 3), ("c", 1, 2), ("d", 1, 2)):
        lab.add_task(
            task_id=task_id, parent_job_id=JOB, task_type="t", stage=stage, created_at=at(minutes)
        )
    lab.add_task(task_id="other", parent_job_id=job_id(1), task_type="t", created_at=at(0))
    with lab.jobs.read() as work:
        assert [t.task_id for t in work.histories.traces_of(JOB, limit=9)] == ["c", "d", "b", "a"]
        assert [t.task_id for t in work.histories.traces_of(JOB, limit=2)] == ["c", "d"]


def test_a_trace_has_the_times_of_its_task_and_its_error(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    lab.add_task(
        task_id="a",
        parent_job_id=JOB,
        task_type="t",
        status="failed",
        retry_count=2,
        error_details="ValueError: no",
        heartbeat=at(3),
        started_at=at(2),
        created_at=at(1),
        updated_at=at(4),
    )
    lab.add_task(task_id="b", parent_job_id=JOB, task_type="t", created_at=at(1), updated_at=at(2))
    with lab.jobs.read() as work:
        failed, queued = work.histories.traces_of(JOB, limit=9)
    assert (failed.status, failed.retry_count, failed.error) == ("failed", 2, "ValueError: no")
    times = (failed.created_at, failed.started_at, failed.heartbeat, failed.ended_at)
    assert times == (at(1), at(2), at(3), at(4))
    assert (queued.error, queued.started_at, queued.heartbeat, queued.ended_at) == (None,) * 4


def test_of_a_long_error_the_beginning_and_the_end_are_read(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x")
    for task_id, error in (("long", "b" * 1500 + "\u00e9" * 1500), ("whole", "w" * 2000)):
        lab.add_task(
            task_id=task_id,
            parent_job_id=JOB,
            task_type="t",
            status="failed",
            error_details=error,
            created_at=NOON,
        )
    with lab.jobs.read() as work:
        long, whole = work.histories.traces_of(JOB, limit=9)
    assert (long.error, long.error_tail) == ("b" * 1000, "\u00e9" * 1000)
    assert (whole.error, whole.error_tail) == ("w" * 2000, None)


def add_jobs(lab: Lab) -> None:
    """Around the hour from noon: two within it, two over an end of it, two beyond."""
    times = {1: (-10, 30), 2: (20, 50), 3: (55, 90), 4: (-50, -10), 5: (70, 80), 6: (10, 15)}
    for number, (created, ended) in times.items():
        lab.add_job(
            job_id=job_id(number),
            job_type="x" if number < 6 else "y",
            status="completed",
            created_at=at(created),
            updated_at=at(ended),
        )
    lab.add_job(job_id=JOB, job_type="x", status="completed", created_at=NOON, updated_at=at(60))


def overlaps(histories: Histories, *, bound: int = 100, limit: int = 10) -> list[tuple[int, float]]:
    def minutes(job: OtherJob) -> tuple[int, float]:
        return int(job.job_id, 16), job.overlap_ms / 60_000

    found = histories.jobs_meanwhile(JOB, window(0, 60), bound=bound, limit=limit)
    return [minutes(job) for job in found]


def test_jobs_meanwhile_overlap_and_those_that_overlap_most_come_first(lab: Lab) -> None:
    add_jobs(lab)
    with lab.jobs.read() as work:
        found = work.histories.jobs_meanwhile(JOB, window(0, 60), bound=100, limit=1)
        assert overlaps(work.histories) == [(1, 30), (2, 30), (3, 5), (6, 5)]
        assert overlaps(work.histories, limit=3) == [(1, 30), (2, 30), (3, 5)]
    assert (found[0].created_at, found[0].ended_at) == (at(-10), at(30))


def test_jobs_that_have_not_ended_overlap_to_the_end_of_the_window(lab: Lab) -> None:
    lab.add_job(job_id=job_id(1), job_type="x", status="processing", created_at=at(-5))
    with lab.jobs.read() as work:
        assert overlaps(work.histories) == [(1, 60)]


def test_jobs_from_long_before_are_not_looked_for(lab: Lab) -> None:
    lab.add_job(job_id=job_id(1), job_type="x", status="processing", created_at=at(-1441))
    with lab.jobs.read() as work:
        assert overlaps(work.histories) == []


def test_only_the_newest_up_to_a_bound_are_looked_at(lab: Lab) -> None:
    add_jobs(lab)
    with lab.jobs.read() as work:
        assert overlaps(work.histories, bound=2) == [(2, 30), (3, 5)]
        counts = work.histories.job_counts_meanwhile(JOB, window(0, 60), bound=2)
    assert sum(count.looked_at for count in counts) == 2


def test_jobs_meanwhile_are_counted_by_type_and_status(lab: Lab) -> None:
    add_jobs(lab)
    lab.add_job(job_id=job_id(7), job_type="y", status="queued", created_at=at(1))
    with lab.jobs.read() as work:
        counts = work.histories.job_counts_meanwhile(JOB, window(0, 60), bound=100)
    assert [(c.kind, c.status, c.alive, c.looked_at) for c in counts] == [
        ("x", "completed", 3, 5),
        ("y", "completed", 1, 1),
        ("y", "queued", 1, 1),
    ]


def test_tasks_meanwhile_are_those_of_others_that_somebody_worked_on(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x", created_at=NOON)
    lab.add_job(job_id=job_id(1), job_type="x", created_at=NOON)

    def add_task(name: str, status: str, created: float, ended: float, **columns: object) -> None:
        times = {"created_at": at(created), "updated_at": at(ended)}
        columns = {"parent_job_id": job_id(1), "task_type": "t", **times, **columns}
        lab.add_task(task_id=name, status=status, **columns)

    add_task("own", "completed", 1, 2, parent_job_id=JOB)
    add_task("before", "completed", -9, -1)
    add_task("over the beginning", "completed", -9, 1)
    add_task("within", "completed", 5, 6, started_at=at(5.5))
    add_task("runs", "processing", 5, 6)
    add_task("waits", "queued", 5, 6)
    add_task("started later", "completed", 5, 90, started_at=at(70))
    add_task("failed", "failed", 5, 6, task_type="u")
    with lab.jobs.read() as work:
        counts = work.histories.task_counts_meanwhile(JOB, window(0, 60), bound=100)
    assert [(c.kind, c.status, c.alive, c.looked_at) for c in counts] == [
        ("t", "completed", 2, 4),
        ("t", "processing", 1, 1),
        ("u", "failed", 1, 1),
        ("t", "queued", 0, 1),
    ]


def add_results(lab: Lab, **minutes_by_status: list[float]) -> None:
    define(lab.store)
    check = check_of(lab.store)
    results = [
        bad_result(Verdict(status), at(minute))
        for status, minutes in minutes_by_status.items()
        for minute in minutes
    ]
    every = [(check, result) for result in (*results, not_available(check))]
    with lab.store.work() as work:
        assert work.results.add(every, worker_instance_id=None) == len(every)


def bad_result(status: Verdict, checked_at: datetime) -> Result:
    return Result(
        status=status,
        value=Decimal("98.5"),
        message="98.5 s",
        error_type=None,
        duration_ms=2.5,
        checked_at=checked_at,
    )


def not_available(check: Check) -> Result:
    return Result(
        status=Verdict.ERROR,
        value=None,
        message=f"{check.name} is not for this server",
        error_type="not_available",
        duration_ms=1,
        checked_at=at(2),
    )


def verdicts(lab: Lab, *connections: str, limit: int = 9, limit_each: int = 9) -> list[BadVerdict]:
    with lab.store.read() as work:
        return work.results.not_healthy(
            connections, since=at(0), until=at(10), limit=limit, limit_each=limit_each
        )


def test_what_was_not_healthy_between_two_times_comes_newest_first(lab: Lab) -> None:
    add_results(lab, Healthy=[1, 5], Warning=[-1, 0, 4], Critical=[10, 11], Error=[6])
    found = verdicts(lab, "store")
    assert [(one.status, one.checked_at) for one in found] == [
        ("Critical", at(10)),
        ("Error", at(6)),
        ("Warning", at(4)),
        ("Warning", at(0)),
    ]
    assert (found[0].name, found[0].connection, found[0].unit) == ("one", "store", "s")
    assert (found[0].value, found[0].message) == (Decimal("98.5"), "98.5 s")


def test_only_the_verdicts_on_some_connections_are_read_and_not_too_many(lab: Lab) -> None:
    add_results(lab, Warning=[1, 2, 3])
    assert verdicts(lab, "jobs") == []
    assert len(verdicts(lab, "jobs", "store")) == 3
    assert [one.checked_at for one in verdicts(lab, "store", limit=1)] == [at(3)]
    assert [one.checked_at for one in verdicts(lab, "store", limit_each=2)] == [at(3), at(2)]


def test_a_job_is_explained_in_the_same_way(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2, created_at=at(0), updated_at=at(30))
    lab.add_job(job_id=job_id(1), job_type="y", created_at=at(1))
    times = {"created_at": at(0), "started_at": at(10), "updated_at": at(30)}
    error = "ValueError: tile 17 is empty"
    for parent, task_id in ((JOB, "a"), (job_id(1), "b")):
        columns = {"status": "failed", "retry_count": 1, "error_details": error, **times}
        lab.add_task(task_id=task_id, parent_job_id=parent, task_type="t", **columns)
    failures = FailureSizes(lab.jobs, cache=Cache(0))
    service = DebugService(
        lab.jobs, lab.store, failures, connections=("jobs",), logs_resource_id=None
    )
    info = service.explain(JOB).debug_info
    (task,), (step,) = info.tasks, info.critical_path.steps
    assert (task.wait_ms, task.working_ms, task.error) == (600_000, 1_200_000, error)
    assert (step.task_id, step.waiting_ms, step.working_ms) == ("a", 600_000, 1_200_000)
    assert [(stage.stage, stage.tasks["total"]) for stage in info.timeline] == [(1, 1), (2, 0)]
    assert [group.message for group in info.failures.groups] == ["tile <number> is empty"]
    assert info.retries.earlier_failures == []
    assert isinstance(info.meanwhile, Meanwhile)
    assert [job.job_id for job in info.meanwhile.overlapping] == [job_id(1)]
    assert {one.title for one in info.recommendations} == {
        "Stage 1 is complete, and the job did not move on",
        "Retrying does not help",
        "Only this job fails in this way",
    }
