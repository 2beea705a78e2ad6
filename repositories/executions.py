"""Who runs which KPI at which slot: every execution is a worker job."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from repositories.checks import find_kpis
from repositories.contracts.databases import Session
from repositories.json_rows import json_rows
from repositories.records.executions import (
    Due,
    Ended,
    NewJob,
    Overtaken,
    Postponed,
    Waiting,
    WorkerJob,
)
from repositories.records.rows import build


class SqlExecutions:
    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, *, limit: int, busy: Collection[str]) -> list[Due]:
        rows = self._session.rows("executions.due", limit=limit, busy=[*busy] or None)
        kpis = find_kpis(self._session, {row["indicator_id"] for row in rows})
        return [
            Due(check=kpi.at(row["slot_at"]), unfinished=row["unfinished"])
            for row in rows
            if (kpi := kpis.get(row["indicator_id"])) is not None
        ]

    def waiting(self, *, limit: int, busy: Collection[str]) -> list[Waiting]:
        rows = self._session.rows("executions.waiting", limit=limit, busy=[*busy] or None)
        kpis = find_kpis(self._session, {row["indicator_id"] for row in rows})
        found = [
            Waiting(
                job_id=row["job_id"],
                check=kpi.at(row["slot_at"]),
                retry_count=row["retry_count"],
                attempts=row["attempts"],
                since=row["since"],
                dead_letter_id=row["dead_letter_id"],
            )
            for row in rows
            if (kpi := kpis.get(row["indicator_id"])) is not None
        ]
        return sorted(found, key=lambda one: (one.check.priority, one.since))

    def overtake(
        self, indicator_ids: Collection[str], *, lease_id: str, worker_instance_id: str
    ) -> list[Overtaken]:
        rows = self._session.rows(
            "executions.overtake",
            indicator_ids=[*indicator_ids],
            lease_id=lease_id,
            worker_instance_id=worker_instance_id,
        )
        return build(Overtaken, rows)

    def advance(self, slots: Mapping[str, datetime]) -> None:
        rows = [{"indicator_id": one, "next_due_at": at} for one, at in sorted(slots.items())]
        self._session.run("executions.advance", slots=json_rows(rows))

    def add(self, jobs: Sequence[NewJob], *, worker_instance_id: str | None) -> None:
        self._session.run(
            "executions.add",
            jobs=json_rows(map(_new_job, jobs)),
            worker_instance_id=worker_instance_id,
        )

    def resume(
        self, leases: Mapping[str, float], *, lease_id: str, worker_instance_id: str
    ) -> None:
        rows = [{"job_id": job, "seconds": seconds} for job, seconds in sorted(leases.items())]
        self._session.run(
            "executions.resume",
            leases=json_rows(rows),
            lease_id=lease_id,
            worker_instance_id=worker_instance_id,
        )

    def end(self, jobs: Sequence[Ended]) -> frozenset[str]:
        return self._moved("executions.finish", jobs)

    def postpone(self, jobs: Sequence[Postponed]) -> frozenset[str]:
        return self._moved("executions.postpone", jobs)

    def give_back(self, job_ids: Collection[str], *, lease_id: str) -> int:
        return self._session.run(
            "executions.give_back", job_ids=json_rows(job_ids), lease_id=lease_id
        )

    def cancel_of(self, indicator_id: str, *, message: str) -> int:
        return self._session.run("executions.cancel_of", indicator_id=indicator_id, message=message)

    def jobs_of(
        self,
        worker_instance_id: str,
        *,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[WorkerJob]:
        before_at, before_id = before or (None, None)
        rows = self._session.rows(
            "executions.jobs_of",
            worker_instance_id=worker_instance_id,
            status=status,
            before_at=before_at,
            before_id=before_id,
            limit=limit,
        )
        return build(WorkerJob, rows)

    def depth(self) -> Mapping[str, int]:
        return {row["status"]: row["jobs"] for row in self._session.rows("executions.depth")}

    def _moved(self, statement: str, jobs: Sequence[object]) -> frozenset[str]:
        rows = self._session.rows(statement, jobs=json_rows(jobs))
        return frozenset(row["job_id"] for row in rows)


def _new_job(job: NewJob) -> dict[str, object]:
    return {
        "job_id": job.job_id,
        "indicator_id": job.check.indicator_id,
        "name": job.check.name,
        "status": job.status,
        "priority": job.check.priority,
        "slot_at": job.check.slot_at,
        "max_retries": job.check.max_retries,
        "dead_letter_id": job.dead_letter_id,
        "lease_id": job.lease_id,
        "lease_seconds": job.lease_seconds,
        "message": job.message,
    }
