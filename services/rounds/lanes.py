"""Who may start next: so many at once for the process, so many for each connection.

An execution that has gone on for half a second counts no more against the process, only against
its connection, and what starts there meanwhile does not either, and starts after all others. So
a target that hangs holds up its own KPIs and nobody else's. Nor does one where more is due than it
can do: where something has waited for a second, nothing more is taken for a while.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from threading import Condition

from repositories.records.executions import Execution

SLOW_SECONDS = 0.5
BEHIND_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 5.0


@dataclass(slots=True)
class _Lane:
    """What is to run on one connection with the time that it was taken, and how many run there."""

    name: str
    limit: int = 1
    waiting: deque[tuple[float, Execution]] = field(default_factory=deque)
    running: int = 0
    slow: int = 0
    is_behind: bool = False

    @property
    def is_free(self) -> bool:
        return bool(self.waiting) and self.running < self.limit

    @property
    def has_enough(self) -> bool:
        is_full = bool(self.waiting) or self.running >= self.limit
        return self.is_behind or (self.slow > 0 and is_full)

    @property
    def is_doubtful(self) -> bool:
        """What waits here may wait for long."""
        return self.is_behind or self.slow > 0

    def waits_since(self, now: float) -> float:
        return self.waiting[0][0] if self.waiting else now


@dataclass(slots=True)
class _Run:
    lane: _Lane
    started_at: float
    is_slow: bool = False


class Lanes:
    """Shared by the threads that run executions and the one that takes and stores them.

    One for a process, from round to round: what outlives its round stays known as slow. `clock` is
    monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limit = self._opening = 0
        self._closed = True
        self._changed = Condition()
        self._lanes: dict[str, _Lane] = {}
        self._free: dict[str, None] = {}  # an ordered set: connections take turns
        self._doubtful: dict[str, None] = {}  # those of them where something is slow
        self._runs: dict[tuple[str, int], _Run] = {}
        self.waiting = self.started = 0
        self._waiting_in_doubt = 0
        self._counted = self._idle = 0

    def open(self, limit: int) -> int:
        """For a round, in which `limit` may run at once; its threads ask `next` with the answer."""
        with self._changed:
            self._limit, self._closed = limit, False
            self._opening += 1
            return self._opening

    def add(self, executions: Iterable[Execution]) -> None:
        now = self._clock()
        with self._changed:
            for execution in executions:
                self._put(execution, now)
            self._changed.notify_all()

    def next(self, opening: int) -> Execution | None:
        """Waits for the next that may start.

        None where nothing will come any more, or where more threads ask than may run.
        """
        with self._changed:
            self._idle += 1
            try:
                while opening == self._opening:
                    if queue := self._startable():
                        return self._start(queue)
                    if self._closed or self._counted >= self._limit:
                        return None
                    self._changed.wait()
                return None
            finally:
                self._idle -= 1

    def done(self, execution: Execution) -> None:
        with self._changed:
            run = self._runs.pop(_key(execution))
            run.lane.running -= 1
            if run.is_slow:
                self._note(run.lane, slow=run.lane.slow - 1)
            else:
                self._counted -= 1
            self._queue(run.lane)
            self._changed.notify()

    def overlook_slow(self) -> int:
        """Count no more what has gone on or waited for long; how many of the former there are."""
        now = self._clock()
        with self._changed:
            for lane in self._lanes.values():
                is_behind = lane.waits_since(now) < now - BEHIND_SECONDS
                if is_behind is not lane.is_behind:
                    self._note(lane, is_behind=is_behind)
            found = [
                one
                for one in self._runs.values()
                if not one.is_slow and one.started_at < now - SLOW_SECONDS
            ]
            for run in found:
                run.is_slow = True
                self._counted -= 1
                self._note(run.lane, slow=run.lane.slow + 1)
            return len(found)

    @property
    def missing(self) -> int:
        """How many threads more what waits may have."""
        with self._changed:
            return min(self._limit - self._counted, self.waiting) - self._idle

    def supplied(self) -> Collection[str]:
        """The connections that nothing more is to be taken for: what there is waits already."""
        with self._changed:
            return [name for name, lane in self._lanes.items() if lane.has_enough]

    def withdraw(self, *, waited_for: float = LONGEST_WAIT_SECONDS) -> list[Execution]:
        """What has waited for so many seconds, and is for whoever can run it sooner."""
        late = self._clock() - waited_for
        withdrawn = []
        with self._changed:
            for lane in self._lanes.values():
                while lane.waiting and lane.waiting[0][0] <= late:
                    withdrawn.append(self._take(lane))
                self._queue(lane)
        return withdrawn

    def close(self) -> None:
        """Nothing will be added any more, until it is opened for the next round."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def running(self) -> int:
        return len(self._runs)

    @property
    def is_empty(self) -> bool:
        return not self._runs and not self.waiting

    @property
    def is_quiet(self) -> bool:
        """Nothing runs, or waits, but where it may take long."""
        return not self._counted and not self.waiting_elsewhere

    @property
    def waiting_elsewhere(self) -> int:
        """How much waits where it does not wait for long."""
        return self.waiting - self._waiting_in_doubt

    def _put(self, execution: Execution, now: float) -> None:
        connection = execution.check.connection
        name = connection.connection_id
        lane = self._lanes.setdefault(name, _Lane(name))
        lane.limit = connection.max_parallel
        lane.waiting.append((now, execution))
        self.waiting += 1
        self._waiting_in_doubt += lane.is_doubtful
        self._queue(lane)

    def _take(self, lane: _Lane) -> Execution:
        self.waiting -= 1
        self._waiting_in_doubt -= lane.is_doubtful
        return lane.waiting.popleft()[1]

    def _startable(self) -> dict[str, None]:
        if not self._free:
            return self._doubtful
        return self._free if self._counted < self._limit else {}

    def _start(self, queue: dict[str, None]) -> Execution:
        lane = self._lanes[next(iter(queue))]
        del queue[lane.name]
        execution = self._take(lane)
        lane.running += 1
        run = _Run(lane, self._clock(), is_slow=lane.slow > 0)
        if run.is_slow:
            lane.slow += 1
        else:
            self._counted += 1
        self._queue(lane)
        self.started += 1
        self._runs[_key(execution)] = run
        return execution

    def _queue(self, lane: _Lane) -> None:
        """Where it belongs among those that may start, if it may: its old place if it has one."""
        ours, other = (self._doubtful, self._free) if lane.slow else (self._free, self._doubtful)
        other.pop(lane.name, None)
        if lane.is_free:
            ours.setdefault(lane.name)
        else:
            ours.pop(lane.name, None)

    def _note(self, lane: _Lane, *, slow: int | None = None, is_behind: bool | None = None) -> None:
        before = lane.is_doubtful
        lane.slow = lane.slow if slow is None else slow
        lane.is_behind = lane.is_behind if is_behind is None else is_behind
        self._waiting_in_doubt += len(lane.waiting) * (lane.is_doubtful - before)
        self._queue(lane)


def _key(execution: Execution) -> tuple[str, int]:
    """Of a job whose lease has ended another attempt may be under way beside it."""
    return execution.job_id, execution.attempts
