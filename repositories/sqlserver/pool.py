"""A bounded pool of connections that are known to live; who opens one hears a refusal at once."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from repositories.errors import Unavailable

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._is_alive = open_connection, is_alive
        self._patience, self._clock = patience_seconds, clock
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: deque[Loan[C]] = deque()
        self._is_closed = False

    @contextmanager
    def loan(self) -> Iterator[Loan[C]]:
        """Raises what opening raises, at once, and Unavailable where all are busy for too long."""
        if not self._places.acquire(timeout=self._patience):
            raise Unavailable("every connection to the database is busy")
        try:
            with self._lent() as loan:
                yield loan
        finally:
            self._places.release()

    def close(self) -> None:
        """What is in use is closed when it comes back."""
        self._is_closed = True
        self._drop_idle()

    @contextmanager
    def _lent(self) -> Iterator[Loan[C]]:
        loan = self._take()
        try:
            yield loan
        except BaseException:
            loan.doubtful = True
            raise
        finally:
            self._give_back(loan)

    def _take(self) -> Loan[C]:
        while (loan := self._newest_idle()) is not None:
            if self._is_fit(loan):
                return loan
            loan.connection.close()
        now = self._clock()
        return Loan(self._open(), now, now)

    def _newest_idle(self) -> Loan[C] | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _is_fit(self, loan: Loan[C]) -> bool:
        if self._is_too_old(loan):
            return False
        idle_seconds = self._clock() - loan.idle_since
        return idle_seconds < SURE_SECONDS or self._is_alive(loan.connection)

    def _is_too_old(self, loan: Loan[C]) -> bool:
        now = self._clock()
        return now - loan.made_at > MAX_LIFETIME_SECONDS or now - loan.idle_since > MAX_IDLE_SECONDS

    def _give_back(self, loan: Loan[C]) -> None:
        """One that has died makes those that lie idle doubtful too: their server went away."""
        if loan.doubtful and not self._is_alive(loan.connection):
            loan.connection.close()
            self._drop_idle()
            return
        if self._is_closed or loan.is_last:
            loan.connection.close()
            return
        loan.doubtful, loan.idle_since = False, self._clock()
        with self._lock:
            self._idle.append(loan)
            oldest = self._idle.popleft() if self._is_too_old(self._idle[0]) else None
        if oldest is not None:
            oldest.connection.close()

    def _drop_idle(self) -> None:
        while (loan := self._newest_idle()) is not None:
            loan.connection.close()
