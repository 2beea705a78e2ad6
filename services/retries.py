"""Put failed tasks back as queued, and keep what is known of their failures.

The record of a failure is written before its task is moved, and what became of that afterwards: the
two may be in different databases, and this process may end at any moment. See ADR 19.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from repositories.contracts.jobs import JobsDatabase, JobsWork, JobsWriter
from repositories.contracts.store import Store
from repositories.records.jobs import Job
from repositories.records.retries import AuditEntry, PlannedRetry, Retry, TaskFailure
from repositories.records.rows import Json
from services.encoding import encode
from services.errors import Forbidden, NotFound
from services.failures import FailedTask, FailureService
from services.fingerprints import kind_of_text
from services.retry_rules import (
    Decision,
    Refused,
    decide_retry,
    job_fault,
    layout_fault,
    status_afterwards,
)

MOST_AT_ONCE = 1000
SETTLE_SECONDS = 120
"""How long a plan may be under way before somebody else looks into what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants it, and why; a dry run changes nothing."""

    actor: str
    reason: str
    correlation_id: str | None
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A task that was put back, or would be; `retry_id` is its record, None in a dry run."""

    job_id: str
    task_id: str
    stage: int
    retry_count: int
    retry_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedJob:
    """What a job was and what it became, or would become."""

    job_id: str
    job_type: str
    stage: int
    status_before: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetry:
    """`note` says why nothing is put back, or that there is more than was."""

    retried: Sequence[Retried]
    refused: Sequence[Refused]
    dry_run: bool
    job: MovedJob
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRetry:
    """`found` is how many failures the group has in those hours, `jobs` those that are changed."""

    retried: Sequence[Retried]
    refused: Sequence[Refused]
    dry_run: bool
    jobs: Sequence[MovedJob]
    fingerprint: str
    found: int
    note: str | None


class NothingMoved(Exception):
    """Raised to leave a job as it was, where all its tasks have changed meanwhile."""


class RetryService:
    """`writer` is None where the jobs database is not to be written to."""

    def __init__(
        self,
        store: Store,
        jobs: JobsDatabase,
        writer: JobsWriter | None,
        failures: FailureService,
    ) -> None:
        self._store, self._jobs, self._writer, self._failures = store, jobs, writer, failures

    def retry_job(self, job_id: str, task_ids: Collection[str] | None, order: Order) -> JobRetry:
        """Its failed tasks, or only the named ones."""
        writer = self._for_writing()
        if not order.dry_run:
            self.settle(job_id=job_id)
        return self._retry(writer, job_id, task_ids, order)

    def retry_group(self, fingerprint: str, *, hours: int, limit: int, order: Order) -> GroupRetry:
        """The failed tasks of one kind, job by job."""
        writer = self._for_writing()
        group = self._failures.find_group(fingerprint, hours=hours, limit=limit)
        tasks = group.tasks if group else ()
        outcomes = [
            self._retry(writer, job_id, task_ids, order)
            for job_id, task_ids in _by_job(tasks).items()
        ]
        return GroupRetry(
            retried=[one for outcome in outcomes for one in outcome.retried],
            refused=[one for outcome in outcomes for one in outcome.refused],
            dry_run=order.dry_run,
            jobs=[outcome.job for outcome in outcomes if outcome.retried],
            fingerprint=fingerprint,
            found=group.count if group else 0,
            note=_group_note(len(tasks), group.count if group else 0, hours),
        )

    def settle(self, *, job_id: str | None = None) -> int:
        """Find out what became of plans that nobody finished; how many they were."""
        with self._store.read() as work:
            plans = work.retries.unsettled(
                job_id=job_id, older_than_seconds=SETTLE_SECONDS, limit=MOST_AT_ONCE
            )
        done = [plan for one in _by_plan(plans).items() for plan in self._carried_out(*one)]
        self._conclude(plans, {plan.retry_id for plan in done})
        return len(plans)

    def _for_writing(self) -> JobsWriter:
        if self._writer is None:
            raise Forbidden("JOBS_WRITABLE is not true: the jobs database is only read here")
        return self._writer

    def _retry(
        self,
        writer: JobsWriter,
        job_id: str,
        task_ids: Collection[str] | None,
        order: Order,
    ) -> JobRetry:
        with self._jobs.read() as work:
            job, decision, is_cut = _decision(work, job_id, task_ids)
        if order.dry_run or not decision.tasks:
            wanted = [_retried(job_id, task, None) for task in decision.tasks]
            return _outcome(job, wanted, decision.refused, order, is_cut)
        plans = [_plan(job_id, task, order) for task in decision.tasks]
        self._write_down(job, plans, order)
        moved = self._move(writer, job_id, plans)
        self._conclude(plans, {plan.retry_id for plan in plans if plan.task_id in moved})
        retried = [
            _retried(job_id, task, plan.retry_id)
            for task, plan in zip(decision.tasks, plans, strict=True)
            if plan.task_id in moved
        ]
        late = [_changed(job_id, plan.task_id) for plan in plans if plan.task_id not in moved]
        return _outcome(job, retried, [*decision.refused, *late], order, is_cut)

    def _write_down(self, job: Job, plans: Sequence[PlannedRetry], order: Order) -> None:
        with self._store.work() as work:
            work.retries.plan(plans)
            work.audit.add([_asked(job, plans, order)])

    def _move(
        self, writer: JobsWriter, job_id: str, plans: Sequence[PlannedRetry]
    ) -> Collection[str]:
        """The ids of those that moved. Everything is looked at again once the job is held."""
        counts = {plan.task_id: plan.retry_count for plan in plans}
        try:
            with writer.change() as work:
                work.requeues.lock(job_id)
                job, decision, _ = _decision(work, job_id, counts.keys())
                still = [
                    task for task in decision.tasks if task.retry_count == counts[task.task_id]
                ]
                moved = work.requeues.put_back(job_id, still) if still else ()
                if not moved or not work.requeues.take_up(
                    job_id, stage=job.stage, before=job.status, after=status_afterwards(job)
                ):
                    raise NothingMoved
                return set(moved)
        except (NothingMoved, NotFound):
            return ()

    def _carried_out(self, job_id: str, plans: Sequence[Retry]) -> Sequence[Retry]:
        """Those whose tasks have more retries now than they had."""
        task_ids = [*{plan.task_id for plan in plans}]
        with self._jobs.read() as work:
            tasks = work.requeues.failures(job_id, task_ids=task_ids, limit=len(task_ids))
        counts = {task.task_id: task.retry_count for task in tasks}
        return [plan for plan in plans if counts.get(plan.task_id, -1) > plan.retry_count]

    def _conclude(self, plans: Sequence[PlannedRetry], done_ids: Collection[str]) -> None:
        """Of several plans for one failure the first that is finished counts."""
        if not plans:
            return
        finished: list[str] = []
        with self._store.work() as work:
            for once in _each_failure_once([one for one in plans if one.retry_id in done_ids]):
                finished += work.retries.finish([plan.retry_id for plan in once])
            work.retries.drop([one.retry_id for one in plans if one.retry_id not in finished])
            work.audit.add([_happened(one) for one in plans if one.retry_id in finished])


def _decision(
    work: JobsWork, job_id: str, task_ids: Collection[str] | None
) -> tuple[Job, Decision, bool]:
    """The job, what is to be done, and whether it has more failed tasks than were looked at."""
    job = work.jobs.find(job_id)
    if job is None:
        raise NotFound(f"no job {job_id}")
    found = work.requeues.failures(job_id, task_ids=task_ids, limit=MOST_AT_ONCE + 1)
    fault = layout_fault(work.layout) or job_fault(job, work.jobs.stages(job_id), work.jobs.now())
    decision = decide_retry(job, fault, found[:MOST_AT_ONCE], task_ids)
    return job, decision, len(found) > MOST_AT_ONCE


def _plan(job_id: str, task: TaskFailure, order: Order) -> PlannedRetry:
    return PlannedRetry(
        retry_id=str(uuid.uuid4()),
        job_id=job_id,
        task_id=task.task_id,
        task_type=task.task_type,
        stage=task.stage,
        fingerprint=kind_of_text(task.error_details).fingerprint,
        error_details=task.error_details,
        retry_count=task.retry_count,
        failed_at=task.failed_at,
        actor=order.actor,
        reason=order.reason,
        correlation_id=order.correlation_id,
    )


def _retried(job_id: str, task: TaskFailure, retry_id: str | None) -> Retried:
    return Retried(
        job_id=job_id,
        task_id=task.task_id,
        stage=task.stage,
        retry_count=task.retry_count + 1,
        retry_id=retry_id,
    )


def _changed(job_id: str, task_id: str) -> Refused:
    return Refused(
        job_id=job_id, task_id=task_id, reason="somebody else changed the job or task meanwhile"
    )


def _outcome(
    job: Job, retried: Sequence[Retried], refused: Sequence[Refused], order: Order, is_cut: bool
) -> JobRetry:
    note = None
    if is_cut:
        note = f"the job has more than {MOST_AT_ONCE} failed tasks: ask again for the others"
    elif not retried and not refused:
        note = "the job has no failed tasks"
    elif not retried:
        note = "no task can be put back: see `refused`"
    return JobRetry(
        retried=retried,
        refused=refused,
        dry_run=order.dry_run,
        job=MovedJob(
            job_id=job.job_id,
            job_type=job.job_type,
            stage=job.stage,
            status_before=job.status,
            status=status_afterwards(job) if retried else job.status,
        ),
        note=note,
    )


def _group_note(looked_at: int, found: int, hours: int) -> str | None:
    if not found:
        return f"no task failed with this fingerprint in the last {hours} hours and is failed still"
    if looked_at < found:
        return f"these are the newest {looked_at} of {found} failures: ask again for the others"
    return None


def _asked(job: Job, plans: Sequence[PlannedRetry], order: Order) -> AuditEntry:
    """The job's own error is cleared when it is taken up again, and kept here."""
    old = {"status": job.status, "stage": job.stage, "error_details": job.error_details}
    new = {"status": status_afterwards(job), "task_ids": [plan.task_id for plan in plans]}
    return AuditEntry(
        actor=order.actor,
        action="retry.asked",
        entity_type="job",
        entity_id=job.job_id,
        old_values=_json(old),
        new_values=_json(new),
        reason=order.reason,
        correlation_id=order.correlation_id,
    )


def _happened(plan: PlannedRetry) -> AuditEntry:
    return AuditEntry(
        actor=plan.actor,
        action="retry.done",
        entity_type="task",
        entity_id=plan.task_id,
        old_values=_json({"status": "failed", "retry_count": plan.retry_count}),
        new_values=_json(
            {
                "status": "queued",
                "retry_count": plan.retry_count + 1,
                "job_id": plan.job_id,
                "retry_id": plan.retry_id,
            }
        ),
        reason=plan.reason,
        correlation_id=plan.correlation_id,
    )


def _json(values: Mapping[str, object]) -> Json:
    return Json(encode(values).decode())


def _by_job(tasks: Sequence[FailedTask]) -> Mapping[str, list[str]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for task in tasks:
        ids[task.job_id].append(task.task_id)
    return ids


def _by_plan(plans: Sequence[Retry]) -> Mapping[str, list[Retry]]:
    by_job: dict[str, list[Retry]] = defaultdict(list)
    for plan in plans:
        by_job[plan.job_id].append(plan)
    return by_job


def _each_failure_once(plans: Sequence[PlannedRetry]) -> Sequence[Sequence[PlannedRetry]]:
    """In rounds: a round has no failure twice, so that the next one sees what it wrote."""
    rounds: list[dict[tuple[str, str, int], PlannedRetry]] = []
    for plan in plans:
        key = (plan.job_id, plan.task_id, plan.retry_count)
        free = next((one for one in rounds if key not in one), None)
        if free is None:
            rounds.append({key: plan})
        else:
            free[key] = plan
    return [[*one.values()] for one in rounds]
