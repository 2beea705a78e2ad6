"""Two callers at once, each with a session of its own, on a job that both can see. See ADR 15."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from repositories.contracts.trials import Workshop
from repositories.errors import Conflict
from services.trial_calls import ADVANCE, CHECK, END, Calls, CaseOver, Findings, is_to_be_repeated
from services.trial_cases import DONE, FIRST, FOURTH, SECOND, THIRD

HOLD_SECONDS = 0.5
"""How long the first caller stays in its transaction, for the second to run into it."""
LONGEST_WAIT_SECONDS = 30.0
TRIES = 3

Ask = Callable[[Calls], Sequence[object] | None]


def run_a_whole_job_at_once(
    workshop: Workshop, arguments: int, findings: Findings, *, hold_seconds: float = HOLD_SECONDS
) -> None:
    """Both stages, with two callers at each step; the job is removed whatever happens."""
    race = Race(workshop, arguments, findings, hold_seconds)
    with race.job():
        race.end_tasks("two last tasks of a stage at once", FIRST, SECOND, stage=1)
        race.advance("two callers who advance one job at once", 1, is_final=False)
        race.add_stage(THIRD, FOURTH)
        race.end_tasks("two last tasks of the final stage at once", THIRD, FOURTH, stage=2)
        race.check("after two last tasks at once")
        race.advance("two callers who finish one job at once", 2, is_final=True)


class Race:
    def __init__(
        self, workshop: Workshop, arguments: int, findings: Findings, hold_seconds: float
    ) -> None:
        self._workshop, self._arguments, self._findings = workshop, arguments, findings
        self._hold_seconds = hold_seconds

    @contextmanager
    def job(self) -> Iterator[None]:
        """A job with two tasks under way, as if workers had taken them: none will take them now."""
        try:
            with self._calls() as calls:
                calls.add_job(stage=1, total_stages=2)
                calls.add_task(FIRST, stage=1)
                calls.add_task(SECOND, stage=1)
            yield
        finally:
            self._remove()

    def add_stage(self, *task_ids: str) -> None:
        with self._calls() as calls:
            for task_id in task_ids:
                calls.add_task(task_id, stage=2)

    def end_tasks(self, situation: str, first: str, second: str, *, stage: int) -> None:
        answers = self._both(
            lambda calls: calls.end_task(situation, first, stage=stage),
            lambda calls: calls.end_task(situation, second, stage=stage),
        )
        lasts = sum(bool(answer and answer[1]) for answer in answers)
        if lasts != 1:
            who = "both are" if lasts else "neither is"
            self._findings.blame(END, situation, f"{who} told to be the last: {_effect(lasts)}")
            raise CaseOver

    def advance(self, situation: str, stage: int, *, is_final: bool) -> None:
        answers = self._both(*[lambda calls: calls.advance(situation, stage)] * 2)
        moved = sum(bool(answer and answer[0]) for answer in answers)
        if moved != 1:
            who = "both are" if moved else "neither is"
            self._findings.blame(ADVANCE, situation, f"{who} told to have moved the job on")
            raise CaseOver
        with self._calls() as calls:
            calls.expect_job(
                situation,
                stage=None if is_final else 2,
                statuses=DONE if is_final else ("processing",),
            )

    def check(self, situation: str) -> None:
        with self._calls() as calls:
            answer = calls.check(situation)
        if answer is not None and not answer[0]:
            self._findings.blame(CHECK, situation, "job_complete is false")

    def _both(self, first: Ask, second: Ask) -> Sequence[Sequence[object] | None]:
        """The second asks while the first has its answer and has not committed."""
        order = Order()
        with ThreadPoolExecutor(2) as threads:
            asked = [
                threads.submit(self._ask_first, first, order),
                threads.submit(self._ask_second, second, order),
            ]
            return [one.result() for one in asked]

    def _ask_first(self, ask: Ask, order: "Order") -> Sequence[object] | None:
        try:
            with self._calls() as calls:
                answer = ask(calls)
                order.first_answered.set()
                if order.second_asks.wait(LONGEST_WAIT_SECONDS):
                    order.second_answered.wait(self._hold_seconds)
                return answer
        finally:
            order.first_answered.set()

    def _ask_second(self, ask: Ask, order: "Order") -> Sequence[object] | None:
        """As callers in the field do: asked again where the two were in each other's way."""
        for attempt in range(TRIES):
            try:
                with self._calls() as calls:
                    calls.wake()
                    order.first_answered.wait(LONGEST_WAIT_SECONDS)
                    order.second_asks.set()
                    answer = ask(calls)
                    order.second_answered.set()
                    return answer
            except Conflict as error:
                if attempt + 1 == TRIES or not is_to_be_repeated(error):
                    raise
            finally:
                order.second_asks.set()
                order.second_answered.set()
        return None

    @contextmanager
    def _calls(self) -> Iterator[Calls]:
        with self._workshop.kept(self._arguments) as trials:
            trials.use_path(is_own=True)
            yield Calls(trials, self._findings)

    def _remove(self) -> None:
        with self._workshop.kept(self._arguments) as trials:
            trials.remove()


class Order:
    """Who has come how far."""

    def __init__(self) -> None:
        self.first_answered = threading.Event()
        self.second_asks = threading.Event()
        self.second_answered = threading.Event()


def _effect(lasts: int) -> str:
    return "the job is moved on twice" if lasts else "nobody moves the job on, and it hangs"
