"""Store what executions came to, many in one transaction."""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock

from repositories.contracts.store import Store, Work
from repositories.errors import StorageError
from repositories.records.kpis import Verdict
from repositories.records.processes import JobRuns
from repositories.records.speeds import Regression
from services import patience
from services.metrics import regressions
from services.rounds.attempts import Outcome, dead_letter, ended, postponed

logger = logging.getLogger(__name__)

BATCH = 1000
MOST_WAITING = 4 * BATCH
LONGEST_UNSTORED_SECONDS = 0.25
NOT_STORABLE = "the result cannot be stored as it is"


class Outcomes:
    def __init__(self, store: Store, *, worker_instance_id: Callable[[], str]) -> None:
        self._store, self._worker_instance_id = store, worker_instance_id

    def store(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Those that were stored; the others' leases had ended: they are somebody else's now.

        Raises StorageError where it may pass. One that the store does not take is stored without
        what it holds, and holds up no other.
        """
        try:
            return self._store_together(outcomes)
        except Exception as error:
            if isinstance(error, StorageError) and patience.may_pass(error):
                raise
            if len(outcomes) == 1:
                return self._store_without_content(outcomes[0], error)
        return [one for outcome in outcomes for one in self.store([outcome])]

    def _store_without_content(self, outcome: Outcome, error: Exception) -> Sequence[Outcome]:
        name = outcome.execution.check.name
        logger.warning("the result of %s cannot be stored as it is", name, exc_info=error)
        try:
            return self._store_together([_without_content(outcome)])
        except StorageError as worse:
            if patience.may_pass(worse):
                raise
            logger.error("no result of %s can be stored: %s", name, worse)
            return []

    def _store_together(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        again = [one for one in outcomes if one.is_tried_again]
        over = [one for one in outcomes if not one.is_tried_again]
        kept: frozenset[str] = frozenset()
        news: Sequence[Regression] = ()
        with self._store.work() as work:
            if again:
                kept |= work.executions.postpone([*map(postponed, again)])
            if over:
                kept |= work.executions.end([*map(ended, over)])
                news = self.keep(work, [one for one in over if one.execution.job_id in kept])
        regressions.log(news)
        return [one for one in outcomes if one.execution.job_id in kept]

    def keep(self, work: Work, outcomes: Sequence[Outcome]) -> Sequence[Regression]:
        """Which executions were far slower or faster than is normal, as news."""
        if not outcomes:
            return ()
        worker = self._worker_instance_id()
        work.results.add(
            [(one.execution.check, one.result) for one in outcomes], worker_instance_id=worker
        )
        work.metrics.count([*map(_run, outcomes)])
        far = [found for one in outcomes if (found := _regression(one))]
        news = work.metrics.note_regressions(far)
        _bury(work, outcomes)
        return news


def _bury(work: Work, outcomes: Sequence[Outcome]) -> None:
    """Dead letters: of what failed for good, and what became of those that were tried again."""
    failed = [
        dead_letter(one)
        for one in outcomes
        if one.has_failed and one.execution.dead_letter_id is None and not one.is_by_hand
    ]
    if failed:
        work.dead_letters.add(failed)
    for succeeded in (True, False):
        settled = [
            letter
            for one in outcomes
            if (letter := one.execution.dead_letter_id) and one.has_failed is not succeeded
        ]
        if settled:
            work.dead_letters.settle(settled, succeeded=succeeded)


def _run(outcome: Outcome) -> JobRuns:
    """An Error is a failure of the check, whether it could not be run or could not be judged."""
    result = outcome.result
    return JobRuns.one(
        f"kpi:{outcome.execution.check.name}",
        succeeded=(result.raw_status or result.status) is not Verdict.ERROR,
        duration_ms=result.duration_ms,
    )


def _regression(outcome: Outcome) -> Regression | None:
    if outcome.has_failed:
        return None
    check = outcome.execution.check
    return regressions.regression_of(
        f"kpi:{check.name}", outcome.result.duration_ms, check.baseline
    )


def _without_content(outcome: Outcome) -> Outcome:
    result = replace(
        outcome.result,
        status=Verdict.ERROR,
        raw_status=None,
        value=None,
        raw_number=None,
        message=NOT_STORABLE,
        error_type="not_storable",
        details=None,
    )
    return replace(outcome, result=result)


class Outbox:
    """What has ended and is to be stored: 1,000 at once, or after a quarter of a second.

    Any thread puts, and one at a time sends. Where the store is away it tries again every half
    second, for as long as half a minute.
    """

    def __init__(self, outcomes: Outcomes, clock: Callable[[], float]) -> None:
        self._outcomes, self._clock = outcomes, clock
        self._waiting: deque[Outcome] = deque()
        self._sent_at = clock()
        self._fails_since: float | None = None
        self._sending = Lock()
        self.verdicts: Counter[str] = Counter()
        self.lost = self.retried = 0
        self.errors: list[Exception] = []

    def put(self, outcome: Outcome) -> None:
        self._waiting.append(outcome)

    def send(self, *, at_once: bool = False) -> None:
        """Store what there is of whole batches, and the rest where it has waited or is the last."""
        with self._sending:
            now = self._clock()
            waited = now - self._sent_at
            if not self._waiting:
                self._sent_at = now
            elif self._fails_since is None or waited >= patience.PAUSE_SECONDS:
                self._send(everything=at_once or waited >= LONGEST_UNSTORED_SECONDS)

    def flush(self) -> None:
        """The last of a round: store it, however long the store takes to come back."""
        self.send(at_once=True)
        while self._waiting:
            time.sleep(patience.PAUSE_SECONDS)
            self.send(at_once=True)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= BATCH

    @property
    def is_empty(self) -> bool:
        return not self._waiting and not self._sending.locked()

    @property
    def has_room(self) -> bool:
        """Storing works, and keeps up."""
        return self._fails_since is None and len(self._waiting) < MOST_WAITING

    def _send(self, *, everything: bool) -> None:
        while self.is_full or (everything and self._waiting):
            everything = everything and self.is_full
            if not self._send_batch():
                return
            self._sent_at = self._clock()

    def _send_batch(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            stored = self._outcomes.store(batch)
        except StorageError as error:
            self._keep(batch, error)
            return False
        self._fails_since = None
        self.lost += len(batch) - len(stored)
        self.retried += sum(one.is_tried_again for one in stored)
        self.verdicts.update(one.result.status for one in stored if not one.is_tried_again)
        return True

    def _keep(self, batch: Sequence[Outcome], error: StorageError) -> None:
        now = self._sent_at = self._clock()
        self._fails_since = now if self._fails_since is None else self._fails_since
        if now - self._fails_since > patience.LONGEST_AWAY_SECONDS:
            self.errors.append(error)
            self._fails_since = None
        else:
            self._waiting.extendleft(reversed(batch))
