"""Which jobs and tasks a list is of, and by what it is sorted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ChangeTime(StrEnum):
    """The times of a job or task that lists are sorted by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A scalar within a job's parameters, as text, and the members that lead to it."""

    path: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs: those of any of the statuses, and of everything else that is given."""

    statuses: Collection[str] | None = None
    job_type: str | None = None
    hours: int | None = None
    parameters: Sequence[Parameter] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks: those of any of the statuses, and of everything else that is given."""

    statuses: Collection[str] | None = None
    stage: int | None = None
    task_type: str | None = None
    hours: int | None = None
