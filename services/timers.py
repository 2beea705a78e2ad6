"""The app's own timers: what each run came to, and whether one was missed.

A host only logs a run that it missed; here the store remembers the last one of each timer.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.contracts.store import Store
from repositories.records.processes import JobMetric, JobRuns
from repositories.records.rows import Json
from services import ncrontab
from services.encoding import encode

PREFIX = "timer:"
TOLERANCE = timedelta(seconds=60)
LONGEST_RUN = timedelta(minutes=10)
"""After which the host ends a run: functionTimeout in host.json."""


@dataclass(frozen=True, slots=True)
class TimerState:
    """A timer's last run by any process, when the next one is due, and if that is overdue.

    Nothing is overdue while it runs, since `running_since`. `last_run_at` is when a run ended.
    """

    name: str
    schedule: str
    last_run_at: datetime | None
    running_since: datetime | None
    succeeded: bool | None
    next_due_at: datetime
    missed: bool
    overdue_seconds: float
    failures: int


class TimerService:
    """`schedules` are the NCRONTAB expressions of the app's timers by name; `clock` is in UTC.

    `watch` is told the duration (ms) of each run that went well.
    """

    def __init__(
        self,
        store: Store,
        schedules: Mapping[str, str],
        *,
        clock: Callable[[], datetime],
        watch: Callable[[str, float], object] = lambda job_id, duration_ms: None,
    ) -> None:
        self._store, self._schedules, self._watch = store, schedules, watch
        self._clock = clock
        self._started_at = clock()

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Hold the timer's lock in the store; False where another process is in the same tick."""
        with self._store.lock(PREFIX + name) as held:
            yield held

    def begin(self, name: str) -> None:
        """It runs from now on, until it is recorded or can run no longer."""
        with self._store.single() as work:
            work.metrics.begin(PREFIX + name)

    def record(self, name: str, *, succeeded: bool, duration_ms: float, late: bool) -> None:
        run = JobRuns.one(
            PREFIX + name,
            succeeded=succeeded,
            duration_ms=duration_ms,
            metadata=Json(encode({"late": late}).decode()),
        )
        with self._store.single() as work:
            work.metrics.count([run])
        if succeeded:
            self._watch(run.job_id, duration_ms)

    def states(self) -> list[TimerState]:
        with self._store.read() as work:
            totals = work.metrics.totals(prefix=PREFIX)
        runs = {run.job_id.removeprefix(PREFIX): run for run in totals}
        return [self._state(name, runs.get(name)) for name in sorted(self._schedules)]

    def _state(self, name: str, run: JobMetric | None) -> TimerState:
        last = run.last_execution_at if run else None
        now = run.read_at if run else self._clock()
        schedule = self._schedules[name]
        began = _begun(run) if run else None
        is_running = began is not None and now - began < LONGEST_RUN
        since = now if is_running else began or last or self._started_at
        due = ncrontab.parse(schedule).next_after(since)
        return TimerState(
            name=name,
            schedule=schedule,
            last_run_at=last,
            running_since=began if is_running else None,
            succeeded=run.last_success_at == last if run and last else None,
            next_due_at=due,
            missed=now > due + TOLERANCE,
            overdue_seconds=max((now - due).total_seconds(), 0.0),
            failures=run.failure_count if run else 0,
        )


def _begun(run: JobMetric) -> datetime | None:
    """When the run began that has not ended; its process may be gone."""
    began, ended = run.last_started_at, run.last_execution_at
    return began if began and (ended is None or began > ended) else None
