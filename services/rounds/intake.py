"""How much a round takes, and when: a little ahead of what it runs, and no more."""

from collections.abc import Callable, Sequence

from repositories.errors import StorageError
from repositories.records.executions import Execution
from services.rounds.claims import Claims
from services.rounds.lanes import Lanes

FIRST_AHEAD = 100
MOST_AHEAD = 2000
AHEAD_SECONDS = 0.5
LOOKING_SECONDS = 1.0


class Intake:
    """Keeps the lanes filled with what half a second's work was lately.

    After there was less than it asked for, it asks again in a second, and after a failure too. The
    second failure in a row ends it: what is under way goes on.
    """

    def __init__(
        self, claims: Claims, lanes: Lanes, *, limit: int, clock: Callable[[], float]
    ) -> None:
        self._claims, self._lanes, self._limit, self._clock = claims, lanes, limit, clock
        self._ahead = max(FIRST_AHEAD, limit)
        self._started, self._measured_at = lanes.started, clock()
        self._asks_at = clock()
        self._is_stopped = self._has_failed = False
        self.is_over = False
        self.skipped = self.given_back = 0
        self.errors: list[Exception] = []

    @property
    def is_low(self) -> bool:
        return not self.is_over and self._lanes.waiting_elsewhere <= self._ahead // 2

    def take(self) -> None:
        """Take what is due where little waits, and give back what waits for too long."""
        self._give_back(self._lanes.withdraw())
        now = self._clock()
        self._adjust(now)
        is_early = now < self._asks_at and (self._has_failed or not self._lanes.is_empty)
        if self._is_stopped or is_early or self._lanes.waiting_elsewhere > self._ahead // 2:
            return
        self._take(self._ahead - self._lanes.waiting_elsewhere, now)

    def widen(self) -> None:
        """There is room for more than what was started lately."""
        self._ahead = max(self._ahead, FIRST_AHEAD)
        self._started, self._measured_at = self._lanes.started, self._clock()

    def stop(self) -> None:
        """Nothing more is taken, and what waits is for others."""
        if not self._is_stopped:
            self._is_stopped = self.is_over = True
            self._give_back(self._lanes.withdraw(waited_for=0))

    def _take(self, wanted: int, now: float) -> None:
        try:
            taken = self._claims.take(wanted, busy=self._lanes.supplied())
        except StorageError as error:
            self._fail(error, now)
            return
        self._has_failed = False
        self.skipped += taken.skipped
        self._lanes.add(taken.executions)
        self.is_over = not taken.found
        self._asks_at = now if taken.found >= wanted else now + LOOKING_SECONDS

    def _fail(self, error: StorageError, now: float) -> None:
        if self._has_failed:
            self.errors.append(error)
            self.stop()
        self._has_failed, self._asks_at = True, now + LOOKING_SECONDS

    def _adjust(self, now: float) -> None:
        """As many as were started lately in half a second."""
        started, seconds = self._lanes.started - self._started, now - self._measured_at
        if seconds < AHEAD_SECONDS:
            return
        if started:
            wanted = int(started / seconds * AHEAD_SECONDS)
            self._ahead = min(max(wanted, self._limit + 1), MOST_AHEAD)
        self._started, self._measured_at = self._lanes.started, now

    def _give_back(self, executions: Sequence[Execution]) -> None:
        if not executions:
            return
        try:
            self._claims.give_back(executions)
        except StorageError as error:
            self.errors.append(error)
        self.given_back += len(executions)
