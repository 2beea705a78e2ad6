"""In-memory stand-ins for what failed, what is stuck and how all is doing."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from typing import Any, Protocol, TypeVar

from repositories.records.jobs import Job, Task
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
from services.fingerprints import Excerpt

T = TypeVar("T")
Clock = Callable[[], datetime]
ENDED = {"completed", "failed", "completed_with_errors", "cancelled", "skipped"}
ACTIVE = {"processing", "queued", "pending", "ready", "pending_retry"}


class Tables(Protocol):
    """Where the jobs and tasks are."""

    all: list[Job]
    all_tasks: list[Task]


class FakeFailures:
    def __init__(self, clock: Clock, jobs: Tables) -> None:
        self._clock, self._jobs = clock, jobs

    def window(self, *, hours: int) -> tuple[datetime, datetime]:
        now = self._clock()
        return now - timedelta(hours=hours), now

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
        owners = {job.job_id: job.job_type for job in self._jobs.all}
        found = [
            _failed_task(task, owners.get(task.parent_job_id) if with_job_type else None)
            for task in self._jobs.all_tasks
            if task.status == "failed"
            and since <= task.updated_at < until
            and task_type in {None, task.task_type}
            and job_type in {None, owners.get(task.parent_job_id)}
        ]
        return _behind(found, after, lambda one: one.task_id or "", limit)

    def of_jobs(
        self,
        *,
        since: datetime,
        until: datetime,
        job_type: str | None = None,
        after: Failure | None = None,
        limit: int,
    ) -> list[Failure]:
        found = [
            _failed_job(job)
            for job in self._jobs.all
            if job.status == "failed"
            and job.error_details is not None
            and since <= job.updated_at < until
            and job_type in {None, job.job_type}
        ]
        return _behind(found, after, lambda one: one.job_id, limit)

    def task_texts(self, task_ids: Collection[str], *, longest: int) -> Mapping[str, str | None]:
        return {
            task.task_id: _cut(task.error_details, longest)
            for task in self._jobs.all_tasks
            if task.task_id in task_ids
        }

    def job_texts(self, job_ids: Collection[str], *, longest: int) -> Mapping[str, str | None]:
        return {
            job.job_id: _cut(job.error_details, longest)
            for job in self._jobs.all
            if job.job_id in job_ids
        }


class FakePoison:
    def __init__(self, clock: Clock, jobs: Tables) -> None:
        self._clock, self._jobs = clock, jobs
        self.is_held = True

    def stuck_tasks(
        self, *, floor_seconds: int, sample: int, hours: int | None = None, limit: int
    ) -> Counted[StuckTask]:
        now, since = self._clock(), _since(self._clock, hours)
        found = []
        for task in self._jobs.all_tasks:
            heard = _heard_at(task)
            if task.status == "processing" and heard >= since:
                durations = self._durations(task.task_type, sample)
                normal = max(float(floor_seconds), 3 * _p95(durations))
                silent = (now - heard).total_seconds()
                if silent > normal:
                    found.append(
                        _copy(
                            StuckTask,
                            task,
                            job_id=task.parent_job_id,
                            silent_seconds=silent,
                            normal_seconds=normal,
                            sample_size=len(durations),
                        )
                    )
        return _first(found, limit, lambda one: (-one.silent_seconds, one.task_id))

    def retried_tasks(
        self, *, least: int, looked_at: int, hours: int | None = None, longest: int, limit: int
    ) -> Counted[RetriedTask]:
        found = [
            _copy(
                RetriedTask,
                task,
                job_id=task.parent_job_id,
                error_details=_cut(task.error_details, longest),
            )
            for task in self._retried(looked_at, hours)
            if task.retry_count >= least
        ]
        return _first(
            found,
            limit,
            lambda one: (-one.retry_count, -one.updated_at.timestamp(), one.task_id),
        )

    def retried_jobs(
        self, *, least: int, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[RetriedJob]:
        owners = {job.job_id: job for job in self._jobs.all}
        retried = sorted(self._retried(looked_at, hours), key=lambda task: task.parent_job_id)
        found = []
        for job_id, grouped in groupby(retried, key=lambda task: task.parent_job_id):
            tasks, owner = list(grouped), owners.get(job_id)
            found.append(
                RetriedJob(
                    job_id=job_id,
                    job_type=owner.job_type if owner else None,
                    status=owner.status if owner else None,
                    retries=sum(task.retry_count for task in tasks),
                    tasks=len(tasks),
                    most_retries=max(task.retry_count for task in tasks),
                    updated_at=max(task.updated_at for task in tasks),
                )
            )
        enough = [one for one in found if one.retries >= least]
        return _first(enough, limit, lambda one: (-one.retries, one.job_id))

    def stalled_jobs(
        self, *, quiet_seconds: int, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[StalledJob]:
        now, since = self._clock(), _since(self._clock, hours)
        under_way = [job for job in self._jobs.all if job.status in {"queued", "processing"}]
        quiet = [
            job
            for job in under_way
            if since <= job.updated_at < now - timedelta(seconds=quiet_seconds)
        ]
        found = []
        for job in _newest(quiet, looked_at, lambda job: job.job_id):
            tasks = self._stage_of(job)
            last = max((task.updated_at for task in tasks), default=None)
            quiet_for = (now - max(job.updated_at, last or job.updated_at)).total_seconds()
            if (
                all(task.status in ENDED for task in tasks)
                and (tasks or job.status == "processing")
                and quiet_for > quiet_seconds
            ):
                found.append(
                    _copy(
                        StalledJob,
                        job,
                        tasks=len(tasks),
                        failed_tasks=sum(task.status == "failed" for task in tasks),
                        last_task_at=last,
                        quiet_seconds=quiet_for,
                    )
                )
        return _first(found, limit, lambda one: (-one.quiet_seconds, one.job_id))

    def tasks_of_stalled(
        self, job_ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[StageTask]]:
        found: dict[str, Sequence[StageTask]] = {job_id: [] for job_id in job_ids}
        for job in self._jobs.all:
            if job.job_id in found:
                tasks = sorted(
                    self._stage_of(job), key=lambda one: (-one.updated_at.timestamp(), one.task_id)
                )
                found[job.job_id] = [_copy(StageTask, task) for task in tasks[:limit]]
        return found

    def has_foreign_key(self) -> bool:
        return self.is_held

    def tasks_without_job(
        self, *, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[Orphan]:
        since, known = _since(self._clock, hours), {job.job_id for job in self._jobs.all}
        recent = [task for task in self._jobs.all_tasks if task.created_at >= since]
        found = [
            _copy(Orphan, task, job_id=task.parent_job_id)
            for task in _newest(recent, looked_at, lambda task: task.task_id)
            if task.parent_job_id not in known
        ]
        return Counted(found[:limit], len(found))

    def tasks_left_behind(
        self, *, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[Orphan]:
        since = _since(self._clock, hours)
        ended = {job.job_id: job for job in self._jobs.all if job.status in ENDED}
        active = [
            task
            for task in self._jobs.all_tasks
            if task.status in ACTIVE and task.created_at >= since
        ]
        found = [
            _copy(
                Orphan,
                task,
                job_id=task.parent_job_id,
                job_status=ended[task.parent_job_id].status,
                job_ended_at=ended[task.parent_job_id].updated_at,
            )
            for task in _newest(active, looked_at, lambda task: task.task_id)
            if task.parent_job_id in ended
        ]
        return Counted(found[:limit], len(found))

    def _durations(self, task_type: str, sample: int) -> list[float]:
        of_type = [task for task in self._jobs.all_tasks if task.task_type == task_type]
        return sorted(
            (task.updated_at - (task.started_at or task.created_at)).total_seconds()
            for task in _newest(of_type, sample, lambda task: task.task_id)
            if task.status == "completed"
        )

    def _retried(self, looked_at: int, hours: int | None) -> list[Task]:
        since = _since(self._clock, hours)
        found: list[Task] = []
        for status in ACTIVE | {"failed"}:
            of_status = [
                task
                for task in self._jobs.all_tasks
                if task.status == status and task.created_at >= since
            ]
            found += _newest(of_status, looked_at, lambda task: task.task_id)
        return [task for task in found if task.retry_count]

    def _stage_of(self, job: Job) -> list[Task]:
        return [
            task
            for task in self._jobs.all_tasks
            if task.parent_job_id == job.job_id and task.stage == job.stage
        ]


class FakeJobHealth:
    def __init__(self, clock: Clock, jobs: Tables) -> None:
        self._clock, self._jobs = clock, jobs
        self.hidden: list[str] = []

    def failure_rate(self) -> FailureRate:
        hour, week = _since(self._clock, 1), _since(self._clock, 169)
        tasks = self._jobs.all_tasks
        return FailureRate(
            recent_failed=sum(t.status == "failed" and t.updated_at >= hour for t in tasks),
            recent_completed=sum(t.status == "completed" and t.updated_at >= hour for t in tasks),
            normal_failed=sum(t.status == "failed" and week <= t.updated_at < hour for t in tasks),
            normal_completed=sum(
                t.status == "completed" and week <= t.created_at < hour for t in tasks
            ),
        )

    def oldest_queued(self) -> QueuedTask | None:
        waiting = [t for t in self._jobs.all_tasks if t.status in {"queued", "pending", "ready"}]
        if not waiting:
            return None
        oldest = min(waiting, key=lambda task: task.created_at)
        age = (self._clock() - oldest.created_at).total_seconds()
        return _copy(QueuedTask, oldest, job_id=oldest.parent_job_id, age_seconds=age)

    def hidden_tables(self) -> Sequence[str]:
        return self.hidden


def _since(clock: Clock, hours: int | None) -> datetime:
    now = clock()
    return now.replace(year=1) if hours is None else now - timedelta(hours=hours)


def _heard_at(task: Task) -> datetime:
    if task.heartbeat is None:
        return task.updated_at
    return max(task.heartbeat, task.started_at or task.heartbeat)


def _p95(durations: Sequence[float]) -> float:
    return durations[ceil(0.95 * len(durations)) - 1] if durations else 0.0


def _cut(text: str | None, longest: int) -> str | None:
    return None if text is None else text[:longest]


def _failed_task(task: Task, job_type: str | None) -> Failure:
    excerpt = Excerpt.of(task.error_details)
    return Failure(
        task_id=task.task_id,
        job_id=task.parent_job_id,
        job_type=job_type,
        task_type=task.task_type,
        stage=task.stage,
        retry_count=task.retry_count,
        failed_at=task.updated_at,
        mark=task.updated_at,
        head=None if task.error_details is None else excerpt.head,
        tail=excerpt.tail,
    )


def _failed_job(job: Job) -> Failure:
    excerpt = Excerpt.of(job.error_details)
    return Failure(
        job_id=job.job_id,
        job_type=job.job_type,
        stage=job.stage,
        failed_at=job.updated_at,
        mark=job.updated_at,
        head=excerpt.head,
        tail=excerpt.tail,
    )


def _behind(
    found: Iterable[Failure], after: Failure | None, key: Callable[[Failure], str], limit: int
) -> list[Failure]:
    def place(one: Failure) -> tuple[float, str]:
        return -one.failed_at.timestamp(), key(one)

    ordered = sorted(found, key=place)
    return [one for one in ordered if after is None or place(one) > place(after)][:limit]


def _newest(found: Iterable[T], limit: int, key: Callable[[T], str]) -> list[T]:
    def place(one: Any) -> tuple[float, str]:
        return -one.created_at.timestamp(), key(one)

    return sorted(found, key=place)[:limit]


def _first(found: Sequence[T], limit: int, key: Callable[[T], Any]) -> Counted[T]:
    return Counted(sorted(found, key=key)[:limit], len(found))


def _copy(record: type[T], source: object, **more: object) -> T:
    """The record, from the members of the same names and these."""
    names = {field.name for field in fields(record)} - more.keys()  # type: ignore[arg-type]
    same = {name: getattr(source, name) for name in names if hasattr(source, name)}
    return record(**same, **more)
