"""Where the functions of the jobs schema are tried."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from repositories.contracts.databases import Row
from repositories.records.jobs import Routine


class Trials(Protocol):
    """The three functions, and the rows of a job that is made to try them on.

    What a function answers is given by position: whatever the names are.
    """

    @property
    def job_id(self) -> str: ...
    def use_path(self, *, is_own: bool) -> None:
        """Whether names without a schema are found in that of the jobs, or not at all."""
        ...

    def add_job(self, *, stage: int, total_stages: int) -> None: ...
    def add_task(self, task_id: str, *, stage: int, status: str = "processing") -> None: ...
    def end_task(
        self, task_id: str, *, stage: int, result: str | None, error: str | None
    ) -> Sequence[object] | None: ...
    def advance(self, job_id: str, *, stage: int, result: str) -> Sequence[object] | None: ...
    def check(self, job_id: str) -> Sequence[object] | None: ...
    def find_job(self) -> Row | None:
        """Its status, stage, total_stages, stage_results."""
        ...

    def find_task(self, task_id: str) -> Row | None:
        """Its status, result_data, error_details."""
        ...

    def remove(self) -> int:
        """The job and its tasks; how many rows it was."""
        ...


class Workshop(Protocol):
    """Where the three functions are tried. Only one trial goes on at a time in one database."""

    def lock(self) -> AbstractContextManager[bool]: ...
    def routines(self) -> Sequence[Routine]: ...
    def missing_columns(self) -> Sequence[str]:
        """What a job cannot be made without, and the tables do not have."""
        ...

    def unfilled_columns(self) -> Sequence[str]:
        """What a new row must give, and Watchkeeper knows nothing of."""
        ...

    def undone(self, arguments: int) -> AbstractContextManager[Trials]:
        """One transaction that is rolled back; `arguments` is what end_task's function takes."""
        ...

    def kept(self, arguments: int) -> AbstractContextManager[Trials]:
        """One transaction that others can see once it is over."""
        ...
