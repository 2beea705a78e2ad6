"""The three functions, and the rows of a job that is made to try them on."""

from collections.abc import Sequence
from hashlib import sha256

from repositories.contracts.databases import Row, Session
from repositories.records.jobs import Layout

JOB_TYPE = "watchkeeper_self_test"
JOB_ID = sha256(JOB_TYPE.encode()).hexdigest()
"""Always the same: a job that a killed process left behind is found again by its key."""
NEEDED = ("jobs.stage", "jobs.total_stages", "tasks.stage")
GIVEN = {
    *("jobs.job_id", "jobs.job_type", "jobs.status", "jobs.stage", "jobs.total_stages"),
    *("jobs.parameters", "jobs.stage_results", "jobs.created_at", "jobs.updated_at"),
    *("tasks.task_id", "tasks.parent_job_id", "tasks.task_type", "tasks.status", "tasks.stage"),
    *("tasks.task_index", "tasks.parameters", "tasks.retry_count", "tasks.heartbeat"),
    *("tasks.last_pulse", "tasks.created_at", "tasks.updated_at"),
}
"""What rows that are made here fill in, where it is there."""


class SqlTrials:
    """`arguments` is how many values complete_task_and_check_stage takes: 3 or 5."""

    job_id = JOB_ID

    def __init__(self, session: Session, layout: Layout, arguments: int) -> None:
        self._session, self._layout, self._arguments = session, layout, arguments
        self._tasks = 0

    def use_path(self, *, is_own: bool) -> None:
        self._session.row("trials.use_path", is_own=is_own)

    def add_job(self, *, stage: int, total_stages: int) -> None:
        self._session.run(
            "trials.add_job",
            job_id=JOB_ID,
            job_type=JOB_TYPE,
            stage=stage,
            total_stages=total_stages,
            has_parameters=self._has("jobs.parameters"),
            has_stage_results=self._has("jobs.stage_results"),
        )

    def add_task(self, task_id: str, *, stage: int, status: str = "processing") -> None:
        self._tasks += 1
        self._session.run(
            "trials.add_task",
            task_id=task_id,
            job_id=JOB_ID,
            task_type=JOB_TYPE,
            status=status,
            stage=stage,
            task_index=str(self._tasks),
            has_task_parameters=self._has("tasks.parameters"),
            has_task_index=self._has("tasks.task_index"),
            has_retry_count=self._has("tasks.retry_count"),
            has_heartbeat=self._has("tasks.heartbeat") and not self._has_last_pulse(),
            has_last_pulse=self._has_last_pulse(),
        )

    def end_task(
        self, task_id: str, *, stage: int, result: str | None, error: str | None
    ) -> Sequence[object] | None:
        is_long = self._arguments > 3
        row = self._session.row(
            "trials.end_task",
            task_id=task_id,
            job_id=JOB_ID if is_long else None,
            stage=stage if is_long else None,
            result=result,
            error=error,
        )
        return _values(row)

    def advance(self, job_id: str, *, stage: int, result: str) -> Sequence[object] | None:
        return _values(
            self._session.row("trials.advance", job_id=job_id, stage=stage, result=result)
        )

    def check(self, job_id: str) -> Sequence[object] | None:
        return _values(self._session.row("trials.check", job_id=job_id))

    def find_job(self) -> Row | None:
        return self._session.row("trials.find_job", job_id=JOB_ID)

    def find_task(self, task_id: str) -> Row | None:
        return self._session.row("trials.find_task", task_id=task_id)

    def remove(self) -> int:
        tasks = self._session.run("trials.remove_tasks", job_id=JOB_ID)
        return tasks + self._session.run("trials.remove_job", job_id=JOB_ID, job_type=JOB_TYPE)

    def _has(self, column: str) -> bool:
        return column not in self._layout.missing

    def _has_last_pulse(self) -> bool:
        return "tasks.heartbeat" in self._layout.renamed


def _values(row: Row | None) -> Sequence[object] | None:
    return None if row is None else [*row.values()]
