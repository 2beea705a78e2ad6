"""One round of due KPIs: take them, run them side by side, store what they came to.

One thread takes and one stores, both in batches; the others run. Nothing but what is under way is
in memory. What is slow does not keep a round from ending: the thread that runs it stores it then.
"""

import contextvars
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from repositories.records.executions import Execution
from repositories.records.kpis import Result
from services.rounds.attempts import Outcome
from services.rounds.intake import Intake
from services.rounds.lanes import Lanes
from services.rounds.outcomes import Outbox

logger = logging.getLogger(__name__)

MOST_THREADS = 1000
CLAIMING_SECONDS = 240.0
LOOKING_SECONDS = 0.1


@dataclass(slots=True)
class Round:
    """What one round came to.

    `lost` executions had gone to another process meanwhile, `given_back` ones are for another to
    run, `skipped` slots passed while their KPI still ran, `retried` are tried again later,
    `left_running` go on after it.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    skipped: int = 0
    given_back: int = 0
    retried: int = 0
    left_running: int = 0
    errors: list[Exception] = field(default_factory=list)

    def summary(self) -> Mapping[str, int]:
        return {
            **self.verdicts,
            "lost": self.lost,
            "skipped": self.skipped,
            "given_back": self.given_back,
            "retried": self.retried,
            "left_running": self.left_running,
            "not_stored": len(self.errors),
        }


class KpiRound:
    """`limit` run at once; `run` asks a target and judges; `clock` is monotonic, in seconds."""

    def __init__(
        self,
        lanes: Lanes,
        intake: Intake,
        outbox: Outbox,
        run: Callable[[Execution], Result],
        *,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes, self._intake, self._outbox, self._run = lanes, intake, outbox, run
        self._limit, self._clock = limit, clock
        self._is_low, self._has_ended = threading.Event(), threading.Event()
        self._errors: list[Exception] = []
        self._is_over = False

    def work_off(self) -> Round:
        """Until nothing is due or runs any more, or four minutes are over.

        What cannot be stored keeps its slot: its lease ends, and it runs again.
        """
        deadline = self._clock() + CLAIMING_SECONDS
        opening = self._lanes.open(self._limit)
        threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="kpi")
        storing = threads.submit(contextvars.copy_context().run, self._store)
        try:
            while not storing.done() and self._has_more(deadline):
                self._staff(threads, opening)
                self._is_low.wait(LOOKING_SECONDS)
                self._is_low.clear()
        finally:
            self._is_over = True
            self._intake.stop()
            self._lanes.close()
            self._has_ended.set()
            threads.shutdown(wait=False)
        storing.result()
        return self._came_to()

    def _has_more(self, deadline: float) -> bool:
        if self._lanes.overlook_slow():
            self._intake.widen()
        if self._clock() >= deadline:
            self._intake.stop()
            return not (self._lanes.is_quiet and self._outbox.is_empty)
        if self._outbox.has_room:
            self._intake.take()
        return not (self._lanes.is_empty and self._outbox.is_empty and self._intake.is_over)

    def _store(self) -> None:
        while not self._is_over:
            self._has_ended.wait(LOOKING_SECONDS)
            self._has_ended.clear()
            self._outbox.send(at_once=self._lanes.is_quiet)
            if self._lanes.is_empty:
                self._is_low.set()
        self._outbox.flush()

    def _staff(self, threads: ThreadPoolExecutor, opening: int) -> None:
        for _ in range(self._lanes.missing):
            threads.submit(contextvars.copy_context().run, self._work, opening)

    def _work(self, opening: int) -> None:
        while execution := self._lanes.next(opening):
            try:
                self._outbox.put(Outcome(execution, self._run(execution)))
            except Exception as error:
                self._errors.append(error)
            finally:
                self._lanes.done(execution)
            if self._is_over:
                self._outbox.flush()
                self._log_errors()
                return
            if self._outbox.is_full or self._lanes.is_quiet:
                self._has_ended.set()
            if self._intake.is_low:
                self._is_low.set()

    def _log_errors(self) -> None:
        """Of what ended after the round: nobody else hears of them."""
        while self._errors:
            logger.error("a KPI that ran longer than its round", exc_info=self._errors.pop())
        while self._outbox.errors:
            logger.error("results not stored: %s", self._outbox.errors.pop())

    def _came_to(self) -> Round:
        came_to = Round(skipped=self._intake.skipped, given_back=self._intake.given_back)
        came_to.errors = [*self._errors, *self._intake.errors, *self._outbox.errors]
        came_to.lost = self._outbox.lost
        came_to.retried = self._outbox.retried
        came_to.verdicts = self._outbox.verdicts.copy()
        came_to.left_running = self._lanes.running
        return came_to
