"""Failed tasks, and their way back."""

import json
from collections.abc import Collection, Sequence

from repositories.contracts.databases import Session
from repositories.records.jobs import Layout
from repositories.records.retries import TaskFailure
from repositories.records.rows import build


class SqlRequeues:
    def __init__(self, session: Session, layout: Layout) -> None:
        self._session = session
        self._elsewhere = {*layout.missing, *layout.renamed}

    def failures(
        self, job_id: str, *, task_ids: Collection[str] | None, limit: int
    ) -> list[TaskFailure]:
        rows = self._session.rows(
            "requeues.failures",
            job_id=job_id,
            task_ids=None if task_ids is None else [*task_ids],
            limit=limit,
        )
        return build(TaskFailure, rows)

    def lock(self, job_id: str) -> bool:
        return self._session.run("requeues.lock", job_id=job_id) > 0

    def put_back(self, job_id: str, tasks: Sequence[TaskFailure]) -> Sequence[str]:
        known = [{"task_id": task.task_id, "retry_count": task.retry_count} for task in tasks]
        rows = self._session.rows(
            "requeues.put_back",
            job_id=job_id,
            tasks=json.dumps(known),
            has_heartbeat=self._has("tasks.heartbeat"),
            has_started_at=self._has("tasks.started_at"),
        )
        return [row["task_id"] for row in rows]

    def take_up(self, job_id: str, *, stage: int, before: str, after: str) -> bool:
        changed = self._session.run(
            "requeues.take_up",
            job_id=job_id,
            stage=stage,
            before=before,
            after=after,
            has_error_details=self._has("jobs.error_details"),
        )
        return changed > 0

    def _has(self, column: str) -> bool:
        return column not in self._elsewhere
