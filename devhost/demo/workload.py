"""What a job is made of: stages one after another, and in each stage tasks side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]
Beat = Callable[[], None]
Plan = Callable[[Values, Sequence[Values]], Sequence[Values]]
Work = Callable[[Values, Beat], Values]


@dataclass(frozen=True, slots=True)
class Stage:
    """`plan` gives the parameters of each task, from those of the job and from the results of the
    stage before; `work` does one task, and beats as often as it gets on.
    """

    task_type: str
    plan: Plan
    work: Work


@dataclass(frozen=True, slots=True)
class JobType:
    name: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Job:
    job_id: str
    job_type: JobType
    parameters: Values

    def plan(self, stage: int, results: Sequence[Values]) -> Sequence[Values]:
        return self.job_type.stages[stage - 1].plan(self.parameters, results)


@dataclass(frozen=True, slots=True)
class Task:
    """A task that a worker has claimed."""

    task_id: str
    job_id: str
    stage: int
    parameters: Values
    retry_count: int
