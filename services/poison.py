"""What does not get on by itself, each kind with its evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from repositories.contracts.jobs import JobsDatabase, JobsWork
from repositories.contracts.store import Store
from repositories.errors import StatementTimeout, Unavailable
from repositories.records.trouble import (
    DeadLetter,
    Orphan,
    RetriedJob,
    RetriedTask,
    StageTask,
    StalledJob,
    StuckTask,
)
from services.caching import Aged, Cache
from services.excerpts import cut_short
from services.parts import NotAvailable, ask_part

FLOOR_SECONDS = 300
SAMPLE = 1000
QUIET_SECONDS = 300
OFTEN = 3
NEWEST_JOBS = 10_000
NEWEST_TASKS = 20_000
SHOWN_TASKS = 10
LONGEST_TEXT = 4000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckTasks:
    """In processing, and silent for longer than their type's normal, the longest silent first.

    The normal is three times the 95th percentile of the durations of the completed ones among the
    `sample` newest tasks of the type, and at least `floor_seconds`.
    """

    count: int
    floor_seconds: int
    sample: int
    tasks: Sequence[StuckTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedTasks:
    """Not completed after `least` retries or more: 3, or 1 where none was retried as often.

    Of the tasks of each status, the `looked_at` newest were looked at.
    """

    count: int
    least: int
    looked_at: int
    tasks: Sequence[RetriedTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedJobs:
    """Jobs of such tasks, where these were retried `least` times or more in all."""

    count: int
    least: int
    looked_at: int
    jobs: Sequence[RetriedJob]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A job that does not move on: `reason` is stage_complete or no_tasks.

    `stage_tasks` are the last to change of the stage that it is in.
    """

    job_id: str
    job_type: str
    status: str
    stage: int
    total_stages: int | None
    created_at: datetime
    updated_at: datetime
    reason: str
    tasks: int
    failed_tasks: int
    last_task_at: datetime | None
    quiet_seconds: float
    stage_tasks: Sequence[StageTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledJobs:
    """Under way, unchanged for `quiet_seconds`, and nothing left to be done in their stage.

    Of the jobs under way, the `looked_at` newest were looked at.
    """

    count: int
    quiet_seconds: int
    looked_at: int
    jobs: Sequence[Stall]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """Tasks that have not ended of jobs that have, and tasks whose job does not exist.

    Of each, the `looked_at` newest tasks were looked at; the second only where no foreign key
    makes sure of it.
    """

    count: int
    looked_at: int
    has_foreign_key: bool
    tasks_left_behind: Sequence[Orphan]
    tasks_without_job: Sequence[Orphan]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLetters:
    """What failed for good and waits for another try, newest first."""

    count: int
    dead_letters: Sequence[DeadLetter]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonReport:
    """Each kind of trouble; a part that this database cannot tell of is not available."""

    stuck_tasks: StuckTasks | NotAvailable
    retried_tasks: RetriedTasks | NotAvailable
    retried_jobs: RetriedJobs | NotAvailable
    stalled_jobs: StalledJobs | NotAvailable
    orphans: Orphans | NotAvailable
    dead_letters: PendingLetters | NotAvailable


class PoisonService:
    def __init__(self, store: Store, database: JobsDatabase, *, cache: Cache) -> None:
        self._store, self._database, self._cache = store, database, cache

    def report(
        self, *, limit: int, hours: int | None = None, fresh: bool = False
    ) -> Aged[PoisonReport]:
        """So many of each kind; `hours` leaves out what is older."""
        return self._cache.get(
            ("poison", limit, hours), lambda: self._report(limit, hours), fresh=fresh
        )

    def _report(self, limit: int, hours: int | None) -> PoisonReport:
        """A database that is too slow for two parts, one of them dear and one not, is for all."""
        stuck = self._part(lambda work: stuck_tasks(work, limit, hours))
        stalled = self._part(lambda work: _stalled_jobs(work, limit, hours))
        if _timed_out(stuck) and _timed_out(stalled):
            raise StatementTimeout
        return PoisonReport(
            stuck_tasks=stuck,
            retried_tasks=self._part(lambda work: _retried_tasks(work, limit, hours)),
            retried_jobs=self._part(lambda work: _retried_jobs(work, limit, hours)),
            stalled_jobs=stalled,
            orphans=self._part(lambda work: _orphans(work, limit, hours)),
            dead_letters=self._dead_letters(limit, hours),
        )

    def _part(self, ask: Callable[[JobsWork], T]) -> T | NotAvailable:
        def asked() -> T:
            with self._database.read() as work:
                return ask(work)

        return ask_part(asked)

    def _dead_letters(self, limit: int, hours: int | None) -> PendingLetters | NotAvailable:
        """They are in the store, which may be gone while the jobs database is not."""

        def asked() -> PendingLetters:
            with self._store.read() as work:
                found = work.dead_letters.pending(hours=hours, limit=limit)
            return PendingLetters(count=found.total, dead_letters=found.items)

        try:
            return ask_part(asked)
        except Unavailable as error:
            return NotAvailable(str(error))


def stuck_tasks(work: JobsWork, limit: int, hours: int | None = None) -> StuckTasks:
    found = work.poison.stuck_tasks(
        floor_seconds=FLOOR_SECONDS, sample=SAMPLE, hours=hours, limit=limit
    )
    return StuckTasks(
        count=found.total, floor_seconds=FLOOR_SECONDS, sample=SAMPLE, tasks=found.items
    )


def _retried_tasks(work: JobsWork, limit: int, hours: int | None) -> RetriedTasks:
    for least in (OFTEN, 1):
        found = work.poison.retried_tasks(
            least=least, looked_at=NEWEST_TASKS, hours=hours, longest=LONGEST_TEXT + 1, limit=limit
        )
        if found.total:
            break
    tasks = [_with_short_error(task) for task in found.items]
    return RetriedTasks(count=found.total, least=least, looked_at=NEWEST_TASKS, tasks=tasks)


def _with_short_error(task: RetriedTask) -> RetriedTask:
    text = task.error_details
    return replace(task, error_details=text and cut_short(text, LONGEST_TEXT))


def _retried_jobs(work: JobsWork, limit: int, hours: int | None) -> RetriedJobs:
    found = work.poison.retried_jobs(least=OFTEN, looked_at=NEWEST_TASKS, hours=hours, limit=limit)
    return RetriedJobs(count=found.total, least=OFTEN, looked_at=NEWEST_TASKS, jobs=found.items)


def _stalled_jobs(work: JobsWork, limit: int, hours: int | None) -> StalledJobs:
    found = work.poison.stalled_jobs(
        quiet_seconds=QUIET_SECONDS, looked_at=NEWEST_JOBS, hours=hours, limit=limit
    )
    job_ids = [job.job_id for job in found.items]
    tasks = work.poison.tasks_of_stalled(job_ids, limit=SHOWN_TASKS) if job_ids else {}
    return StalledJobs(
        count=found.total,
        quiet_seconds=QUIET_SECONDS,
        looked_at=NEWEST_JOBS,
        jobs=[_stall(job, tasks[job.job_id]) for job in found.items],
    )


def _stall(job: StalledJob, tasks: Sequence[StageTask]) -> Stall:
    return Stall(
        job_id=job.job_id,
        job_type=job.job_type,
        status=job.status,
        stage=job.stage,
        total_stages=job.total_stages,
        created_at=job.created_at,
        updated_at=job.updated_at,
        reason="stage_complete" if job.tasks else "no_tasks",
        tasks=job.tasks,
        failed_tasks=job.failed_tasks,
        last_task_at=job.last_task_at,
        quiet_seconds=job.quiet_seconds,
        stage_tasks=tasks,
    )


def _orphans(work: JobsWork, limit: int, hours: int | None) -> Orphans:
    left = work.poison.tasks_left_behind(looked_at=NEWEST_TASKS, hours=hours, limit=limit)
    held = work.poison.has_foreign_key()
    lost = (
        None
        if held
        else work.poison.tasks_without_job(looked_at=NEWEST_TASKS, hours=hours, limit=limit)
    )
    return Orphans(
        count=left.total + (lost.total if lost else 0),
        looked_at=NEWEST_TASKS,
        has_foreign_key=held,
        tasks_left_behind=left.items,
        tasks_without_job=lost.items if lost else (),
    )


def _timed_out(part: object) -> bool:
    return isinstance(part, NotAvailable) and part.reason == str(StatementTimeout())
