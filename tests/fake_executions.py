"""Executions and results in memory, on the same KPIs as the other fakes."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from repositories.records.executions import (
    Due,
    Ended,
    JobStatus,
    NewJob,
    Overtaken,
    Postponed,
    Waiting,
    WorkerJob,
)
from repositories.records.kpis import BadVerdict, Check, Result, StoredResult, Verdict
from tests.fake_kpis import FakeIndicator, FakeJob, FakeKpis

UNFINISHED = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})


class FakeExecutions:
    def __init__(self, kpis: FakeKpis) -> None:
        self._kpis = kpis

    def due(self, *, limit: int, busy: Collection[str]) -> list[Due]:
        now = self._kpis.clock()
        found = [
            one
            for one in self._kpis.indicators.values()
            if one.next_due_at <= now and self._connection_id(one) not in busy
        ]
        found.sort(key=lambda one: (one.stored.definition.priority, one.next_due_at))
        return [self._due(one) for one in found[:limit]]

    def waiting(self, *, limit: int, busy: Collection[str]) -> list[Waiting]:
        now = self._kpis.clock()
        found = [
            (job, indicator)
            for job in self._unfinished()
            if job.available_at is not None and job.available_at <= now
            if self._is_next_letter(job)
            if (indicator := self._kpis.by_id(job.indicator_id or "")) is not None
            and self._connection_id(indicator) not in busy
        ]
        found.sort(key=lambda pair: (pair[0].row.priority, pair[0].available_at))
        return sorted(
            (self._waiting(job, indicator) for job, indicator in found[:limit]),
            key=lambda one: (one.check.priority, one.since),
        )

    def overtake(
        self, indicator_ids: Collection[str], *, lease_id: str, worker_instance_id: str
    ) -> list[Overtaken]:
        found = [
            job
            for job in self._unfinished()
            if job.indicator_id in indicator_ids
            and (job.row.status, job.row.dead_letter_id) == (JobStatus.QUEUED, None)
            and job.row.error_type is not None
            and job.row.slot_at is not None
        ]
        for job in found:
            job.lease_id = lease_id
            job.row = replace(
                job.row, status=JobStatus.RUNNING, worker_instance_id=worker_instance_id
            )
        return [*map(_overtaken, found)]

    def advance(self, slots: Mapping[str, datetime]) -> None:
        for indicator_id, at in slots.items():
            if indicator := self._kpis.by_id(indicator_id):
                indicator.next_due_at = at

    def add(self, jobs: Sequence[NewJob], *, worker_instance_id: str | None) -> None:
        now = self._kpis.clock()
        for job in jobs:
            self._kpis.jobs[job.job_id] = _fake_job(job, worker_instance_id, now)

    def resume(
        self, leases: Mapping[str, float], *, lease_id: str, worker_instance_id: str
    ) -> None:
        now = self._kpis.clock()
        for job_id, seconds in leases.items():
            job = self._kpis.jobs[job_id]
            job.lease_id, job.available_at = lease_id, now + timedelta(seconds=seconds)
            job.row = replace(
                job.row,
                status=JobStatus.RUNNING,
                worker_instance_id=worker_instance_id,
                started_at=now,
                next_retry_at=None,
                attempts=job.row.attempts + 1,
            )

    def end(self, jobs: Sequence[Ended]) -> frozenset[str]:
        now = self._kpis.clock()
        for ended, job in (kept := [*self._leased(jobs)]):
            job.available_at = None
            job.row = replace(
                job.row,
                status=ended.status,
                completed_at=now,
                duration_ms=round(ended.duration_ms),
                result_status=ended.result_status,
                result_message=ended.result_message,
                error_message=ended.error_message,
                error_type=ended.error_type,
                retry_count=ended.retry_count,
            )
        return frozenset(ended.job_id for ended, _ in kept)

    def postpone(self, jobs: Sequence[Postponed]) -> frozenset[str]:
        now = self._kpis.clock()
        for later, job in (kept := [*self._leased(jobs)]):
            at = now + timedelta(seconds=later.delay_seconds)
            job.available_at, job.lease_id = at, None
            job.row = replace(
                job.row,
                status=JobStatus.QUEUED,
                retry_count=later.retry_count,
                next_retry_at=at,
                error_message=later.error_message,
                error_type=later.error_type,
            )
        return frozenset(later.job_id for later, _ in kept)

    def give_back(self, job_ids: Collection[str], *, lease_id: str) -> int:
        now, given = self._kpis.clock(), 0
        for job in map(self._kpis.jobs.__getitem__, job_ids):
            if job.lease_id == lease_id and job.row.status == JobStatus.RUNNING:
                job.available_at, job.lease_id, given = now, None, given + 1
                job.row = replace(
                    job.row,
                    status=JobStatus.QUEUED,
                    started_at=None,
                    attempts=job.row.attempts - 1,
                )
        return given

    def cancel_of(self, indicator_id: str, *, message: str) -> int:
        now = self._kpis.clock()
        found = [job for job in self._unfinished() if job.indicator_id == indicator_id]
        for job in found:
            job.available_at = job.lease_id = None
            job.row = replace(
                job.row, status=JobStatus.CANCELLED, completed_at=now, result_message=message
            )
        return len(found)

    def jobs_of(
        self,
        worker_instance_id: str,
        *,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[WorkerJob]:
        rows = [
            job.row
            for job in self._kpis.jobs.values()
            if job.row.worker_instance_id == worker_instance_id
            and status in {None, job.row.status}
            and (before is None or _after(job.row) > (-before[0].timestamp(), before[1]))
        ]
        return sorted(rows, key=_after)[:limit]

    def depth(self) -> Mapping[str, int]:
        return Counter(str(job.row.status) for job in self._unfinished())

    def _unfinished(self) -> Iterable[FakeJob]:
        return [job for job in self._kpis.jobs.values() if job.row.status in UNFINISHED]

    def _leased(self, jobs: Sequence) -> Iterable:  # type: ignore[type-arg]
        for one in jobs:
            job = self._kpis.jobs.get(one.job_id)
            if job and job.lease_id == one.lease_id and job.row.status == JobStatus.RUNNING:
                yield one, job

    def _is_next_letter(self, job: FakeJob) -> bool:
        if job.row.dead_letter_id is None:
            return True
        letters = [
            (other.row.scheduled_at, other.row.job_id)
            for other in self._unfinished()
            if other.indicator_id == job.indicator_id and other.row.dead_letter_id is not None
        ]
        return min(letters) == (job.row.scheduled_at, job.row.job_id)

    def _connection_id(self, one: FakeIndicator) -> str:
        return self._kpis.connections[one.stored.definition.connection].id

    def _due(self, one: FakeIndicator) -> Due:
        return Due(
            check=self._kpis.check(one, slot_at=one.next_due_at),
            unfinished=sum(
                job.indicator_id == one.stored.id and job.row.dead_letter_id is None
                for job in self._unfinished()
            ),
        )

    def _waiting(self, job: FakeJob, one: FakeIndicator) -> Waiting:
        assert job.available_at is not None
        return Waiting(
            job_id=job.row.job_id,
            check=self._kpis.check(one, slot_at=job.row.slot_at),
            retry_count=job.row.retry_count,
            attempts=job.row.attempts,
            since=job.available_at,
            dead_letter_id=job.row.dead_letter_id,
        )


class FakeResults:
    def __init__(self, kpis: FakeKpis) -> None:
        self._kpis = kpis
        self._numbers = itertools.count(1)

    def add(
        self, results: Sequence[tuple[Check, Result]], *, worker_instance_id: str | None
    ) -> int:
        return sum(self._add(check, result) for check, result in results)

    def remove_of(self, indicator_id: str, *, batch: int) -> int:
        one = self._kpis.by_id(indicator_id)
        if one is None:
            return 0
        removed = min(batch, len(one.results))
        del one.results[:removed]
        return removed

    def history(
        self,
        name: str,
        *,
        status: str | None = None,
        hours: int | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[StoredResult]:
        one = self._kpis.indicators.get(name)
        since = None if hours is None else self._kpis.clock() - timedelta(hours=hours)
        found = [
            result
            for result in (one.results if one else ())
            if (since is None or result.checked_at >= since)
            and status in {None, result.status}
            and (before is None or place_of(result) < (before[0], int(before[1])))
        ]
        return sorted(found, key=place_of, reverse=True)[:limit]

    def not_healthy(
        self,
        connections: Collection[str],
        *,
        since: datetime,
        until: datetime,
        limit: int,
        limit_each: int,
    ) -> list[BadVerdict]:
        found = [
            bad
            for one in self._kpis.indicators.values()
            if one.stored.definition.connection in connections
            for bad in self._bad_verdicts(one, since, until)[:limit_each]
        ]
        return sorted(found, key=lambda bad: (-bad.checked_at.timestamp(), bad.name))[:limit]

    def _add(self, check: Check, result: Result) -> bool:
        one = self._kpis.by_id(check.indicator_id)
        if one is None:
            return False
        if check.slot_at is not None and any(old.slot_at == check.slot_at for old in one.results):
            return False
        result_id = str(next(self._numbers))
        if result.raw_number is not None:
            self._kpis.counters[result_id] = result.raw_number
        one.results.append(
            StoredResult(
                result_id=result_id,
                slot_at=check.slot_at,
                checked_at=result.checked_at,
                status=result.status,
                raw_status=result.raw_status or result.status,
                value=result.value,
                message=result.message,
                error_type=result.error_type,
                duration_ms=result.duration_ms,
                details=result.details,
                environment=check.connection.environment,
                provider=check.connection.provider,
            )
        )
        return True

    def _bad_verdicts(
        self, one: FakeIndicator, since: datetime, until: datetime
    ) -> list[BadVerdict]:
        kpi = one.stored.definition
        return [
            BadVerdict(
                name=kpi.name,
                connection=kpi.connection,
                status=result.status,
                value=result.value,
                unit=self._kpis.queries[kpi.query].definition.rule.unit,
                checked_at=result.checked_at,
                message=result.message,
            )
            for result in sorted(one.results, key=place_of, reverse=True)
            if since <= result.checked_at <= until
            and result.status != Verdict.HEALTHY
            and result.error_type != "not_available"
        ]


def place_of(result: StoredResult) -> tuple[datetime, int]:
    return result.checked_at, int(result.result_id)


def _after(row: WorkerJob) -> tuple[float, str]:
    return -row.scheduled_at.timestamp(), row.job_id


def _overtaken(job: FakeJob) -> Overtaken:
    row = job.row
    assert job.indicator_id
    assert row.slot_at
    assert row.error_type
    return Overtaken(
        job_id=row.job_id,
        indicator_id=job.indicator_id,
        slot_at=row.slot_at,
        retry_count=row.retry_count,
        attempts=row.attempts,
        error_message=row.error_message or "",
        error_type=row.error_type,
        started_at=row.started_at,
    )


def _fake_job(job: NewJob, worker_instance_id: str | None, now: datetime) -> FakeJob:
    is_running = job.status is JobStatus.RUNNING
    is_over = job.status is JobStatus.CANCELLED
    row = WorkerJob(
        job_id=job.job_id,
        worker_instance_id=None if job.status is JobStatus.QUEUED else worker_instance_id,
        job_type="DatabaseMonitoring",
        job_name=job.check.name,
        status=job.status,
        priority=job.check.priority,
        scheduled_at=job.check.slot_at or now,
        slot_at=job.check.slot_at,
        started_at=now if is_running else None,
        completed_at=now if is_over else None,
        duration_ms=None,
        result_status=None,
        result_message=job.message,
        error_message=None,
        error_type=None,
        retry_count=0,
        max_retries=job.check.max_retries,
        attempts=1 if is_running else 0,
        next_retry_at=None,
        dead_letter_id=job.dead_letter_id,
    )
    available_at = None if is_over else now + timedelta(seconds=job.lease_seconds)
    return FakeJob(row, job.check.indicator_id, job.lease_id, available_at)
