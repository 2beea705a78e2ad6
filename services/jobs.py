"""Questions people ask about jobs and their tasks."""

from collections.abc import Sequence
from datetime import datetime

from repositories.contracts.jobs import Jobs, JobsDatabase
from repositories.records.filters import ChangeTime, JobFilter, TaskFilter
from repositories.records.jobs import Job, Stage, Task
from services.caching import Cache
from services.errors import NotFound
from services.pages import Page, cut

TimePlace = tuple[datetime, str]
DurationPlace = tuple[datetime, int, str]
"""When the walk began, the microseconds that a job had taken by then, and its id."""


class JobService:
    def __init__(self, database: JobsDatabase, *, cache: Cache) -> None:
        self._database, self._cache = database, cache

    def newest(
        self,
        chosen: JobFilter,
        *,
        by: ChangeTime,
        oldest_first: bool,
        after: TimePlace | None,
        limit: int,
    ) -> Page[Job]:
        with self._database.read() as work:
            rows = work.jobs.newest(
                chosen, by=by, oldest_first=oldest_first, after=after, limit=limit + 1
            )
        return cut(rows, limit, lambda job: (getattr(job, by), job.job_id))

    def longest(
        self, chosen: JobFilter, *, shortest_first: bool, after: DurationPlace | None, limit: int
    ) -> Page[Job]:
        """All pages of a walk are of the instant at which it began: running jobs get no longer."""
        with self._database.read() as work:
            as_of = after[0] if after else work.jobs.now()
            found = work.jobs.longest(
                chosen,
                as_of=as_of,
                shortest_first=shortest_first,
                after=after and after[1:],
                limit=limit + 1,
            )
        page = cut(found, limit, lambda lasting: (as_of, lasting[1], lasting[0].job_id))
        return Page([job for job, _ in page.items], page.next)

    def get(self, job_id: str) -> Job:
        with self._database.read() as work:
            job = work.jobs.find(job_id)
        if job is None:
            raise NotFound(f"no job {job_id}")
        return job

    def newest_tasks(
        self,
        chosen: TaskFilter,
        *,
        by: ChangeTime,
        oldest_first: bool,
        after: TimePlace | None,
        limit: int,
    ) -> Page[Task]:
        with self._database.read() as work:
            rows = work.jobs.newest_tasks(
                chosen, by=by, oldest_first=oldest_first, after=after, limit=limit + 1
            )
        return cut(rows, limit, lambda task: (getattr(task, by), task.task_id))

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: Sequence[str] | None,
        after: tuple[int, str] | None,
        limit: int,
    ) -> tuple[Page[Task], Sequence[Stage]]:
        """A page of one job's tasks, and the progress of all its stages.

        The progress is counted anew for a first page; the next ones are as old as the cache allows.
        """
        with self._database.read() as work:
            rows = work.jobs.tasks_of(job_id, statuses=statuses, after=after, limit=limit + 1)
            progress = self._cache.get(
                job_id, lambda: _progress(work.jobs, job_id), fresh=after is None
            )
        return cut(rows, limit, lambda task: (task.stage, task.task_id)), progress.value


def _progress(jobs: Jobs, job_id: str) -> Sequence[Stage]:
    stages = jobs.stages(job_id)
    if not stages and jobs.find(job_id) is None:
        raise NotFound(f"no job {job_id}")
    return stages
