"""What the jobs database is asked, and the little that is changed there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from repositories.contracts.server import Activity, Performance, Statistics
from repositories.records.filters import ChangeTime, JobFilter, TaskFilter
from repositories.records.jobs import (
    Job,
    JobSpan,
    Layout,
    OtherCount,
    OtherJob,
    Stage,
    Task,
    TaskTrace,
    Window,
)
from repositories.records.retries import TaskFailure
from repositories.records.rows import Counted
from repositories.records.trouble import (
    Failure,
    FailureRate,
    Orphan,
    QueuedTask,
    RetriedJob,
    RetriedTask,
    StageTask,
    StalledJob,
    StuckTask,
)


class Jobs(Protocol):
    """Jobs, and their tasks."""

    def now(self) -> datetime: ...
    def find(self, job_id: str) -> Job | None: ...
    def newest(
        self,
        chosen: JobFilter = ...,
        *,
        by: ChangeTime = ...,
        oldest_first: bool = False,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        """Newest first, and those of one instant by id; or exactly the other way round."""
        ...

    def longest(
        self,
        chosen: JobFilter = ...,
        *,
        as_of: datetime,
        shortest_first: bool = False,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[tuple[Job, int]]:
        """Those made up to an instant, with the microseconds that each had taken by then.

        Longest first, and equally long ones by id; or exactly the other way round.
        """
        ...

    def newest_tasks(
        self,
        chosen: TaskFilter = ...,
        *,
        by: ChangeTime = ...,
        oldest_first: bool = False,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Task]:
        """In an order as of `newest`."""
        ...

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: Iterable[str] | None = None,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[Task]:
        """By stage and id."""
        ...

    def stages(self, job_id: str) -> Sequence[Stage]: ...
    def job_counts(self, *, hours: int) -> Mapping[str, int]: ...
    def task_counts(self, *, hours: int) -> Mapping[str, int]: ...
    def functions(self) -> Sequence[str]: ...


class Histories(Protocol):
    """What became of one job, and what else there was at that time."""

    def find_span(self, job_id: str) -> JobSpan | None: ...
    def traces_of(self, job_id: str, *, limit: int) -> list[TaskTrace]:
        """By stage, then as they were created."""
        ...

    def jobs_meanwhile(
        self, job_id: str, window: Window, *, bound: int, limit: int
    ) -> list[OtherJob]:
        """The ones that overlap most, of the newest `bound` jobs up to the window's end."""
        ...

    def job_counts_meanwhile(
        self, job_id: str, window: Window, *, bound: int
    ) -> list[OtherCount]: ...
    def task_counts_meanwhile(self, job_id: str, window: Window, *, bound: int) -> list[OtherCount]:
        """The tasks of other jobs."""
        ...


class Requeues(Protocol):
    """Failed tasks, and their way back; what changes them needs a session of JobsWriter."""

    def failures(
        self, job_id: str, *, task_ids: Collection[str] | None, limit: int
    ) -> list[TaskFailure]:
        """Its failed tasks, those of the last stage first; or the named ones, whatever they are."""
        ...

    def lock(self, job_id: str) -> bool:
        """Hold the job until the transaction ends, as its functions do; False where it is gone."""
        ...

    def put_back(self, job_id: str, tasks: Sequence[TaskFailure]) -> Sequence[str]:
        """As queued, with one more retry; the ids of those that were still as they are here."""
        ...

    def take_up(self, job_id: str, *, stage: int, before: str, after: str) -> bool:
        """Set the status, and end the failure, of a job that stands at this stage and status."""
        ...


class Failures(Protocol):
    """What failed, newest first, a batch at a time."""

    def window(self, *, hours: int) -> tuple[datetime, datetime]:
        """The last hours by the server's clock: their beginning, and their end."""
        ...

    def of_tasks(
        self,
        *,
        since: datetime,
        until: datetime,
        job_type: str | None = None,
        task_type: str | None = None,
        with_job_type: bool = True,
        after: Failure | None = None,
        limit: int,
    ) -> list[Failure]:
        """Those that failed from `since` to before `until`; `after` is the last that is known.

        Without the job's type it takes less.
        """
        ...

    def of_jobs(
        self,
        *,
        since: datetime,
        until: datetime,
        job_type: str | None = None,
        after: Failure | None = None,
        limit: int,
    ) -> list[Failure]:
        """The same, of the jobs that say themselves why they failed."""
        ...

    def task_texts(self, task_ids: Collection[str], *, longest: int) -> Mapping[str, str | None]:
        """The error texts of these tasks, of `longest` characters at most."""
        ...

    def job_texts(self, job_ids: Collection[str], *, longest: int) -> Mapping[str, str | None]: ...


class Poison(Protocol):
    """What does not get on by itself. `hours` leaves out what did not change since."""

    def stuck_tasks(
        self, *, floor_seconds: int, sample: int, hours: int | None = None, limit: int
    ) -> Counted[StuckTask]:
        """In processing and silent for longer than normal, which is at least `floor_seconds`.

        The normal is three times the 95th percentile of how long the completed ones took among
        the newest `sample` tasks of the type. The longest silent first.
        """
        ...

    def retried_tasks(
        self, *, least: int, looked_at: int, hours: int | None = None, longest: int, limit: int
    ) -> Counted[RetriedTask]:
        """Of the newest `looked_at` tasks of each status but completed, those retried so often.

        Error texts are of `longest` characters at most.
        """
        ...

    def retried_jobs(
        self, *, least: int, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[RetriedJob]: ...
    def stalled_jobs(
        self, *, quiet_seconds: int, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[StalledJob]:
        """Of the newest jobs under way, those that nothing is left to be done for."""
        ...

    def tasks_of_stalled(
        self, job_ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[StageTask]]:
        """So many of the tasks of each job's stage, those that changed last first."""
        ...

    def has_foreign_key(self) -> bool:
        """Whether the database itself sees to it that each task has its job."""
        ...

    def tasks_without_job(
        self, *, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[Orphan]:
        """Among so many of the newest tasks."""
        ...

    def tasks_left_behind(
        self, *, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[Orphan]:
        """Among so many of the newest tasks that have not ended, those whose job has."""
        ...


class JobHealth(Protocol):
    """How the jobs as a whole are doing."""

    def failure_rate(self) -> FailureRate: ...
    def oldest_queued(self) -> QueuedTask | None: ...
    def hidden_tables(self) -> Sequence[str]:
        """The tables of which this login sees only the rows that a policy shows it."""
        ...


class JobsWork(Protocol):
    """Every question to the jobs database, on one read-only session."""

    @property
    def layout(self) -> Layout: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def failures(self) -> Failures: ...
    @property
    def poison(self) -> Poison: ...
    @property
    def job_health(self) -> JobHealth: ...
    @property
    def requeues(self) -> Requeues: ...
    @property
    def histories(self) -> Histories: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def activity(self) -> Activity: ...
    @property
    def performance(self) -> Performance: ...


class JobsDatabase(Protocol):
    """The jobs database, as its own tables have it. See Layout."""

    def read(self) -> AbstractContextManager[JobsWork]: ...


class JobsWriter(Protocol):
    """A jobs database that may be written to: JOBS_WRITABLE."""

    def change(self) -> AbstractContextManager[JobsWork]:
        """Leaving commits; an exception rolls back."""
        ...
