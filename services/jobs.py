"""Questions people ask about jobs and their tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.contracts import JobsDatabase
from repositories.records import Job, Stage, Task
from services.errors import NotFound
from services.pages import Page, cut


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs: of any of these statuses, of this type, made in the last so many hours."""

    statuses: tuple[str, ...] | None = None
    job_type: str | None = None
    hours: int | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks: of any of these statuses, this stage, this type, the last so many hours."""

    statuses: tuple[str, ...] | None = None
    stage: int | None = None
    task_type: str | None = None
    hours: int | None = None


class JobService:
    def __init__(self, jobs: JobsDatabase) -> None:
        self._jobs = jobs

    def newest(
        self, chosen: JobFilter, *, before: tuple[datetime, str] | None, limit: int
    ) -> Page[Job]:
        with self._jobs.read() as jobs:
            rows = jobs.newest(
                statuses=chosen.statuses,
                job_type=chosen.job_type,
                hours=chosen.hours,
                before=before,
                limit=limit + 1,
            )
        return cut(rows, limit, lambda job: (job.created_at, job.job_id))

    def get(self, job_id: str) -> Job:
        with self._jobs.read() as jobs:
            job = jobs.find(job_id)
        if job is None:
            raise NotFound(f"no job {job_id}")
        return job

    def newest_tasks(
        self, chosen: TaskFilter, *, before: tuple[datetime, str] | None, limit: int
    ) -> Page[Task]:
        with self._jobs.read() as jobs:
            rows = jobs.newest_tasks(
                statuses=chosen.statuses,
                stage=chosen.stage,
                task_type=chosen.task_type,
                hours=chosen.hours,
                before=before,
                limit=limit + 1,
            )
        return cut(rows, limit, lambda task: (task.created_at, task.task_id))

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: tuple[str, ...] | None,
        after: tuple[int, str] | None,
        limit: int,
    ) -> tuple[Page[Task], Sequence[Stage]]:
        """A page of one job's tasks, and the progress of all its stages."""
        with self._jobs.read() as jobs:
            rows = jobs.tasks_of(job_id, statuses=statuses, after=after, limit=limit + 1)
            stages = jobs.stages(job_id)
            if not stages and jobs.find(job_id) is None:
                raise NotFound(f"no job {job_id}")
        return cut(rows, limit, lambda task: (task.stage, task.task_id)), stages
