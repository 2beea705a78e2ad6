"""Failed tasks are put back as queued, once, and what is known of their failures is kept."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from repositories.contracts.jobs import JobsWork
from repositories.contracts.store import Store, Work
from repositories.errors import Unavailable
from repositories.records.jobs import Job, Task
from repositories.records.retries import PlannedRetry, Retry
from services.errors import Forbidden, NotFound
from services.failures import FailedTask, FailureService, FoundGroup
from services.fingerprints import kind_of_text
from services.retries import JobRetry, Order, RetryService
from tests.contract.conftest import Lab, PostgresLab, SqlServerLab
from tests.contract.stages import PostgresStages, SqlServerStages, advance, check, end_task

JOB, OTHER = "a" * 64, "b" * 64
ORDER = Order(actor="eve", reason="disk is back", correlation_id="c-1", dry_run=False)
DRY = replace(ORDER, dry_run=True)
ERROR = "OSError: no room on 'disk 7'\n  at copy()"


class OneGroup(FailureService):
    """Every failure is of the group that is asked for."""

    def __init__(self, tasks: Sequence[tuple[str, str]], count: int | None = None) -> None:
        self._tasks, self._count = tasks, count

    def find_group(self, fingerprint: str, *, hours: int, limit: int) -> FoundGroup | None:
        tasks = [
            FailedTask(
                task_id=task_id,
                job_id=job_id,
                task_type="copy",
                stage=1,
                retry_count=0,
                failed_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            for job_id, task_id in self._tasks[:limit]
        ]
        return FoundGroup(
            fingerprint=fingerprint,
            error_type="OSError",
            message="no room",
            count=self._count or len(self._tasks),
            tasks=tasks,
            was_cut=False,
        )


class NoGroup(FailureService):
    def __init__(self) -> None:
        """There are no failures of any kind."""

    def find_group(self, fingerprint: str, *, hours: int, limit: int) -> FoundGroup | None:
        return None


class Dying:
    """A store or jobs database whose process dies at its `nth` transaction, before or after it."""

    def __init__(self, inner: Any, nth: int, *, after: bool = False) -> None:
        self._inner, self._left, self._after = inner, nth, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def work(self) -> Iterator[Work]:
        with self._counted(self._inner.work) as work:
            yield work

    @contextmanager
    def change(self) -> Iterator[JobsWork]:
        with self._counted(self._inner.change) as work:
            yield work

    @contextmanager
    def _counted(self, opened: Callable[[], Any]) -> Iterator[Any]:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Unavailable
        with opened() as work:
            yield work
        if self._left == 0:
            raise Unavailable


def service(lab: Lab, **parts: Any) -> RetryService:
    known = {
        "store": lab.store,
        "jobs": lab.jobs,
        "writer": lab.writer,
        "failures": NoGroup(),
        **parts,
    }
    return RetryService(**known)


def add_failed_job(lab: Lab, job_id: str = JOB, **columns: Any) -> None:
    """A job of two stages that failed in its second, with two failed tasks there and one done."""
    job = {"status": "failed", "stage": 2, "total_stages": 2, "error_details": "a task failed"}
    lab.add_job(job_id=job_id, job_type="copy_files", **{**job, **columns})
    for name, stage, status in (
        ("1-a", 1, "completed"),
        ("2-a", 2, "failed"),
        ("2-b", 2, "failed"),
        ("2-c", 2, "completed"),
    ):
        add_task(lab, job_id, name, stage=stage, status=status)


def add_task(lab: Lab, job_id: str, name: str, **columns: Any) -> None:
    error = {"error_details": ERROR} if columns["status"] == "failed" else {}
    lab.add_task(
        task_id=f"{job_id[:1]}-{name}",
        parent_job_id=job_id,
        task_type="copy",
        **{**error, **columns},
    )


def find_job(lab: Lab, job_id: str = JOB) -> Job:
    with lab.jobs.read() as work:
        job = work.jobs.find(job_id)
    assert job is not None
    return job


def tasks_of(lab: Lab, job_id: str = JOB) -> dict[str, Task]:
    with lab.jobs.read() as work:
        return {task.task_id: task for task in work.jobs.tasks_of(job_id, limit=100)}


def retries_of(lab: Lab, job_id: str = JOB) -> list[Retry]:
    with lab.store.read() as work:
        return work.retries.of_job(job_id, limit=100)


def actions(store: Store) -> list[str]:
    with store.read() as work:
        return sorted(one.action for one in work.audit.recent(limit=100))


def everything(lab: Lab) -> object:
    """All rows that a retry could touch, without what depends on the time of asking."""
    jobs = [replace(find_job(lab, one), duration_ms=0) for one in (JOB,)]
    tasks = [replace(task, duration_ms=0) for task in tasks_of(lab).values()]
    return jobs, tasks, retries_of(lab), actions(lab.store)


def moved(outcome: JobRetry) -> list[str]:
    return sorted(one.task_id for one in outcome.retried)


def reasons(outcome: JobRetry) -> dict[str, str]:
    return {one.task_id: one.reason for one in outcome.refused}


def test_failed_tasks_are_queued_again_and_their_failures_are_kept(lab: Lab) -> None:
    add_failed_job(lab)
    before = tasks_of(lab)
    outcome = service(lab).retry_job(JOB, None, ORDER)
    assert moved(outcome) == ["a-2-a", "a-2-b"]
    assert outcome.refused == []
    assert (outcome.job.status_before, outcome.job.status, outcome.job.stage) == (
        "failed",
        "processing",
        2,
    )
    after = tasks_of(lab)
    for task_id in ("a-2-a", "a-2-b"):
        task = after[task_id]
        assert (task.status, task.retry_count, task.error_details) == ("queued", 1, None)
        assert task.started_at is None
    assert after["a-2-c"].status == "completed"
    job = find_job(lab)
    assert (job.status, job.stage, job.error_details) == ("processing", 2, None)
    kept = {one.task_id: one for one in retries_of(lab)}
    assert {one.retry_id for one in outcome.retried} == {one.retry_id for one in kept.values()}
    for task_id, retry in kept.items():
        assert (retry.error_details, retry.retry_count, retry.state) == (ERROR, 0, "done")
        assert retry.failed_at == before[task_id].updated_at
        assert retry.fingerprint == kind_of_text(ERROR).fingerprint
        assert (retry.actor, retry.reason, retry.correlation_id) == ("eve", "disk is back", "c-1")


def test_what_was_changed_is_in_the_audit_log(lab: Lab) -> None:
    add_failed_job(lab)
    service(lab).retry_job(JOB, ["a-2-a"], ORDER)
    with lab.store.read() as work:
        asked = work.audit.recent(entity_type="job", entity_id=JOB, limit=9)
        done = work.audit.recent(entity_type="task", entity_id="a-2-a", limit=9)
    (one,), (other,) = asked, done
    assert (one.action, one.actor, one.reason, one.correlation_id) == (
        "retry.asked",
        "eve",
        "disk is back",
        "c-1",
    )
    assert json.loads(one.old_values or "") == {
        "status": "failed",
        "stage": 2,
        "error_details": "a task failed",
    }
    assert json.loads(one.new_values or "") == {"status": "processing", "task_ids": ["a-2-a"]}
    assert other.action == "retry.done"
    assert json.loads(other.old_values or "") == {"status": "failed", "retry_count": 0}


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(lab: Lab) -> None:
    add_failed_job(lab)
    before = everything(lab)
    would = service(lab).retry_job(JOB, None, DRY)
    assert everything(lab) == before
    assert would.dry_run
    assert [one.retry_id for one in would.retried] == [None, None]
    did = service(lab).retry_job(JOB, None, ORDER)
    assert moved(would) == moved(did)
    assert (would.job, would.refused) == (did.job, did.refused)


def test_asking_twice_changes_nothing_the_second_time(lab: Lab) -> None:
    add_failed_job(lab)
    service(lab).retry_job(JOB, None, ORDER)
    once = everything(lab)
    again = service(lab).retry_job(JOB, None, ORDER)
    assert (again.retried, again.refused) == ([], [])
    assert again.note == "the job has no failed tasks"
    assert again.job.status == "processing"
    assert everything(lab) == once


def test_only_the_named_tasks_are_put_back_and_others_are_refused_with_a_reason(lab: Lab) -> None:
    add_failed_job(lab)
    outcome = service(lab).retry_job(JOB, ["a-2-a", "a-2-c", "nobody", "nobody"], ORDER)
    assert moved(outcome) == ["a-2-a"]
    assert reasons(outcome) == {
        "a-2-c": "the task is completed: only failed ones are put back",
        "nobody": "the job has no such task",
    }
    assert len(outcome.refused) == 2
    assert tasks_of(lab)["a-2-b"].status == "failed"


def test_a_task_that_was_retried_ten_times_is_refused(lab: Lab) -> None:
    add_failed_job(lab)
    add_task(lab, JOB, "2-x", stage=2, status="failed", retry_count=10)
    outcome = service(lab).retry_job(JOB, None, ORDER)
    assert moved(outcome) == ["a-2-a", "a-2-b"]
    assert reasons(outcome) == {"a-2-x": "the task was retried 10 times, and 10 is the limit"}


def test_failures_of_a_stage_that_the_job_has_left_are_refused(lab: Lab) -> None:
    add_failed_job(lab, status="completed_with_errors")
    add_task(lab, JOB, "1-x", stage=1, status="failed")
    outcome = service(lab).retry_job(JOB, None, ORDER)
    assert moved(outcome) == ["a-2-a", "a-2-b"]
    assert reasons(outcome) == {
        "a-1-x": "the task is of stage 1, and the job has gone on to stage 2"
    }


def test_a_job_that_has_tasks_of_a_later_stage_is_not_rewound(lab: Lab) -> None:
    add_failed_job(lab, stage=1)
    before = everything(lab)
    outcome = service(lab).retry_job(JOB, None, ORDER)
    assert outcome.retried == []
    assert set(reasons(outcome).values()) == {
        "the job stands at stage 1 and has tasks of stage 2 already, which would run twice"
    }
    assert everything(lab) == before


def test_a_completed_job_is_not_taken_up_again(lab: Lab) -> None:
    add_failed_job(lab, status="completed")
    outcome = service(lab).retry_job(JOB, None, ORDER)
    (reason,) = set(reasons(outcome).values())
    assert reason.startswith("the job is completed: only one that is queued, processing, failed")
    assert outcome.note == "no task can be put back: see `refused`"


def test_a_stage_that_has_just_ended_is_left_to_who_moves_it_on(lab: Lab) -> None:
    add_failed_job(lab, status="processing")
    outcome = service(lab).retry_job(JOB, None, ORDER)
    (reason,) = set(reasons(outcome).values())
    assert reason.startswith("stage 2 has just ended and the job is about to move on")
    lab.let_time_pass(seconds=90)
    assert moved(service(lab).retry_job(JOB, None, ORDER)) == ["a-2-a", "a-2-b"]


def test_a_stage_that_others_still_work_on_may_be_joined_at_once(lab: Lab) -> None:
    add_failed_job(lab, status="processing")
    add_task(lab, JOB, "2-x", stage=2, status="processing")
    assert moved(service(lab).retry_job(JOB, None, ORDER)) == ["a-2-a", "a-2-b"]


def test_an_unknown_job_is_not_found(lab: Lab) -> None:
    with pytest.raises(NotFound):
        service(lab).retry_job(OTHER, None, ORDER)


def test_without_jobs_writable_nobody_may(lab: Lab) -> None:
    add_failed_job(lab)
    for order in (ORDER, DRY):
        with pytest.raises(Forbidden, match="JOBS_WRITABLE"):
            service(lab, writer=None).retry_job(JOB, None, order)
        with pytest.raises(Forbidden, match="JOBS_WRITABLE"):
            service(lab, writer=None).retry_group("0" * 16, hours=1, limit=1, order=order)


def test_of_two_callers_at_once_each_task_is_retried_by_one(lab: Lab) -> None:
    if not hasattr(lab, "database"):
        pytest.skip("memory: there are no two connections there")
    for job_id in "01234567":
        add_failed_job(lab, job_id * 64)

    def retry_all(_: int) -> list[JobRetry]:
        return [service(lab).retry_job(job_id * 64, None, ORDER) for job_id in "01234567"]

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(retry_all, range(2))
    for one, other in zip(first, second, strict=True):
        assert len(moved(one)) + len(moved(other)) == 2
        states = sorted(retry.state for retry in retries_of(lab, one.job.job_id))
        assert states.count("done") == 2
        assert "planned" not in states
        counts = [task.retry_count for task in tasks_of(lab, one.job.job_id).values()]
        assert sorted(counts) == [0, 0, 1, 1]
    assert actions(lab.store).count("retry.done") == 16


# Killed on the way ------------------------------------------------------------------------------


def test_killed_before_the_tasks_moved_nothing_is_lost(lab: Lab) -> None:
    add_failed_job(lab)
    with pytest.raises(Unavailable):
        service(lab, writer=Dying(lab.writer, 1)).retry_job(JOB, None, ORDER)
    assert {one.state for one in retries_of(lab)} == {"planned"}
    assert find_job(lab).status == "failed"
    assert moved(service(lab).retry_job(JOB, None, ORDER)) == ["a-2-a", "a-2-b"]
    lab.let_time_pass(minutes=5)
    assert service(lab).settle() == 2
    assert sorted(one.state for one in retries_of(lab)) == ["done", "done", "dropped", "dropped"]
    assert actions(lab.store).count("retry.done") == 2


@pytest.mark.parametrize("after", [True, False], ids=["jobs written", "store not written"])
def test_killed_after_the_tasks_moved_the_failures_are_kept(lab: Lab, after: bool) -> None:
    add_failed_job(lab)
    parts = (
        {"writer": Dying(lab.writer, 1, after=True)} if after else {"store": Dying(lab.store, 2)}
    )
    with pytest.raises(Unavailable):
        service(lab, **parts).retry_job(JOB, None, ORDER)
    assert tasks_of(lab)["a-2-a"].status == "queued"
    kept = retries_of(lab)
    assert {(one.state, one.error_details) for one in kept} == {("planned", ERROR)}
    assert service(lab).settle() == 0, "it may be under way still"
    lab.let_time_pass(minutes=5)
    again = service(lab).retry_job(JOB, None, ORDER)
    assert again.note == "the job has no failed tasks"
    assert {one.state for one in retries_of(lab)} == {"done"}
    assert actions(lab.store) == ["retry.asked", "retry.done", "retry.done"]
    assert service(lab).settle() == 0


def test_killed_before_anything_was_written_nothing_has_happened(lab: Lab) -> None:
    add_failed_job(lab)
    before = everything(lab)
    with pytest.raises(Unavailable):
        service(lab, store=Dying(lab.store, 1)).retry_job(JOB, None, ORDER)
    assert everything(lab) == before


def test_a_plan_for_a_task_that_is_gone_is_dropped(lab: Lab) -> None:
    add_failed_job(lab)
    with pytest.raises(Unavailable):
        service(lab, writer=Dying(lab.writer, 1)).retry_job(JOB, ["a-2-a"], ORDER)
    with lab.store.work() as work:
        (plan,) = work.retries.of_job(JOB, limit=9)
        work.retries.plan([replace_id(plan, task_id="gone")])
    lab.let_time_pass(minutes=5)
    assert service(lab).settle() == 2
    assert {one.state for one in retries_of(lab)} == {"dropped"}


def replace_id(plan: Retry, **changes: Any) -> PlannedRetry:
    values = {name: getattr(plan, name) for name in PlannedRetry.__dataclass_fields__}
    return PlannedRetry(**{**values, "retry_id": f"{7:08x}-0000-4000-8000-000000000000", **changes})


# What comes after ------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["postgres", "sqlserver"])
@pytest.mark.parametrize("second", [None, "again no room"], ids=["ends well", "fails again"])
def test_workers_bring_a_job_to_its_end_once_its_tasks_were_put_back(
    request: pytest.FixtureRequest, engine: str, second: str | None
) -> None:
    lab, stages = open_lab(request, engine)
    with closing(stages):
        add_failed_job(lab)
        service(lab).retry_job(JOB, None, ORDER)
        for task_id in ("a-2-a", "a-2-b"):
            stages.connection.execute(
                f"UPDATE app.tasks SET status = 'processing' WHERE task_id = '{task_id}'"  # noqa: S608
            )
        first = end_task(stages, "a-2-a", result='{"rows": 1}')
        assert (first.task_updated, first.is_last_task_in_stage) == (True, False)
        last = end_task(stages, "a-2-b", error=second)
        assert (last.task_updated, last.is_last_task_in_stage) == (True, True)
        assert check(stages, JOB).job_complete
        assert advance(stages, JOB, 2) == (True, 2, True)
    expected = "completed_with_errors" if second else "completed"
    assert find_job(lab).status == expected
    if second:
        retried = service(lab).retry_job(JOB, None, ORDER)
        assert [(one.task_id, one.retry_count) for one in retried.retried] == [("a-2-b", 2)]
        assert sorted(one.retry_count for one in retries_of(lab)) == [0, 0, 1]


def open_lab(request: pytest.FixtureRequest, engine: str) -> tuple[Lab, Any]:
    """A lab, and one connection to ask its functions on."""
    if engine == "sqlserver":
        lab: SqlServerLab = request.getfixturevalue("sqlserver_lab")
        lab.empty()
        return lab, SqlServerStages(request.getfixturevalue("sqlserver_url"))
    url = request.getfixturevalue("store_url")
    postgres = PostgresLab(url)
    request.addfinalizer(postgres.database.close)
    return postgres, PostgresStages(url)


# Groups -----------------------------------------------------------------------------------------


def test_a_group_is_put_back_job_by_job(lab: Lab) -> None:
    add_failed_job(lab)
    add_failed_job(lab, OTHER, status="completed")
    group = OneGroup([(JOB, "a-2-a"), (OTHER, "b-2-b"), (JOB, "a-2-b")], count=5)
    before = everything(lab)
    dry = service(lab, failures=group).retry_group("0" * 16, hours=24, limit=10, order=DRY)
    assert everything(lab) == before
    outcome = service(lab, failures=group).retry_group("0" * 16, hours=24, limit=10, order=ORDER)
    for one in (dry, outcome):
        assert sorted(task.task_id for task in one.retried) == ["a-2-a", "a-2-b"]
        assert [task.task_id for task in one.refused] == ["b-2-b"]
        assert [job.job_id for job in one.jobs] == [JOB]
        assert (one.found, one.fingerprint) == (5, "0" * 16)
        assert one.note == "these are the newest 3 of 5 failures: ask again for the others"
    assert find_job(lab, OTHER).status == "completed"


def test_a_group_without_failures_is_empty_and_says_so(lab: Lab) -> None:
    outcome = service(lab).retry_group("0" * 16, hours=24, limit=10, order=ORDER)
    assert (outcome.retried, outcome.refused, outcome.jobs, outcome.found) == ([], [], [], 0)
    assert outcome.note is not None
    assert outcome.note.startswith("no task failed with this fingerprint in the last 24 hours")
