"""Take what is due for this process, under a lease: each slot by one process only."""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.contracts.store import Store, Work
from repositories.records.executions import (
    Due,
    Ended,
    Execution,
    JobStatus,
    NewJob,
    Waiting,
)
from repositories.records.kpis import Check
from services.ids import newest_id
from services.rounds.outcomes import Outcomes
from services.rounds.overtaking import overtake
from services.rounds.slots import is_wanted, next_due
from services.settings import KpiMonitoring

LEASE_MARGIN_SECONDS = 20.0
SKIPPED = "skipped: the execution before it has not ended"
SWITCHED_OFF = "not tried again: the KPI, its connection or its query is switched off"


@dataclass(frozen=True, slots=True)
class Taken:
    """What this process is to run now, of so many that were `found`.

    `skipped` are the slots whose KPI still runs.
    """

    executions: Sequence[Execution]
    found: int
    skipped: int


class Claims:
    """`lease_id` is of one round: what is taken under it is this process's until its lease ends."""

    def __init__(
        self, store: Store, settings: KpiMonitoring, *, worker_instance_id: Callable[[], str]
    ) -> None:
        self._store, self._settings = store, settings
        self._worker_instance_id = worker_instance_id
        self._outcomes = Outcomes(store, worker_instance_id=worker_instance_id)
        self.lease_id = str(uuid.uuid4())

    def take(self, limit: int, *, busy: Collection[str]) -> Taken:
        """At most `limit`, the most urgent first, none on the connections `busy`.

        In one transaction with the next slots.
        """
        with self._store.work() as work:
            waiting = work.executions.waiting(limit=limit, busy=busy)
            due = work.executions.due(limit=limit, busy=busy)
            again, slots = _most_urgent(waiting, due, limit)
            wanted = [one for one in slots if self._is_wanted(one.check)]
            overtaken = self._overtake(work, wanted)
            again = [one for one in again if one.job_id not in overtaken]
            over = Counter(overtaken.values())
            jobs = [self._job(one, over[one.check.indicator_id]) for one in wanted]
            resumed = [one for one in again if self._is_wanted(one.check)]
            if slots:
                work.executions.advance(
                    {one.check.indicator_id: next_due(one.check) for one in slots}
                )
            if jobs:
                work.executions.add(jobs, worker_instance_id=self._worker_instance_id())
            if again:
                leases = {one.job_id: self._lease_seconds(one.check) for one in again}
                work.executions.resume(
                    leases, lease_id=self.lease_id, worker_instance_id=self._worker_instance_id()
                )
            self._cancel(work, [one for one in again if not self._is_wanted(one.check)])
        begun = [job for job in jobs if job.status is JobStatus.RUNNING]
        return Taken(
            executions=[*self._resumed(resumed), *self._begun(begun)],
            found=len(again) + len(slots),
            skipped=len(jobs) - len(begun),
        )

    def give_back(self, executions: Sequence[Execution]) -> None:
        with self._store.single() as work:
            work.executions.give_back([one.job_id for one in executions], lease_id=self.lease_id)

    def begin(self, check: Check) -> Execution:
        """A run by hand, written down as it begins."""
        job = self._running(check)
        with self._store.single() as work:
            work.executions.add([job], worker_instance_id=self._worker_instance_id())
        (execution,) = self._begun([job])
        return execution

    def _is_wanted(self, check: Check) -> bool:
        return is_wanted(check, self._settings)

    def _overtake(self, work: Work, slots: Sequence[Due]) -> Mapping[str, str]:
        """Tries that have ended since these slots have come: the indicator_id of each by job_id."""
        checks = {one.check.indicator_id: one.check for one in slots if one.unfinished}
        if not checks:
            return {}
        found = overtake(
            work,
            self._outcomes,
            checks,
            lease_id=self.lease_id,
            worker_instance_id=self._worker_instance_id(),
        )
        return {one.job_id: one.indicator_id for one in found}

    def _job(self, due: Due, overtaken: int) -> NewJob:
        if due.unfinished > overtaken and self._settings.skip_running_kpis:
            return NewJob(
                job_id=newest_id(),
                check=due.check,
                status=JobStatus.CANCELLED,
                message=SKIPPED,
            )
        return self._running(due.check)

    def _running(self, check: Check) -> NewJob:
        return NewJob(
            job_id=newest_id(),
            check=check,
            status=JobStatus.RUNNING,
            lease_id=self.lease_id,
            lease_seconds=self._lease_seconds(check),
        )

    def _lease_seconds(self, check: Check) -> float:
        """As long as it may take, from being taken to being stored."""
        longest = min(check.longest_seconds, self._settings.execution_timeout_seconds)
        return longest + check.connection.timeout_seconds + LEASE_MARGIN_SECONDS

    def _begun(self, jobs: Sequence[NewJob]) -> Iterator[Execution]:
        for job in jobs:
            yield Execution(job_id=job.job_id, lease_id=self.lease_id, check=job.check)

    def _resumed(self, waiting: Sequence[Waiting]) -> Iterator[Execution]:
        for one in waiting:
            yield Execution(
                job_id=one.job_id,
                lease_id=self.lease_id,
                check=one.check,
                retry_count=one.retry_count,
                attempts=one.attempts + 1,
                dead_letter_id=one.dead_letter_id,
            )

    def _cancel(self, work: Work, unwanted: Sequence[Waiting]) -> None:
        """Dead letters that they were another try of wait again."""
        if not unwanted:
            return
        work.executions.end([self._cancelled(one) for one in unwanted])
        letters = [one.dead_letter_id for one in unwanted if one.dead_letter_id is not None]
        if letters:
            work.dead_letters.settle(letters, succeeded=False)

    def _cancelled(self, one: Waiting) -> Ended:
        return Ended(
            job_id=one.job_id,
            lease_id=self.lease_id,
            status=JobStatus.CANCELLED,
            duration_ms=0,
            result_status=None,
            result_message=SWITCHED_OFF,
            error_message=None,
            error_type=None,
            retry_count=one.retry_count,
        )


def _most_urgent(
    waiting: Sequence[Waiting], due: Sequence[Due], limit: int
) -> tuple[list[Waiting], list[Due]]:
    """By priority, then by age, whichever of the two they are."""
    if not waiting:
        return [], list(due)
    ranked: list[tuple[int, datetime, int, Waiting | Due]] = [
        *((one.check.priority, one.since, 0, one) for one in waiting),
        *((one.check.priority, one.check.slot_at or one.check.claimed_at, 1, one) for one in due),
    ]
    chosen = [one for *_, one in sorted(ranked, key=lambda rank: rank[:3])[:limit]]
    return (
        [one for one in chosen if isinstance(one, Waiting)],
        [one for one in chosen if isinstance(one, Due)],
    )
