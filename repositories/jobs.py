"""Jobs and their tasks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from repositories.contracts import Database, Jobs, Session
from repositories.records import Job, Stage, Task, build


class SqlJobs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, job_id: str) -> Job | None:
        return next(iter(self._newest(job_id=job_id, limit=1)), None)

    def newest(
        self,
        *,
        statuses: Iterable[str] | None = None,
        job_type: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        return self._newest(
            statuses=statuses, job_type=job_type, hours=hours, before=before, limit=limit
        )

    def newest_tasks(
        self,
        *,
        statuses: Iterable[str] | None = None,
        stage: int | None = None,
        task_type: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Task]:
        before_at, before_id = before or (None, None)
        rows = self._session.rows(
            "jobs.newest_tasks",
            statuses=_array(statuses),
            stage=stage,
            task_type=task_type,
            hours=hours,
            before_at=before_at,
            before_id=before_id,
            limit=limit,
        )
        return build(Task, rows)

    def tasks_of(
        self,
        job_id: str,
        *,
        statuses: Iterable[str] | None = None,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[Task]:
        after_stage, after_id = after or (None, None)
        rows = self._session.rows(
            "jobs.tasks_of",
            job_id=job_id,
            statuses=_array(statuses),
            after_stage=after_stage,
            after_id=after_id,
            limit=limit,
        )
        return build(Task, rows)

    def stages(self, job_id: str) -> Sequence[Stage]:
        return build(Stage, self._session.rows("jobs.stages", job_id=job_id))

    def job_counts(self, *, hours: int) -> Mapping[str, int]:
        rows = self._session.rows("jobs.job_counts", hours=hours)
        return {row["status"]: row["jobs"] for row in rows}

    def task_counts(self, *, hours: int) -> Mapping[str, int]:
        rows = self._session.rows("jobs.task_counts", hours=hours)
        return {row["status"]: row["tasks"] for row in rows}

    def functions(self) -> Sequence[str]:
        return [row["name"] for row in self._session.rows("jobs.functions")]

    def _newest(
        self,
        *,
        job_id: str | None = None,
        statuses: Iterable[str] | None = None,
        job_type: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        before_at, before_id = before or (None, None)
        rows = self._session.rows(
            "jobs.newest",
            job_id=job_id,
            statuses=_array(statuses),
            job_type=job_type,
            hours=hours,
            before_at=before_at,
            before_id=before_id,
            limit=limit,
        )
        return build(Job, rows)


class SqlJobsDatabase:
    """The jobs database: every session on it is read-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def read(self) -> Iterator[Jobs]:
        with self._database.reading() as session:
            yield SqlJobs(session)


def _array(values: Iterable[str] | None) -> list[str] | None:
    return None if values is None else [*values]
