"""Which failed tasks of a job can be put back without breaking what the job's functions rely on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.records.jobs import Job, Layout, Stage
from repositories.records.retries import TaskFailure

MOST_RETRIES = 10
"""What the tables of Watchkeeper allow in retry_count."""
QUIET_SECONDS = 60
UNDER_WAY = ("queued", "processing")
FAILED = ("failed", "completed_with_errors")
NEEDED = ("jobs.stage", "jobs.total_stages", "tasks.stage", "tasks.retry_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A task that is not put back, and why."""

    job_id: str
    task_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with the tasks of one job."""

    tasks: Sequence[TaskFailure]
    refused: Sequence[Refused]


def decide_retry(
    job: Job,
    fault: str | None,
    failures: Sequence[TaskFailure],
    task_ids: Collection[str] | None,
) -> Decision:
    """`fault` is why no task of the job can be put back."""
    refused = [
        Refused(job_id=job.job_id, task_id=task.task_id, reason=reason)
        for task in failures
        if (reason := fault or task_fault(task, job))
    ]
    refused_ids, known_ids = {one.task_id for one in refused}, {one.task_id for one in failures}
    unknown = [
        Refused(job_id=job.job_id, task_id=task_id, reason="the job has no such task")
        for task_id in dict.fromkeys(task_ids or ())
        if task_id not in known_ids
    ]
    tasks = [task for task in failures if task.task_id not in refused_ids]
    return Decision(tasks, [*refused, *unknown])


def status_afterwards(job: Job) -> str:
    """What the job becomes when a task of its stage is put back."""
    return job.status if job.status in UNDER_WAY else "processing"


def layout_fault(layout: Layout) -> str | None:
    missing = [column for column in NEEDED if column in layout.missing]
    if not missing:
        return None
    return f"the jobs database has no {', '.join(missing)}, without which a retry is not safe"


def job_fault(job: Job, stages: Sequence[Stage], now: datetime) -> str | None:
    """Why none of its tasks can be put back; None where some can."""
    if job.status not in (*UNDER_WAY, *FAILED):
        return f"the job is {job.status}: only one that is {_words()} is taken up again"
    later = [stage.stage for stage in stages if stage.stage > job.stage]
    if later:
        return (
            f"the job stands at stage {job.stage} and has tasks of stage {min(later)} already,"
            " which would run twice"
        )
    if job.status in UNDER_WAY and _is_about_to_move_on(job, stages, now):
        return (
            f"stage {job.stage} has just ended and the job is about to move on:"
            f" ask again in {QUIET_SECONDS} seconds"
        )
    return None


def task_fault(task: TaskFailure, job: Job) -> str | None:
    if task.status != "failed":
        return f"the task is {task.status}: only failed ones are put back"
    if task.stage != job.stage:
        return f"the task is of stage {task.stage}, and the job has gone on to stage {job.stage}"
    if task.retry_count >= MOST_RETRIES:
        return f"the task was retried {task.retry_count} times, and {MOST_RETRIES} is the limit"
    return None


def _is_about_to_move_on(job: Job, stages: Sequence[Stage], now: datetime) -> bool:
    """Who ended the last task moves the job on a moment later, whatever is queued by then."""
    current = next((stage for stage in stages if stage.stage == job.stage), None)
    if current is None or current.completed + current.failed < current.total:
        return False
    return now - max(job.updated_at, current.updated_at) < timedelta(seconds=QUIET_SECONDS)


def _words() -> str:
    *first, last = (*UNDER_WAY, *FAILED)
    return f"{', '.join(first)} or {last}"
