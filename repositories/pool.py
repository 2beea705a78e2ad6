"""A bounded pool of connections that are known to live; who opens one hears a refusal at once."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Lock
from typing import Generic, Protocol, TypeVar

from repositories.contracts.databases import PoolUse
from repositories.errors import Busy

PATIENCE_SECONDS = 5.0
SURE_SECONDS = 1.0
MAX_LIFETIME_SECONDS = 1800.0
MAX_IDLE_SECONDS = 300.0


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


@dataclass(slots=True, eq=False)
class Loan(Generic[C]):
    """A connection while it is used.

    `doubtful` has it looked at before the next one gets it; `is_last` has it closed instead.
    """

    connection: C
    made_at: float
    idle_since: float
    doubtful: bool = False
    is_last: bool = False


class Pool(Generic[C]):
    """At most `size` connections, opened by who needs one and finds none.

    `is_alive` makes a connection ready for the next user, or says that it cannot be.
    """

    def __init__(
        self,
        open_connection: Callable[[], C],
        *,
        size: int,
        is_alive: Callable[[C], bool],
        patience_seconds: float = PATIENCE_SECONDS,
        max_idle_seconds: float = MAX_IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._is_alive = open_connection, is_alive
        self._patience, self._max_idle, self._clock = patience_seconds, max_idle_seconds, clock
        self._size, self._lock = size, Lock()
        self._free, self._waiting = Condition(self._lock), 0
        self._idle: deque[Loan[C]] = deque()
        self._in_use = 0
        self._is_closed = False

    @contextmanager
    def loan(
        self,
        *,
        patience_seconds: float | None = None,
        open_connection: Callable[[], C] | None = None,
    ) -> Iterator[Loan[C]]:
        """Raises what opening raises, at once, and Busy where all are busy for too long."""
        idle = self._take(patience_seconds)
        try:
            loan = self._fit_one(idle, open_connection or self._open)
        except BaseException:
            self._leave(None)
            raise
        try:
            yield loan
        except BaseException:
            loan.doubtful = True
            raise
        finally:
            self._give_back(loan)

    @contextmanager
    def place(self, *, patience_seconds: float | None = None) -> Iterator[None]:
        """The place of a connection that the caller opens and closes himself."""
        idle = self._take(patience_seconds)
        try:
            if idle is not None:
                idle.connection.close()
            yield
        finally:
            self._leave(None)

    def use(self) -> PoolUse:
        with self._lock:
            return PoolUse(in_use=self._in_use, idle=len(self._idle), size=self._size)

    def close(self) -> None:
        """What is in use is closed when it comes back."""
        self._is_closed = True
        self._drop_idle()

    def close_idle(self) -> None:
        """Close what nobody has used for too long."""
        while (loan := self._too_long_idle()) is not None:
            loan.connection.close()

    def _take(self, patience_seconds: float | None) -> Loan[C] | None:
        """A place, and what was idle last."""
        with self._lock:
            if self._in_use >= self._size:
                self._wait(self._patience if patience_seconds is None else patience_seconds)
            self._in_use += 1
            return self._idle.pop() if self._idle else None

    def _wait(self, seconds: float) -> None:
        self._waiting += 1
        try:
            if not self._free.wait_for(lambda: self._in_use < self._size, seconds):
                raise Busy
        finally:
            self._waiting -= 1

    def _leave(self, loan: Loan[C] | None) -> Loan[C] | None:
        """Give the place to the next one, and get what has been idle for too long."""
        with self._lock:
            self._in_use -= 1
            if loan is not None:
                self._idle.append(loan)
            if self._waiting:
                self._free.notify()
            return self._oldest_idle()

    def _fit_one(self, loan: Loan[C] | None, open_connection: Callable[[], C]) -> Loan[C]:
        while loan is not None:
            if self._is_fit(loan):
                return loan
            loan.connection.close()
            loan = self._newest_idle()
        now = self._clock()
        return Loan(open_connection(), now, now)

    def _newest_idle(self) -> Loan[C] | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _too_long_idle(self) -> Loan[C] | None:
        with self._lock:
            return self._oldest_idle()

    def _oldest_idle(self) -> Loan[C] | None:
        is_old = bool(self._idle) and self._is_too_old(self._idle[0])
        return self._idle.popleft() if is_old else None

    def _is_fit(self, loan: Loan[C]) -> bool:
        if self._is_too_old(loan):
            return False
        idle_seconds = self._clock() - loan.idle_since
        return idle_seconds < SURE_SECONDS or self._is_alive(loan.connection)

    def _is_too_old(self, loan: Loan[C]) -> bool:
        now = self._clock()
        return now - loan.made_at > MAX_LIFETIME_SECONDS or now - loan.idle_since > self._max_idle

    def _give_back(self, loan: Loan[C]) -> None:
        """One that has died makes those that lie idle doubtful too: their server went away."""
        has_died = loan.doubtful and not loan.is_last and not self._is_alive(loan.connection)
        if has_died or loan.is_last:
            loan.connection.close()
            old = self._leave(None)
        else:
            loan.doubtful, loan.idle_since = False, self._clock()
            old = self._leave(loan)
        if old is not None:
            old.connection.close()
        if has_died or self._is_closed:
            self._drop_idle()

    def _drop_idle(self) -> None:
        while (loan := self._newest_idle()) is not None:
            loan.connection.close()
