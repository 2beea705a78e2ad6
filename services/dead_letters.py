"""What failed for good: look at it, try it again, or give it up.

A letter that is tried again is PROCESSING, and its KPI has an execution that waits to be taken, in
one transaction; whoever runs that settles the letter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.contracts.store import Store, Work
from repositories.records.executions import JobStatus, NewJob
from repositories.records.kpis import Check
from repositories.records.retries import AuditEntry
from repositories.records.rows import Json
from repositories.records.trouble import DeadLetter
from services.encoding import encode
from services.errors import NotFound, WrongState
from services.ids import newest_id
from services.pages import Page, cut
from services.retries import Order
from services.rounds.slots import is_wanted
from services.settings import KpiMonitoring

OF_KPIS = "kpi:"
TAKEN = "somebody else takes it at this moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters: those that fit everything that is given."""

    status: str | None = None
    fingerprint: str | None = None
    job_id: str | None = None
    hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedLetter:
    """A letter that is tried again, or would be; `worker_job_id` is its execution, None in a dry
    run.
    """

    dead_letter_id: str
    job_id: str
    worker_job_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLetter:
    """One that waits and cannot be tried again, and why."""

    dead_letter_id: str
    job_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRetry:
    """What became of one letter."""

    retried: RetriedLetter
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersRetry:
    """What became of all letters of a fingerprint.

    `pending` is how many waited, `not_pending` how many are left out since they do not.
    """

    retried: Sequence[RetriedLetter]
    refused: Sequence[RefusedLetter]
    dry_run: bool
    fingerprint: str
    pending: int
    not_pending: int
    note: str | None


class DeadLetterService:
    def __init__(self, store: Store, settings: KpiMonitoring) -> None:
        self._store, self._settings = store, settings

    def newest(
        self, chosen: LetterFilter, *, before: tuple[datetime, str] | None, limit: int
    ) -> Page[DeadLetter]:
        with self._store.read() as work:
            rows = work.dead_letters.list(
                status=chosen.status,
                job_id=chosen.job_id,
                fingerprint=chosen.fingerprint,
                hours=chosen.hours,
                before=before,
                limit=limit + 1,
            )
        return cut(rows, limit, lambda letter: (letter.last_occurred_at, letter.dead_letter_id))

    def get(self, dead_letter_id: str) -> DeadLetter:
        with self._store.read() as work:
            return _get(work, dead_letter_id)

    def retry(self, dead_letter_id: str, order: Order) -> LetterRetry:
        """Raises WrongState where it does not wait, or there is nothing to run."""
        with self._store.work() as work:
            letter = _waiting(work, dead_letter_id)
            check = _checks(work, [letter], self._settings)[letter.job_id]
            if isinstance(check, str):
                raise WrongState(check)
            retried = _retry(work, {letter.dead_letter_id: check}, [letter], order)
        if not retried:
            raise WrongState(f"dead letter {dead_letter_id}: {TAKEN}")
        return LetterRetry(retried=retried[0], dry_run=order.dry_run)

    def retry_alike(self, fingerprint: str, *, limit: int, order: Order) -> LettersRetry:
        """The newest that wait and have this fingerprint."""
        with self._store.work() as work:
            depth = work.dead_letters.depth(fingerprint=fingerprint)
            letters = work.dead_letters.list(status="PENDING", fingerprint=fingerprint, limit=limit)
            checks = _checks(work, letters, self._settings)
            fit = {
                letter.dead_letter_id: check
                for letter in letters
                if not isinstance(check := checks[letter.job_id], str)
            }
            retried = _retry(work, fit, letters, order)
        pending = depth.get("PENDING", 0)
        return LettersRetry(
            retried=retried,
            refused=_refused(letters, checks, retried),
            dry_run=order.dry_run,
            fingerprint=fingerprint,
            pending=pending,
            not_pending=sum(depth.values()) - pending,
            note=_note(fingerprint, len(letters), pending),
        )

    def discard(self, dead_letter_id: str, order: Order) -> DeadLetter:
        """Nobody tries it again. Raises WrongState where it does not wait."""
        with self._store.work() as work:
            letter = _waiting(work, dead_letter_id)
            note = _json({"actor": order.actor, "reason": order.reason})
            if not work.dead_letters.discard(dead_letter_id, metadata=note):
                raise WrongState(f"dead letter {dead_letter_id}: {TAKEN}")
            work.audit.add([_entry(letter, "dead_letter.discarded", {"status": "FAILED"}, order)])
            return _get(work, dead_letter_id)


def _get(work: Work, dead_letter_id: str) -> DeadLetter:
    letter = work.dead_letters.find(dead_letter_id)
    if letter is None:
        raise NotFound(f"no dead letter {dead_letter_id}")
    return letter


def _waiting(work: Work, dead_letter_id: str) -> DeadLetter:
    letter = _get(work, dead_letter_id)
    if letter.status != "PENDING":
        raise WrongState(f"dead letter {dead_letter_id} is {letter.status}, not PENDING")
    return letter


def _checks(
    work: Work, letters: Sequence[DeadLetter], settings: KpiMonitoring
) -> Mapping[str, Check | str]:
    """By job_id: what is to be run, or why there is nothing."""
    job_ids = {letter.job_id for letter in letters}
    return {job_id: _check(work, job_id, settings) for job_id in job_ids}


def _check(work: Work, job_id: str, settings: KpiMonitoring) -> Check | str:
    if not job_id.startswith(OF_KPIS):
        return f"{job_id} is not a KPI: whatever wrote this letter must try it again"
    name = job_id.removeprefix(OF_KPIS)
    check = work.indicators.check(name)
    if check is None:
        return f"the KPI {name} is gone"
    if not is_wanted(check, settings):
        return f"the KPI {name}, its connection or its query is switched off"
    return check


def _retry(
    work: Work, fit: Mapping[str, Check], letters: Sequence[DeadLetter], order: Order
) -> list[RetriedLetter]:
    """Take the letters that are fit, and queue an execution for each that nobody else has taken."""
    if order.dry_run:
        return [_retried(letter, None) for letter in letters if letter.dead_letter_id in fit]
    taken = work.dead_letters.take([*fit])
    jobs = {
        letter.dead_letter_id: NewJob(
            job_id=newest_id(),
            check=fit[letter.dead_letter_id],
            status=JobStatus.QUEUED,
            dead_letter_id=letter.dead_letter_id,
        )
        for letter in taken
    }
    if jobs:
        work.executions.add([*jobs.values()], worker_instance_id=None)
    retried = [_retried(letter, jobs[letter.dead_letter_id].job_id) for letter in taken]
    entries = [
        _entry(
            letter,
            "dead_letter.retried",
            {"status": "PROCESSING", "worker_job_id": jobs[letter.dead_letter_id].job_id},
            order,
        )
        for letter in taken
    ]
    work.audit.add(entries)
    return retried


def _retried(letter: DeadLetter, worker_job_id: str | None) -> RetriedLetter:
    return RetriedLetter(
        dead_letter_id=letter.dead_letter_id, job_id=letter.job_id, worker_job_id=worker_job_id
    )


def _refused(
    letters: Sequence[DeadLetter],
    checks: Mapping[str, Check | str],
    retried: Sequence[RetriedLetter],
) -> list[RefusedLetter]:
    done = {one.dead_letter_id for one in retried}
    return [
        RefusedLetter(
            dead_letter_id=letter.dead_letter_id,
            job_id=letter.job_id,
            reason=check if isinstance(check := checks[letter.job_id], str) else TAKEN,
        )
        for letter in letters
        if letter.dead_letter_id not in done
    ]


def _note(fingerprint: str, looked_at: int, pending: int) -> str | None:
    if not pending:
        return f"nothing waits that has the fingerprint {fingerprint}"
    if looked_at < pending:
        return f"these are the newest {looked_at} of {pending} that wait: ask again for the others"
    return None


def _entry(
    letter: DeadLetter, action: str, new_values: Mapping[str, object], order: Order
) -> AuditEntry:
    return AuditEntry(
        actor=order.actor,
        action=action,
        entity_type="dead_letter",
        entity_id=letter.dead_letter_id,
        old_values=_json({"status": letter.status, "job_id": letter.job_id}),
        new_values=_json(new_values),
        reason=order.reason,
        correlation_id=order.correlation_id,
    )


def _json(values: Mapping[str, object]) -> Json:
    return Json(encode(values).decode())
