"""The limits of host.json on HTTP requests, with the meaning that the real host gives them."""

import asyncio

from devhost.settings import UNBOUNDED


class TooMany(Exception):
    """The request is to be answered with 429."""


class Throttle:
    """At most `concurrent` requests run, others wait; at most `outstanding` run or wait.

    A request has its turn for as long as it is in the `async with` block.
    """

    def __init__(self, concurrent: int, outstanding: int) -> None:
        self._turns = None if concurrent == UNBOUNDED else asyncio.Semaphore(concurrent)
        self._limit = outstanding
        self._present = 0

    @property
    def enabled(self) -> bool:
        return self._turns is not None or self._limit != UNBOUNDED

    async def __aenter__(self) -> None:
        """Waits for a turn. Raises TooMany at once where there is no room to wait in."""
        if self._limit != UNBOUNDED and self._present >= self._limit:
            raise TooMany
        self._present += 1
        if self._turns is not None:
            try:
                await self._turns.acquire()
            except BaseException:
                self._present -= 1
                raise

    async def __aexit__(self, *failure: object) -> None:
        self._present -= 1
        if self._turns is not None:
            self._turns.release()
