"""Calling the three functions, comparing what they answer, and noting what was wrong."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from repositories.contracts.databases import Row
from repositories.contracts.trials import Trials
from repositories.errors import (
    BadStatement,
    Conflict,
    NotAllowed,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from services.stopwatch import Stopwatch

END = "complete_task_and_check_stage"
ADVANCE = "advance_job_stage"
CHECK = "check_job_completion"
ANSWERS = {
    END: ("task_updated", "is_last_task_in_stage", "job_id", "stage_number", "remaining_tasks"),
    ADVANCE: ("job_updated", "new_stage", "is_final_stage"),
    CHECK: ("job_complete", "final_stage", "total_tasks", "completed_tasks", "task_results"),
}
RESULT = '{"rows": 2}'
NOT_FOUND = "it names a table, column or function that is not found"
BREAKS_A_CHECK = "it breaks a check of the table (stage <= total_stages, say)"
MEANINGS = {
    "42804": "what its body gives has another type than it declares (a count is bigint, say)",
    "42P13": "what its body gives has another type than it declares",
    "23514": BREAKS_A_CHECK,
    "547": BREAKS_A_CHECK,
    "42P01": NOT_FOUND,
    "42703": NOT_FOUND,
    "42883": NOT_FOUND,
    "3F000": NOT_FOUND,
    "207": NOT_FOUND,
    "208": NOT_FOUND,
    "2812": NOT_FOUND,
}


class CaseOver(Exception):
    """The case cannot go on: what follows would only repeat the fault."""


class NotRun(Exception):
    """The rows for a case cannot be made; the message says why."""


class RowsNotMade(NotRun):
    """The tables refuse what they are given."""


@dataclass(slots=True)
class Findings:
    """What is known of the functions so far, by their names."""

    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def blame(self, name: str, situation: str, what: str) -> None:
        fault = f"{situation}: {what}"
        if fault not in self.faults[name]:
            self.faults[name].append(fault)


class Calls:
    """One session's calls. A function that fails ends the case: its transaction is lost."""

    def __init__(self, trials: Trials, findings: Findings) -> None:
        self._trials, self._findings = trials, findings
        self._stages: dict[str, int] = {}

    @property
    def job_id(self) -> str:
        return self._trials.job_id

    def blame(self, name: str, situation: str, what: str) -> None:
        self._findings.blame(name, situation, what)

    def wake(self) -> None:
        """Have the session ask something: where a transaction sees one moment, it is this one."""
        self._trials.find_job()

    def add_job(self, *, stage: int, total_stages: int) -> None:
        try:
            self._trials.add_job(stage=stage, total_stages=total_stages)
        except StorageError as error:
            _give_up(error)

    def add_task(self, task_id: str, *, stage: int, status: str = "processing") -> None:
        self._stages[task_id] = stage
        try:
            self._trials.add_task(task_id, stage=stage, status=status)
        except StorageError as error:
            _give_up(error)

    def end_task(
        self,
        situation: str,
        task_id: str,
        *,
        wanted: Sequence[object] = (),
        error: str | None = None,
        stage: int | None = None,
    ) -> Sequence[object] | None:
        known_stage = stage or self._stages[task_id]
        with self._called(END, situation):
            answer = self._trials.end_task(
                task_id, stage=known_stage, result=None if error else RESULT, error=error
            )
        return self._compared(END, situation, answer, wanted)

    def advance(
        self, situation: str, stage: int, *, wanted: Sequence[object] = ()
    ) -> Sequence[object] | None:
        with self._called(ADVANCE, situation):
            answer = self._trials.advance(self.job_id, stage=stage, result=RESULT)
        return self._compared(ADVANCE, situation, answer, wanted)

    def check(self, situation: str, *, wanted: Sequence[object] = ()) -> Sequence[object] | None:
        with self._called(CHECK, situation):
            answer = self._trials.check(self.job_id)
        return self._compared(CHECK, situation, answer, wanted)

    def expect_task(
        self, situation: str, task_id: str, status: str, *, error: str | None = None
    ) -> None:
        task = self._trials.find_task(task_id) or {}
        if task.get("status") != status:
            self.blame(END, situation, f"the task is {task.get('status')} then, not {status}")
        elif error is not None and error not in (task["error_details"] or ""):
            self.blame(END, situation, "the error's text is not kept with the task")

    def expect_job(
        self,
        situation: str,
        *,
        stage: int | None,
        statuses: Sequence[str],
        results: str | None = None,
    ) -> None:
        """`results` is the number, as text, of a stage whose results must be there."""
        job = self._trials.find_job() or {}
        if stage is not None and job.get("stage") != stage:
            self.blame(ADVANCE, situation, f"the job stands at stage {job.get('stage')} then")
        if job.get("status") not in statuses:
            self.blame(
                ADVANCE, situation, f"the job is {job.get('status')} then, not {statuses[0]}"
            )
        if results is not None and _lacks_results(job, results):
            self.blame(ADVANCE, situation, f'stage_results have nothing under "{results}"')

    def _called(self, name: str, situation: str) -> "_Call":
        return _Call(self._findings, name, situation)

    def _compared(
        self,
        name: str,
        situation: str,
        answer: Sequence[object] | None,
        wanted: Sequence[object],
    ) -> Sequence[object] | None:
        """None of `wanted` is anything. Answers that are not comparable end the case."""
        columns = ANSWERS[name]
        if answer is None or len(answer) != len(columns):
            got = "no row" if answer is None else f"{len(answer)} values"
            self.blame(name, situation, f"it gives {got} instead of {', '.join(columns)}")
            raise CaseOver
        wrong = [
            f"{column} is {_shown(given)} instead of {_shown(due)}"
            for column, given, due in zip(columns, answer, wanted, strict=False)
            if due is not None and given != due
        ]
        if wrong:
            self.blame(name, situation, ", ".join(wrong))
        return answer


class _Call:
    """Around one call: its time, and what it fails with."""

    def __init__(self, findings: Findings, name: str, situation: str) -> None:
        self._findings, self._name, self._situation = findings, name, situation

    def __enter__(self) -> None:
        self._watch = Stopwatch.start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._findings.milliseconds[self._name].append(self._watch.elapsed_ms)
        elif isinstance(error, NotAllowed):
            raise NotRun("this login may not call it, or not change what it changes") from error
        elif isinstance(error, StorageError) and not _is_none_of_its_doing(error):
            self._findings.blame(self._name, self._situation, describe_failure(error))
            raise CaseOver from error


def is_to_be_repeated(error: StorageError) -> bool:
    """Two callers were in each other's way, and one has to ask again."""
    code = (error.code or "").partition(" ")[0]
    return isinstance(error, Conflict) and code in {"40001", "40P01", "1205", "3960"}


def _is_none_of_its_doing(error: StorageError) -> bool:
    return isinstance(error, Unavailable) or is_to_be_repeated(error)


def describe_failure(error: StorageError) -> str:
    if isinstance(error, StatementTimeout):
        return "it does not end in time"
    code = error.code or "without a code"
    meaning = MEANINGS.get(code.partition(" ")[0])
    return f"it fails with {code}" + (f": {meaning}" if meaning else "")


def _give_up(error: StorageError) -> NoReturn:
    if isinstance(error, NotAllowed):
        raise NotRun("this login may not add rows to the tables") from error
    if isinstance(error, Conflict | BadStatement):
        raise RowsNotMade(f"rows for it cannot be made: {error.code or error}") from error
    raise error


def _lacks_results(job: Row, stage: str) -> bool:
    results = job.get("stage_results")
    return isinstance(results, str) and f'"{stage}"' not in results


def _shown(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value).lower() if isinstance(value, bool) else str(value)
