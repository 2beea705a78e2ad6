"""What failed in one job, and how much of the same failed elsewhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.excerpts import cut_short
from services.failure_sizes import LOOKED_AT_ELSEWHERE, GroupSize
from services.fingerprints import TRACEBACK, Kind, kind_of_text
from services.parts import NotAvailable
from services.timelines import TimedTask

SHOWN = 100
SHOWN_GROUPS = 50
SHOWN_ERRORS = 200
LONGEST_HEADLINE = 200
TASKS_OF_A_GROUP = 10
HOURS_ELSEWHERE = 24

SizesOf = Callable[[Sequence[str]], Mapping[str, GroupSize] | NotAvailable]
"""For some error texts, how many failures of the same group other jobs have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """A task that failed. `elsewhere` counts the failures of its group in other jobs; None where
    that cannot be had.
    """

    task_id: str
    task_type: str
    stage: int
    retry_count: int
    failed_at: datetime | None
    fingerprint: str
    error_type: str | None
    message: str
    elsewhere: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """The job's failures of one fingerprint; `task_ids` has the first of them."""

    fingerprint: str
    error_type: str | None
    message: str
    count: int
    task_ids: Sequence[str]
    elsewhere: int | None
    jobs_elsewhere: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailures:
    """All failed tasks by group, the largest first, and the first of them each by itself.

    `job_error` is the group of the job's own error text. The figures from elsewhere are of the last
    `hours_elsewhere` hours, and of the newest `looked_at_elsewhere` failures in them;
    `not_available` says why they cannot be had.
    """

    total: int
    groups: Sequence[FailureGroup]
    tasks: Sequence[JobFailure]
    job_error: FailureGroup | None
    hours_elsewhere: int
    looked_at_elsewhere: int
    not_available: str | None


def gather_failures(
    tasks: Iterable[TimedTask], job_error: str | None, sizes_of: SizesOf
) -> JobFailures:
    failed = [(task, kind_of_text(task.error)) for task in tasks if task.status == "failed"]
    grouped: dict[Kind, list[TimedTask]] = {}
    for task, kind in failed:
        grouped.setdefault(kind, []).append(task)
    largest = sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0].fingerprint))
    shown = largest[:SHOWN_GROUPS]
    texts = {kind: group[0].error or "" for kind, group in shown}
    if job_error:
        texts.setdefault(kind_of_text(job_error), job_error)
    asked = sizes_of([*texts.values()]) if texts else {}
    sizes = {} if isinstance(asked, NotAvailable) else _by_kind(texts, asked)
    return JobFailures(
        total=len(failed),
        groups=[_group(kind, group, sizes.get(kind)) for kind, group in shown],
        tasks=[_failure(task, kind, sizes.get(kind)) for task, kind in failed[:SHOWN]],
        job_error=_job_group(job_error, sizes) if job_error else None,
        hours_elsewhere=HOURS_ELSEWHERE,
        looked_at_elsewhere=LOOKED_AT_ELSEWHERE,
        not_available=asked.reason if isinstance(asked, NotAvailable) else None,
    )


def shorten_errors(tasks: Iterable[TimedTask]) -> Sequence[TimedTask]:
    """Of the first errors the text, of all others only the line that says what went wrong."""
    shown = 0
    shortened: list[TimedTask] = []
    for task in tasks:
        if task.error:
            shown += 1
            if shown > SHOWN_ERRORS:
                task = replace(task, error=find_headline(task.error))
        shortened.append(task)
    return shortened


def find_headline(error: str) -> str:
    """The last line of a Python traceback, the first of another text, in whole words."""
    lines = [line for line in error.splitlines() if line.strip()]
    return (
        cut_short(lines[-1 if TRACEBACK in error else 0].strip(), LONGEST_HEADLINE) if lines else ""
    )


def _by_kind(texts: Mapping[Kind, str], asked: Mapping[str, GroupSize]) -> Mapping[Kind, GroupSize]:
    return {kind: asked[text] for kind, text in texts.items() if text in asked}


def _group(kind: Kind, tasks: Sequence[TimedTask], size: GroupSize | None) -> FailureGroup:
    return FailureGroup(
        fingerprint=kind.fingerprint,
        error_type=kind.error_type,
        message=kind.message,
        count=len(tasks),
        task_ids=[task.task_id for task in tasks[:TASKS_OF_A_GROUP]],
        elsewhere=None if size is None else size.count,
        jobs_elsewhere=None if size is None else size.jobs,
    )


def _job_group(error: str, sizes: Mapping[Kind, GroupSize]) -> FailureGroup:
    kind = kind_of_text(error)
    return _group(kind, (), sizes.get(kind))


def _failure(task: TimedTask, kind: Kind, size: GroupSize | None) -> JobFailure:
    return JobFailure(
        task_id=task.task_id,
        task_type=task.task_type,
        stage=task.stage,
        retry_count=task.retry_count,
        failed_at=task.ended_at,
        fingerprint=kind.fingerprint,
        error_type=kind.error_type,
        message=kind.message,
        elsewhere=None if size is None else size.count,
    )
