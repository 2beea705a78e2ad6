"""What does not get on by itself is found, with its evidence, whatever holds it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from repositories.contracts.jobs import Poison
from repositories.records.rows import Counted
from repositories.records.trouble import StalledJob, StuckTask
from tests.contract.conftest import Lab

ONE, TWO, THREE, FOUR, FIVE = (digit * 64 for digit in "12345")
Add = Callable[..., None]


@pytest.fixture
def now(lab: Lab) -> datetime:
    with lab.jobs.read() as work:
        return work.failures.window(hours=1)[1]


@pytest.fixture
def add_job(lab: Lab, now: datetime) -> Add:
    def add(job_id: str, *, minutes: float = 0, **columns: object) -> None:
        at = now - timedelta(minutes=minutes)
        row = {"job_type": "mosaic", "total_stages": 3, "created_at": at, "updated_at": at}
        lab.add_job(job_id=job_id, **row | columns)

    return add


@pytest.fixture
def add_task(lab: Lab, now: datetime) -> Add:
    """Adds a task that was last changed so many minutes ago."""

    def add(task_id: str, *, job_id: str = ONE, minutes: float = 0, **columns: object) -> None:
        at = now - timedelta(minutes=minutes)
        row = {"task_type": "warp", "created_at": at, "updated_at": at}
        lab.add_task(task_id=task_id, parent_job_id=job_id, **row | columns)

    return add


def ask_stuck(poison: Poison, **chosen: int) -> Counted[StuckTask]:
    asked = {"floor_seconds": 300, "sample": 100, "limit": 10, **chosen}
    return poison.stuck_tasks(**asked)


def ask_stalled(poison: Poison, **chosen: int) -> Counted[StalledJob]:
    asked = {"quiet_seconds": 300, "looked_at": 100, "limit": 10, **chosen}
    return poison.stalled_jobs(**asked)


def test_nothing_is_stuck_where_nothing_is(lab: Lab) -> None:
    with lab.jobs.read() as work:
        assert ask_stuck(work.poison) == Counted([], 0)
        assert ask_stalled(work.poison) == Counted([], 0)
        assert work.poison.retried_jobs(least=1, looked_at=9, limit=5) == Counted([], 0)
        assert work.poison.tasks_without_job(looked_at=10, limit=5) == Counted([], 0)
        assert work.poison.tasks_left_behind(looked_at=10, limit=5) == Counted([], 0)


def test_a_task_in_processing_is_stuck_once_it_is_silent_for_longer_than_the_floor(
    lab: Lab, now: datetime, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="processing")
    add_task("silent", status="processing", minutes=20, stage=2, retry_count=1)
    add_task("busy", status="processing", minutes=4)
    add_task("waiting", status="queued", minutes=50)
    add_task("beats", status="processing", minutes=50, heartbeat=now - timedelta(minutes=1))
    add_task("beat", status="processing", minutes=5, heartbeat=now - timedelta(minutes=30))
    with lab.jobs.read() as work:
        found = ask_stuck(work.poison)
    assert [task.task_id for task in found.items] == ["beat", "silent"]
    silent = found.items[1]
    assert (silent.job_id, silent.task_type, silent.stage, silent.retry_count) == (
        ONE,
        "warp",
        2,
        1,
    )
    assert 1200 <= silent.silent_seconds < 1260
    assert (silent.normal_seconds, silent.sample_size) == (300, 0)
    assert silent.heartbeat is None
    assert found.items[0].heartbeat == now - timedelta(minutes=30)


def test_what_is_normal_is_measured_for_each_type(
    lab: Lab, now: datetime, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="processing")
    for number in range(20):
        begun = now - timedelta(hours=9, minutes=number)
        add_task(
            f"slow-{number}",
            task_type="slow",
            status="completed",
            created_at=begun,
            updated_at=begun + timedelta(minutes=1 + number),
        )
    for task_type in ("slow", "quick"):
        add_task(f"{task_type}-silent", task_type=task_type, status="processing", minutes=30)
        add_task(f"{task_type}-lost", task_type=task_type, status="processing", minutes=60)
    with lab.jobs.read() as work:
        found = ask_stuck(work.poison)
        few = ask_stuck(work.poison, sample=12)
    stuck = {task.task_id: task for task in found.items}
    assert set(stuck) == {"quick-silent", "quick-lost", "slow-lost"}
    assert (stuck["slow-lost"].normal_seconds, stuck["slow-lost"].sample_size) == (3420, 20)
    assert (stuck["quick-lost"].normal_seconds, stuck["quick-lost"].sample_size) == (300, 0)
    slow = next(task for task in few.items if task.task_id == "slow-silent")
    assert (slow.normal_seconds, slow.sample_size) == (1800, 10)


def test_a_task_that_was_started_again_is_not_judged_by_its_old_heartbeat(
    lab: Lab, now: datetime, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="processing")
    old = now - timedelta(hours=3)
    add_task("again", status="processing", heartbeat=old, started_at=now - timedelta(minutes=1))
    add_task("never", status="processing", heartbeat=old, started_at=old - timedelta(minutes=1))
    with lab.jobs.read() as work:
        assert [task.task_id for task in ask_stuck(work.poison).items] == ["never"]


def test_the_time_that_a_task_took_is_since_it_was_started_where_that_is_known(
    lab: Lab, now: datetime, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="processing")
    ended = now - timedelta(hours=2)
    add_task(
        "done",
        status="completed",
        created_at=ended - timedelta(hours=5),
        started_at=ended - timedelta(minutes=5),
        updated_at=ended,
    )
    add_task("silent", status="processing", minutes=16)
    with lab.jobs.read() as work:
        (stuck,) = ask_stuck(work.poison).items
    assert (stuck.task_id, stuck.normal_seconds, stuck.sample_size) == ("silent", 900, 1)


def test_more_are_counted_than_are_shown(lab: Lab, add_job: Add, add_task: Add) -> None:
    add_job(ONE, status="processing")
    for number in range(5):
        add_task(f"t{number}", status="processing", minutes=10 + 60 * number, retry_count=3)
    with lab.jobs.read() as work:
        found = ask_stuck(work.poison, limit=2)
        recent = ask_stuck(work.poison, hours=2)
        retried = work.poison.retried_tasks(least=3, looked_at=9, longest=9, limit=2)
    assert ([task.task_id for task in found.items], found.total) == (["t4", "t3"], 5)
    assert ([task.task_id for task in recent.items], recent.total) == (["t1", "t0"], 2)
    assert (len(retried.items), retried.total) == (2, 5)


def test_tasks_that_are_retried_again_and_again_come_by_how_often(
    lab: Lab, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="processing")
    add_job(TWO, status="failed", job_type="publish")
    add_task("a", retry_count=3, status="processing")
    add_task("b", retry_count=5, status="failed", error_details="0123456789 is bad", job_id=TWO)
    add_task("c", retry_count=2, status="queued")
    add_task("done", retry_count=9, status="completed")
    add_task("old", retry_count=9, status="failed", minutes=24 * 60 + 1)
    with lab.jobs.read() as work:
        found = work.poison.retried_tasks(least=3, looked_at=9, hours=24, longest=10, limit=9)
        jobs = work.poison.retried_jobs(least=3, looked_at=9, hours=24, limit=9)
        one = work.poison.retried_jobs(least=3, looked_at=9, hours=24, limit=1)
    assert [(task.task_id, task.retry_count) for task in found.items] == [("b", 5), ("a", 3)]
    assert (found.items[0].error_details, found.items[0].job_id) == ("0123456789", TWO)
    assert [
        (job.job_id, job.job_type, job.status, job.retries, job.tasks, job.most_retries)
        for job in jobs.items
    ] == [(ONE, "mosaic", "processing", 5, 2, 3), (TWO, "publish", "failed", 5, 1, 5)]
    assert (len(one.items), one.total) == (1, 2)
    with lab.jobs.read() as work:
        newest = work.poison.retried_tasks(least=3, looked_at=1, longest=10, limit=9)
    assert [task.task_id for task in newest.items] == ["b", "a"]


def test_a_job_whose_stage_is_complete_and_that_did_not_move_on_is_stalled(
    lab: Lab, now: datetime, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="processing", minutes=60)
    add_task("one-1", minutes=40, status="completed")
    add_task("one-2", minutes=30, status="failed")
    add_task("one-3", minutes=30, status="queued", stage=2)
    add_job(TWO, status="processing", minutes=60)
    add_task("two-1", job_id=TWO, minutes=40, status="completed")
    add_task("two-2", job_id=TWO, minutes=40, status="processing")
    add_job(THREE, status="processing", minutes=60)
    add_task("three-1", job_id=THREE, minutes=2, status="completed")
    add_job(FOUR, status="processing", minutes=20)
    add_job(FIVE, status="queued", minutes=60)
    with lab.jobs.read() as work:
        found = ask_stalled(work.poison)
        tasks = work.poison.tasks_of_stalled([ONE, FOUR], limit=1)
    assert [job.job_id for job in found.items] == [ONE, FOUR]
    assert found.total == 2
    first, second = found.items
    assert (first.tasks, first.failed_tasks) == (2, 1)
    assert first.last_task_at == now - timedelta(minutes=30)
    assert 1800 <= first.quiet_seconds < 1860
    assert (second.tasks, second.failed_tasks, second.last_task_at) == (0, 0, None)
    assert [(task.task_id, task.status) for task in tasks[ONE]] == [("one-2", "failed")]
    assert list(tasks[FOUR]) == []


def test_a_job_whose_final_stage_is_complete_is_stalled_too(
    lab: Lab, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="queued", minutes=60, stage=3)
    add_task("last", minutes=10, status="completed", stage=3)
    with lab.jobs.read() as work:
        assert [job.job_id for job in ask_stalled(work.poison).items] == [ONE]
        assert ask_stalled(work.poison, quiet_seconds=900).total == 0


def test_tasks_that_outlive_their_job_are_left_behind(
    lab: Lab, now: datetime, add_job: Add, add_task: Add
) -> None:
    add_job(ONE, status="failed", minutes=10)
    add_job(TWO, status="processing")
    add_task("queued", status="queued", minutes=30)
    add_task("running", status="processing", minutes=20)
    add_task("done", status="completed", minutes=20)
    add_task("fine", job_id=TWO, status="queued")
    add_task("old", status="queued", minutes=25 * 60)
    with lab.jobs.read() as work:
        found = work.poison.tasks_left_behind(looked_at=100, hours=24, limit=10)
        newest = work.poison.tasks_left_behind(looked_at=2, limit=10)
    assert ([task.task_id for task in found.items], found.total) == (["running", "queued"], 2)
    task = found.items[0]
    assert (task.job_id, task.status, task.job_status) == (ONE, "processing", "failed")
    assert task.job_ended_at == now - timedelta(minutes=10)
    assert [task.task_id for task in newest.items] == ["running"]


def test_our_own_tables_have_their_foreign_key(lab: Lab) -> None:
    with lab.jobs.read() as work:
        assert work.poison.has_foreign_key() is True
