"""Questions people ask about jobs and their tasks."""

from collections.abc import Sequence
from datetime import datetime

from repositories.contracts import JobsDatabase
from repositories.records import Job, Stage, Task
from services.errors import NotFound
from services.pages import Page, cut


class JobService:
    def __init__(self, jobs: JobsDatabase) -> None:
        self._jobs = jobs

    def newest(
        self,
        *,
        statuses: Sequence[str] | None,
        job_type: str | None,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> Page[Job]:
        with self._jobs.read() as jobs:
            rows = jobs.newest(
                statuses=statuses,
                job_type=job_type,
                hours=hours,
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
        self,
        *,
        statuses: Sequence[str] | None,
        stage: int | None,
        task_type: str | None,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> Page[Task]:
        with self._jobs.read() as jobs:
            rows = jobs.newest_tasks(
                statuses=statuses,
                stage=stage,
                task_type=task_type,
                hours=hours,
                before=before,
                limit=limit + 1,
            )
        return cut(rows, limit, lambda task: (task.created_at, task.task_id))

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: Sequence[str] | None,
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
