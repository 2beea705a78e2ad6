import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from repositories.records.filters import JobFilter, TaskFilter
from tests.contract.conftest import Lab

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB = "a" * 64


def job_id(number: int) -> str:
    return f"{number:064x}"


def test_an_unknown_job_is_none(lab: Lab) -> None:
    with lab.jobs.read() as work:
        assert work.jobs.find(JOB) is None
        assert work.jobs.tasks_of(JOB, limit=10) == []
        assert list(work.jobs.stages(JOB)) == []


def test_a_job_has_its_columns(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="count_lines", parameters='{"a": 1}', created_at=NOON)
    with lab.jobs.read() as work:
        job = work.jobs.find(JOB)
    assert job is not None
    assert (job.job_type, job.status, job.stage, job.total_stages) == (
        "count_lines",
        "queued",
        1,
        1,
    )
    assert json.loads(job.parameters or "") == {"a": 1}
    assert job.created_at == NOON
    assert json.loads(job.task_counts)["total"] == 0


def test_jobs_come_newest_first_and_ties_by_id(lab: Lab) -> None:
    for number, hours in ((1, 0), (2, 2), (3, 2), (4, 1)):
        at = NOON + timedelta(hours=hours)
        lab.add_job(job_id=job_id(number), job_type="x", created_at=at)
    with lab.jobs.read() as work:
        found = work.jobs.newest(limit=10)
    assert [job.job_id for job in found] == [job_id(n) for n in (2, 3, 4, 1)]


def test_pages_of_jobs_neither_repeat_nor_skip(lab: Lab) -> None:
    for number in range(10):
        at = NOON + timedelta(minutes=number // 3)
        lab.add_job(job_id=job_id(number), job_type="x", created_at=at)
    with lab.jobs.read() as work:
        every = [job.job_id for job in work.jobs.newest(limit=10)]
        seen: list[str] = []
        after = None
        while page := work.jobs.newest(after=after, limit=4):
            seen += [job.job_id for job in page]
            after = (page[-1].created_at, page[-1].job_id)
    assert seen == every
    assert len(seen) == 10


def test_jobs_are_filtered_by_any_of_some_statuses_and_by_type_and_age(lab: Lab) -> None:
    lab.add_job(job_id=job_id(1), job_type="x", status="failed")
    lab.add_job(job_id=job_id(2), job_type="x", status="processing")
    lab.add_job(job_id=job_id(3), job_type="y", status="completed", created_at=NOON)
    with lab.jobs.read() as work:

        def ids(**chosen: object) -> set[int]:
            found = work.jobs.newest(JobFilter(**chosen), limit=10)  # type: ignore[arg-type]
            return {int(job.job_id, 16) for job in found}

        assert ids(statuses=("failed", "processing")) == {1, 2}
        assert ids(statuses=("failed",)) == {1}
        assert ids(job_type="y") == {3}
        assert ids(hours=1) == {1, 2}
        assert ids(statuses=("failed",), job_type="y") == set()


def test_tasks_of_a_job_come_by_stage_and_page_by_page(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2)
    for number in range(6):
        lab.add_task(task_id=f"t{number}", parent_job_id=JOB, task_type="x", stage=2 - number % 2)
    with lab.jobs.read() as work:
        first = work.jobs.tasks_of(JOB, limit=4)
        rest = work.jobs.tasks_of(JOB, after=(first[-1].stage, first[-1].task_id), limit=4)
    tasks = [*first, *rest]
    assert len(tasks) == 6
    assert all((a.stage, a.task_id) < (b.stage, b.task_id) for a, b in pairwise(tasks))


def test_stages_count_what_became_of_their_tasks(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2)
    statuses = ("completed", "completed", "failed", "processing", "queued")
    for number, status in enumerate(statuses):
        lab.add_task(task_id=f"t{number}", parent_job_id=JOB, task_type="x", status=status)
    lab.add_task(task_id="u", parent_job_id=JOB, task_type="x", stage=2)
    with lab.jobs.read() as work:
        one, two = work.jobs.stages(JOB)
    assert (one.total, one.completed, one.failed, one.processing, one.waiting) == (5, 2, 1, 1, 1)
    assert (two.stage, two.total, two.waiting) == (2, 1, 1)


def test_tasks_are_filtered_by_status_stage_and_type(lab: Lab) -> None:
    lab.add_job(job_id=JOB, job_type="x", total_stages=2)
    lab.add_task(task_id="a", parent_job_id=JOB, task_type="read", status="failed")
    lab.add_task(task_id="b", parent_job_id=JOB, task_type="read", stage=2)
    lab.add_task(task_id="c", parent_job_id=JOB, task_type="write", created_at=NOON)
    with lab.jobs.read() as work:

        def ids(**chosen: object) -> set[str]:
            wanted = TaskFilter(**chosen)  # type: ignore[arg-type]
            found = work.jobs.newest_tasks(wanted, limit=10)
            return {task.task_id for task in found}

        assert ids(statuses=("failed",)) == {"a"}
        assert ids(stage=2) == {"b"}
        assert ids(task_type="write") == {"c"}
        assert ids(hours=1) == {"a", "b"}
        assert ids() == {"a", "b", "c"}


def test_counts_are_by_status_and_only_of_the_last_hours(lab: Lab) -> None:
    lab.add_job(job_id=job_id(1), job_type="x", status="failed")
    lab.add_job(job_id=job_id(2), job_type="x", status="failed", created_at=NOON)
    lab.add_task(task_id="a", parent_job_id=job_id(1), task_type="x", status="completed")
    with lab.jobs.read() as work:
        assert dict(work.jobs.job_counts(hours=24)) == {"failed": 1}
        assert dict(work.jobs.task_counts(hours=24)) == {"completed": 1}


def test_the_three_functions_are_there(lab: Lab) -> None:
    with lab.jobs.read() as work:
        assert list(work.jobs.functions()) == [
            "advance_job_stage",
            "check_job_completion",
            "complete_task_and_check_stage",
        ]
