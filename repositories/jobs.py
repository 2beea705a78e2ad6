"""Jobs and their tasks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from repositories.containment import documents_of, pairs_of
from repositories.contracts.databases import Session
from repositories.records.filters import ChangeTime, JobFilter, Parameter, TaskFilter
from repositories.records.jobs import Job, Stage, Task
from repositories.records.rows import build

EVERY_JOB, EVERY_TASK = JobFilter(), TaskFilter()


class SqlJobs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def now(self) -> datetime:
        row = self._session.row("jobs.now")
        assert row is not None  # noqa: S101
        now: datetime = row["now"]
        return now

    def find(self, job_id: str) -> Job | None:
        return next(iter(build(Job, self._session.rows("jobs.find", job_id=job_id))), None)

    def newest(
        self,
        chosen: JobFilter = EVERY_JOB,
        *,
        by: ChangeTime = ChangeTime.CREATED_AT,
        oldest_first: bool = False,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Job]:
        rows = self._session.rows(
            "jobs.newest",
            job_type=chosen.job_type,
            hours=chosen.hours,
            limit=limit,
            **_containing(chosen.parameters),
            **_statuses(chosen.statuses, by),
            **_by_time(by, after, oldest_first=oldest_first),
        )
        return build(Job, rows)

    def longest(
        self,
        chosen: JobFilter = EVERY_JOB,
        *,
        as_of: datetime,
        shortest_first: bool = False,
        after: tuple[int, str] | None = None,
        limit: int,
    ) -> list[tuple[Job, int]]:
        lasted, last_id = after or (None, None)
        rows = self._session.rows(
            "jobs.longest",
            as_of=as_of,
            statuses=_array(chosen.statuses),
            job_type=chosen.job_type,
            hours=chosen.hours,
            shortest_first=shortest_first,
            at_most_us=None if shortest_first else lasted,
            at_least_us=lasted if shortest_first else None,
            last_id=last_id,
            limit=limit,
            **_containing(chosen.parameters),
        )
        lasting = [row["lasted_us"] for row in rows]
        jobs = build(Job, [{k: v for k, v in row.items() if k != "lasted_us"} for row in rows])
        return list(zip(jobs, lasting, strict=True))

    def newest_tasks(
        self,
        chosen: TaskFilter = EVERY_TASK,
        *,
        by: ChangeTime = ChangeTime.CREATED_AT,
        oldest_first: bool = False,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Task]:
        rows = self._session.rows(
            "jobs.newest_tasks",
            stage=chosen.stage,
            task_type=chosen.task_type,
            hours=chosen.hours,
            limit=limit,
            **_statuses(chosen.statuses, by),
            **_by_time(by, after, oldest_first=oldest_first),
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


def _by_time(
    by: ChangeTime, after: tuple[datetime, str] | None, *, oldest_first: bool
) -> dict[str, object]:
    at, last_id = after or (None, None)
    return {
        "by_update": by is ChangeTime.UPDATED_AT,
        "oldest_first": oldest_first,
        "before_at": None if oldest_first else at,
        "since_at": at if oldest_first else None,
        "last_id": last_id,
    }


def _statuses(statuses: Collection[str] | None, by: ChangeTime) -> dict[str, object]:
    """One is a plain comparison, which any index serves; of several created ones the newest of
    each status come from an index that there is not by update.
    """
    wanted = _array(statuses)
    one = wanted[0] if wanted and len(wanted) == 1 else None
    several = None if one else wanted
    created = by is ChangeTime.CREATED_AT
    return {
        "status": one,
        "each_status": several if created else None,
        "statuses": None if created else several,
    }


def _containing(parameters: Sequence[Parameter]) -> dict[str, object]:
    """Each engine takes one of these."""
    return {
        "documents": documents_of(parameters) if parameters else None,
        "pairs": pairs_of(parameters) if parameters else None,
    }


def _array(values: Iterable[str] | None) -> list[str] | None:
    """Each once."""
    return None if values is None else [*dict.fromkeys(values)]
