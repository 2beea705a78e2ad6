"""One round of due KPIs: take them, run them side by side, store what they came to.

One thread takes and one stores, both in batches; the others run. Nothing but what is under way is
in memory.
"""

import contextvars
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

MOST_THREADS = 1000
CLAIMING_SECONDS = 240.0
LOOKING_SECONDS = 0.1


@dataclass(slots=True)
class Round:
    """What one round came to.

    `lost` executions had gone to another process meanwhile, `given_back` ones are for another to
    run, `skipped` slots passed while their KPI still ran, `retried` are tried again later.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    skipped: int = 0
    given_back: int = 0
    retried: int = 0
    errors: list[Exception] = field(default_factory=list)

    def summary(self) -> Mapping[str, int]:
        return {
            **self.verdicts,
            "lost": self.lost,
            "skipped": self.skipped,
            "given_back": self.given_back,
            "retried": self.retried,
            "not_stored": len(self.errors),
        }


class KpiRound:
    """`run` asks a target and judges; `clock` is monotonic, in seconds."""

    def __init__(
        self,
        lanes: Lanes,
        intake: Intake,
        outbox: Outbox,
        run: Callable[[Execution], Result],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes, self._intake, self._outbox, self._run = lanes, intake, outbox, run
        self._clock = clock
        self._is_low, self._has_ended = threading.Event(), threading.Event()
        self._errors: list[Exception] = []
        self._is_over = False

    def work_off(self) -> Round:
        """Until nothing is due any more, or four minutes are over.

        What cannot be stored keeps its slot: its lease ends, and it runs again.
        """
        deadline = self._clock() + CLAIMING_SECONDS
        with ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="kpi") as threads:
            storing = threads.submit(contextvars.copy_context().run, self._store)
            try:
                while not storing.done() and self._has_more(deadline):
                    self._staff(threads)
                    self._is_low.wait(LOOKING_SECONDS)
                    self._is_low.clear()
            finally:
                self._is_over = True
                self._lanes.close()
                self._has_ended.set()
            storing.result()
        return self._came_to()

    def _has_more(self, deadline: float) -> bool:
        if self._lanes.overlook_slow():
            self._intake.widen()
        if self._clock() >= deadline:
            self._intake.stop()
        elif self._outbox.is_well:
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

    def _staff(self, threads: ThreadPoolExecutor) -> None:
        for _ in range(self._lanes.missing):
            threads.submit(contextvars.copy_context().run, self._work)

    def _work(self) -> None:
        while execution := self._lanes.next():
            try:
                self._outbox.put(Outcome(execution, self._run(execution)))
            except Exception as error:
                self._errors.append(error)
            finally:
                self._lanes.done(execution)
            if self._outbox.is_full or self._lanes.is_quiet:
                self._has_ended.set()
            if self._intake.is_low:
                self._is_low.set()

    def _came_to(self) -> Round:
        came_to = Round(skipped=self._intake.skipped, given_back=self._intake.given_back)
        came_to.errors = [*self._errors, *self._intake.errors, *self._outbox.errors]
        came_to.lost = self._outbox.lost
        came_to.retried = self._outbox.retried
        came_to.verdicts = self._outbox.verdicts
        return came_to
