"""What failed is listed alike, and grouped alike, whatever holds it."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from repositories.contracts.jobs import JobsDatabase
from repositories.records.trouble import Failure
from services.caching import Cache
from services.failure_sizes import FailureSizes
from services.failures import ErrorGroup, ErrorTotals, FailureService
from services.fingerprints import HEAD, TAIL, kind_of_text
from tests.contract.conftest import Lab

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
FRAMES = '  File "/app/tiles.py", line 3, in warp\n    warp_tile()\n' * 60
LONG = f"Traceback (most recent call last):\n{FRAMES}ValueError: tile 17 of '{ONE}' is empty"


@pytest.fixture
def now(lab: Lab) -> datetime:
    with lab.jobs.read() as work:
        return work.failures.window(hours=1)[1]


@pytest.fixture
def fail(lab: Lab, now: datetime) -> Callable[..., None]:
    """Adds a task that failed so many hours ago."""
    numbers = iter(range(10_000))

    def add(text: str | None, *, hours: float = 1, job_id: str = ONE, **columns: object) -> None:
        at = now - timedelta(hours=hours)
        row = {"status": "failed", "task_type": "warp", "error_details": text, **columns}
        task_id = f"task-{next(numbers):04}"
        lab.add_task(
            **{"task_id": task_id, "parent_job_id": job_id, "created_at": at, "updated_at": at}
            | row
        )

    return add


@pytest.fixture(autouse=True)
def jobs(lab: Lab, now: datetime) -> None:
    for job_id, job_type in ((ONE, "mosaic"), (TWO, "mosaic"), (THREE, "publish")):
        lab.add_job(job_id=job_id, job_type=job_type, total_stages=5)


def service(database: JobsDatabase, **bounds: int) -> FailureService:
    return FailureService(database, cache=Cache(0), **bounds)


def groups_of(
    lab: Lab,
    *,
    job_type: str | None = None,
    task_type: str | None = None,
    bounds: dict[str, int] | None = None,
) -> tuple[list[ErrorGroup], ErrorTotals]:
    answer = service(lab.jobs, **(bounds or {})).groups(
        hours=24, job_type=job_type, task_type=task_type, after=None, limit=100
    )
    return list(answer.value.groups.items), answer.value.totals


def test_the_window_is_by_the_clock_of_the_database(lab: Lab) -> None:
    with lab.jobs.read() as work:
        since, until = work.failures.window(hours=24)
    assert until - since == timedelta(hours=24)
    assert until.utcoffset() == timedelta(0)


def test_failures_come_newest_first_in_batches_that_neither_repeat_nor_skip(
    lab: Lab, now: datetime, fail: Callable[..., None]
) -> None:
    for number in range(11):
        fail("bad", hours=1 + number // 3)
    fail("bad", hours=30)
    fail("fine", status="completed")
    since, walked = now - timedelta(hours=24), list[Failure]()
    with lab.jobs.read() as work:
        every = work.failures.of_tasks(since=since, until=now, limit=100)
        while batch := work.failures.of_tasks(
            since=since, until=now, after=walked[-1] if walked else None, limit=4
        ):
            walked += batch
    assert [one.task_id for one in walked] == [one.task_id for one in every]
    assert len(every) == 11
    assert all(
        (-a.failed_at.timestamp(), a.task_id) < (-b.failed_at.timestamp(), b.task_id)
        for a, b in pairwise(every)
    )


def test_a_failure_has_what_is_looked_at_of_its_text(
    lab: Lab, now: datetime, fail: Callable[..., None]
) -> None:
    fail(LONG, stage=2, retry_count=3)
    fail("x" * 2 * HEAD, hours=2)
    fail(None, hours=3)
    with lab.jobs.read() as work:
        found = work.failures.of_tasks(since=now - timedelta(hours=24), until=now, limit=10)
    assert [(one.head, one.tail) for one in found] == [
        (LONG[:HEAD], LONG[-TAIL:]),
        ("x" * HEAD, None),
        (None, None),
    ]
    first = found[0]
    assert (first.job_id, first.job_type, first.task_type) == (ONE, "mosaic", "warp")
    assert (first.stage, first.retry_count) == (2, 3)
    assert first.failed_at == now - timedelta(hours=1)


def test_whole_texts_are_found_by_id(lab: Lab, fail: Callable[..., None]) -> None:
    fail(LONG)
    fail(None)
    lab.add_job(job_id="4" * 64, job_type="x", status="failed", error_details="no tasks")
    with lab.jobs.read() as work:
        tasks = work.failures.task_texts(["task-0000", "task-0001", "nobody"], longest=10_000)
        assert dict(tasks) == {"task-0000": LONG, "task-0001": None}
        assert dict(work.failures.task_texts(["task-0000"], longest=5)) == {"task-0000": LONG[:5]}
        assert dict(work.failures.job_texts(["4" * 64], longest=100)) == {"4" * 64: "no tasks"}


def test_failures_of_one_cause_are_one_group(
    lab: Lab, now: datetime, fail: Callable[..., None]
) -> None:
    for number in range(6):
        fail(
            f"ValueError: tile {number} of '{ONE}' in /data/{number}.tif is empty",
            hours=1 + number,
            job_id=(ONE, TWO, THREE)[number % 3],
            stage=1 + number % 2,
            retry_count=number % 2,
            task_type="warp" if number else "read",
        )
    fail("KeyError: 'scene'", hours=2)
    groups, totals = groups_of(lab)
    first, second = groups
    assert (first.error_type, first.message) == (
        "ValueError",
        "tile <number> of <value> in <path> is empty",
    )
    assert (first.count, first.tasks, first.jobs, first.retries) == (6, 6, 3, 3)
    assert (first.job_types, first.task_types) == (["mosaic", "publish"], ["read", "warp"])
    assert [(one.stage, one.count) for one in first.stages] == [(1, 3), (2, 3)]
    assert (first.first_seen, first.last_seen) == (
        now - timedelta(hours=6),
        now - timedelta(hours=1),
    )
    assert first.sample.task_id == "task-0000"
    assert first.sample.error_details == f"ValueError: tile 0 of '{ONE}' in /data/0.tif is empty"
    assert (second.error_type, second.count) == ("KeyError", 1)
    assert (first.share, second.share) == (0.8571, 0.1429)
    assert (totals.failures, totals.groups, totals.was_cut) == (7, 2, False)


def test_the_group_of_a_long_traceback_is_told_by_its_last_line(
    lab: Lab, fail: Callable[..., None]
) -> None:
    fail(LONG)
    fail(f"ValueError: tile 4 of '{TWO}' is empty")
    (group,), _ = groups_of(lab)
    assert group.count == 2
    assert group.fingerprint == kind_of_text(LONG).fingerprint
    assert group.sample.error_details == LONG


def test_a_job_that_says_itself_why_it_failed_counts_too(
    lab: Lab, now: datetime, fail: Callable[..., None]
) -> None:
    fail("quota of 5 is used", hours=2)
    at = now - timedelta(hours=1)
    failed = {"status": "failed", "created_at": at, "updated_at": at}
    lab.add_job(job_id="4" * 64, job_type="x", error_details="quota of 7 is used", **failed)
    lab.add_job(job_id="5" * 64, job_type="x", **failed)
    (group,), totals = groups_of(lab)
    assert (group.count, group.tasks, group.jobs, totals.failures) == (2, 1, 2, 2)
    assert (group.sample.job_id, group.sample.task_id) == ("4" * 64, None)
    assert group.sample.error_details == "quota of 7 is used"


def test_failures_without_any_text_are_a_group_of_their_own(
    lab: Lab, fail: Callable[..., None]
) -> None:
    fail(None)
    fail("")
    (group,), _ = groups_of(lab)
    assert (group.count, group.error_type, group.message) == (2, None, "no error text")


def test_groups_are_filtered_by_the_types_of_jobs_and_tasks(
    lab: Lab, now: datetime, fail: Callable[..., None]
) -> None:
    fail("bad", job_id=ONE, task_type="read")
    fail("bad", job_id=THREE, task_type="warp")
    fail("worse", job_id=THREE, task_type="read")
    at = now - timedelta(hours=1)
    failed = {"status": "failed", "created_at": at, "updated_at": at}
    lab.add_job(job_id="4" * 64, job_type="publish", error_details="lost", **failed)

    def counts(job_type: str | None = None, task_type: str | None = None) -> dict[str, int]:
        groups, _ = groups_of(lab, job_type=job_type, task_type=task_type)
        return {group.message: group.count for group in groups}

    assert counts() == {"bad": 2, "worse": 1, "lost": 1}
    assert counts(job_type="publish") == {"bad": 1, "worse": 1, "lost": 1}
    assert counts(task_type="read") == {"bad": 1, "worse": 1}
    assert counts(job_type="publish", task_type="read") == {"worse": 1}
    assert counts(job_type="nothing") == {}


def test_the_trend_is_against_the_window_before(lab: Lab, fail: Callable[..., None]) -> None:
    for message, before, after in (("new", 0, 1), ("up", 2, 4), ("same", 3, 3), ("down", 4, 1)):
        for _ in range(after):
            fail(message, hours=1)
        for _ in range(before):
            fail(message, hours=25)
    fail("up", hours=49)
    trends = {group.message: group.trend for group in groups_of(lab)[0]}
    assert {message: trend.direction for message, trend in trends.items()} == {
        "new": "new",
        "up": "rising",
        "same": "steady",
        "down": "falling",
    }
    assert [(trends[name].before, trends[name].change) for name in ("new", "up", "down")] == [
        (0, None),
        (2, 2.0),
        (4, 0.25),
    ]


def test_pages_of_groups_neither_repeat_nor_skip(lab: Lab, fail: Callable[..., None]) -> None:
    words = "alpha beta gamma delta epsilon zeta eta".split()
    for number, word in enumerate(words):
        for _ in range(1 + number // 3):
            fail(f"no {word}")
    asked = {"hours": 24, "job_type": None, "task_type": None}
    failures = service(lab.jobs)
    seen: list[ErrorGroup] = []
    after: tuple[int, str] | None = None
    while True:
        page = failures.groups(**asked, after=after, limit=2).value.groups  # type: ignore[arg-type]
        seen += page.items
        if page.next is None:
            break
        after = page.next  # type: ignore[assignment]
    assert [group.fingerprint for group in seen] == [
        group.fingerprint for group in groups_of(lab)[0]
    ]
    assert Counter(group.message for group in seen) == Counter(f"no {word}" for word in words)
    assert all((-a.count, a.fingerprint) < (-b.count, b.fingerprint) for a, b in pairwise(seen))


def test_a_window_with_too_many_failures_is_cut_and_says_so(
    lab: Lab, fail: Callable[..., None]
) -> None:
    for number in range(9):
        fail("bad" if number < 6 else "worse", hours=1 + number)
        fail("bad", hours=30 + number)
    exact, totals = groups_of(lab, bounds={"most_failures": 9, "batch": 4})
    assert (totals.failures, totals.was_cut, totals.before_was_cut) == (9, False, False)
    assert [(group.count, group.trend.before) for group in exact] == [(6, 9), (3, 0)]
    newest, totals = groups_of(lab, bounds={"most_failures": 5, "batch": 4})
    assert (totals.failures, totals.was_cut, totals.before_was_cut) == (5, True, True)
    assert totals.looked_at == 5
    assert [(group.count, group.trend.before) for group in newest] == [(5, 5)]


def test_groups_beyond_those_that_are_kept_are_counted(lab: Lab, fail: Callable[..., None]) -> None:
    for hours, word in enumerate(("alpha", "beta", "gamma", "gamma"), start=1):
        fail(word, hours=hours)
    groups, totals = groups_of(lab, bounds={"most_groups": 2})
    assert sorted(group.message for group in groups) == ["alpha", "beta"]
    assert (totals.failures, totals.groups, totals.ungrouped) == (4, 2, 2)


def test_the_tasks_of_a_group_are_found_by_its_fingerprint(
    lab: Lab, fail: Callable[..., None]
) -> None:
    for number in range(5):
        fail(f"tile {number} is bad", hours=1 + number, retry_count=number)
    fail("something else")
    fail("tile 9 is bad", hours=30)
    fingerprint = kind_of_text("tile 1 is bad").fingerprint
    found = service(lab.jobs, batch=2).find_group(fingerprint, hours=24, limit=3)
    assert found is not None
    assert (found.message, found.count, found.was_cut) == ("tile <number> is bad", 5, False)
    assert [(task.task_id, task.retry_count) for task in found.tasks] == [
        ("task-0000", 0),
        ("task-0001", 1),
        ("task-0002", 2),
    ]
    assert service(lab.jobs).find_group("0" * 16, hours=24, limit=3) is None


def test_the_size_of_a_texts_group_elsewhere_leaves_its_own_job_out(
    lab: Lab, fail: Callable[..., None]
) -> None:
    for job_id, times in ((ONE, 3), (TWO, 2), (THREE, 1)):
        for number in range(times):
            fail(f"tile {number} is bad", job_id=job_id)
    texts = ["tile 99 is bad", "never seen"]
    known = FailureSizes(lab.jobs, cache=Cache(0))
    sizes = known.sizes_of(texts, hours=24, except_job=ONE)
    assert [(sizes[text].count, sizes[text].jobs) for text in texts] == [(3, 2), (0, 0)]
    everywhere = known.sizes_of(texts, hours=24, except_job=None)
    assert [(everywhere[text].count, everywhere[text].jobs) for text in texts] == [(6, 3), (0, 0)]
    assert re.fullmatch("[0-9a-f]{16}", sizes["never seen"].fingerprint)
