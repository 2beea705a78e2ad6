"""Whether the three functions that move jobs on do what they must: they are tried."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from repositories.contracts.trials import Workshop
from repositories.records.jobs import Routine
from services.caching import Aged, Cache
from services.errors import Busy
from services.stopwatch import Stopwatch
from services.trial_calls import ADVANCE, CHECK, END, Calls, CaseOver, Findings, NotRun, RowsNotMade
from services.trial_cases import ALONE, Case, run_a_whole_job
from services.trial_races import HOLD_SECONDS, run_a_whole_job_at_once

TAKEN = {END: (3, 5), ADVANCE: (3,), CHECK: (1,)}
"""With how many values each function can be tried."""
ALONE_PART, WHOLE_PART, RACE_PART = "each alone", "whole job", "two callers at once"
RACED = (END, ADVANCE)
CONNECTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedFunction:
    """`correct` is None where not all of it could be tried, and nothing was wrong with the rest.

    `duration_ms` is the median of its calls.
    """

    name: str
    available: bool
    correct: bool | None
    duration_ms: float | None
    faults: Sequence[str]
    not_run: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPart:
    """What was tried; `not_run` says why it was not."""

    name: str
    duration_ms: float | None
    not_run: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTrial:
    """`removed_leftovers` is how many rows of an earlier trial, one that was killed, went first."""

    functions: Sequence[TriedFunction]
    parts: Sequence[TrialPart]
    removed_leftovers: int


class TrialService:
    """`connections` is how many of them the jobs database gives this process at once."""

    def __init__(
        self,
        workshop: Workshop,
        cache: Cache,
        *,
        read_only: bool,
        is_writable: bool,
        connections: int,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self._workshop, self._cache, self._hold_seconds = workshop, cache, hold_seconds
        self._read_only, self._is_writable = read_only, is_writable
        self._connections = connections

    def try_functions(self, *, fresh: bool) -> Aged[FunctionTrial]:
        """Busy where another process tries them at this moment."""
        return self._cache.get("functions", self._try_all, fresh=fresh)

    def remove_leftovers(self) -> int:
        """Rows that a killed trial left behind; none while one goes on."""
        if self._read_only or not self._is_writable:
            return 0
        with self._workshop.lock() as held:
            return self._sweep() if held else 0

    def _try_all(self) -> FunctionTrial:
        routines = self._workshop.routines()
        trial = Trial(self._workshop, routines)
        reason = self._reason_against_any()
        if reason is not None:
            return trial.report(dict.fromkeys((ALONE_PART, WHOLE_PART, RACE_PART), reason))
        with self._workshop.lock() as held:
            if not held:
                raise Busy("the functions are being tried by somebody else: ask again in a minute")
            removed = self._sweep() if self._is_writable else 0
            trial.run(self._reason_against_races(), self._hold_seconds)
            return trial.report({}, removed)

    def _reason_against_any(self) -> str | None:
        missing = self._workshop.missing_columns()
        if self._read_only:
            return "READ_ONLY is on"
        if missing:
            return f"the tables have no {', '.join(missing)}"
        if self._connections < CONNECTIONS:
            return (
                f"it takes {CONNECTIONS} connections: PYTHON_THREADPOOL_THREAD_COUNT allows fewer"
            )
        return None

    def _reason_against_races(self) -> str | None:
        return None if self._is_writable else "JOBS_WRITABLE is not true: nothing is committed here"

    def _sweep(self) -> int:
        with self._workshop.kept(TAKEN[END][0]) as trials:
            return trials.remove()


class Trial:
    """One trial of all three."""

    def __init__(self, workshop: Workshop, routines: Sequence[Routine]) -> None:
        self._workshop, self._findings = workshop, Findings()
        self._available = {routine.name for routine in routines}
        self._fitting = {
            name: next((one for one in routines if _fits(one, name)), None) for name in ALONE
        }
        self._signatures = {one.name: one.signature for one in routines}
        ending = self._fitting[END]
        self._arguments = ending.arguments if ending else TAKEN[END][0]
        self._parts: dict[str, TrialPart] = {}

    def run(self, reason_against_races: str | None, hold_seconds: float) -> None:
        self._part(ALONE_PART, self._try_each_alone)
        self._part(WHOLE_PART, self._try_whole_job)
        self._part(RACE_PART, lambda: self._try_at_once(reason_against_races, hold_seconds))

    def report(self, not_run: Mapping[str, str], removed: int = 0) -> FunctionTrial:
        for name, reason in not_run.items():
            self._parts[name] = TrialPart(name=name, duration_ms=None, not_run=reason)
        return FunctionTrial(
            functions=[self._tried(name) for name in ALONE],
            parts=[*self._parts.values()],
            removed_leftovers=removed,
        )

    def _part(self, name: str, run: Callable[[], None]) -> None:
        watch = Stopwatch.start()
        reason = None
        try:
            run()
        except RowsNotMade as refused:
            reason = f"{refused}{self._unfilled()}"
        except NotRun as not_run:
            reason = str(not_run)
        self._parts[name] = TrialPart(
            name=name, duration_ms=None if reason else watch.elapsed_ms, not_run=reason
        )

    def _unfilled(self) -> str:
        columns = self._workshop.unfilled_columns()
        return f"; nobody here knows what to put into {', '.join(columns)}" if columns else ""

    def _try_each_alone(self) -> None:
        for name, cases in ALONE.items():
            if self._fitting[name] is None:
                continue
            for case in cases:
                self._try(case)
            if not self._findings.faults[name]:
                self._try_path(name, cases[0])

    def _try_whole_job(self) -> None:
        self._refuse_unless_sound(ALONE)
        self._try(run_a_whole_job)

    def _try_at_once(self, reason_against: str | None, hold_seconds: float) -> None:
        if reason_against is not None:
            raise NotRun(reason_against)
        self._refuse_unless_sound(ALONE)
        with _until_over():
            run_a_whole_job_at_once(
                self._workshop, self._arguments, self._findings, hold_seconds=hold_seconds
            )

    def _try(self, case: Case) -> None:
        with _until_over(), self._workshop.undone(self._arguments) as trials:
            trials.use_path(is_own=True)
            case(Calls(trials, self._findings))

    def _try_path(self, name: str, case: Case) -> None:
        """The same once more, where names without a schema lead nowhere."""
        elsewhere = Findings()
        with _until_over(), self._workshop.undone(self._arguments) as trials:
            trials.use_path(is_own=False)
            case(Calls(trials, elsewhere))
        for fault in elsewhere.faults[name]:
            self._findings.blame(name, "where the search_path does not name its schema", fault)

    def _refuse_unless_sound(self, names: Mapping[str, object]) -> None:
        """What follows would say the same once more, or hang."""
        missing = [name for name in names if self._fitting[name] is None]
        faulty = [name for name in names if self._findings.faults[name]]
        if missing:
            raise NotRun(f"{', '.join(missing)} cannot be called")
        if faulty:
            raise NotRun(f"{', '.join(faulty)} {'has' if len(faulty) == 1 else 'have'} faults")

    def _tried(self, name: str) -> TriedFunction:
        times, faults = self._findings.milliseconds[name], self._findings.faults[name]
        not_run = [*self._reasons(name)]
        return TriedFunction(
            name=name,
            available=name in self._available,
            correct=False if faults else None if not_run else True,
            duration_ms=round(median(times), 3) if times else None,
            faults=faults,
            not_run=not_run,
        )

    def _reasons(self, name: str) -> Iterator[str]:
        if name not in self._available:
            yield "the schema has no such function"
        elif self._fitting[name] is None:
            yield (
                f"it takes ({self._signatures[name]}), and can be tried with"
                f" {' or '.join(map(str, TAKEN[name]))} values"
            )
        else:
            for part in self._parts.values():
                if part.not_run and (part.name != RACE_PART or name in RACED):
                    yield f"{part.name}: {part.not_run}"


def _fits(routine: Routine, name: str) -> bool:
    return routine.name == name and routine.arguments in TAKEN[name]


@contextmanager
def _until_over() -> Iterator[None]:
    """A case that its function has ended is over, and the next one may begin."""
    try:
        yield
    except CaseOver:
        return
