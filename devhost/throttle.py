"""The limits of host.json on HTTP requests, with the meaning that the real host gives them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from devhost.settings import UNBOUNDED


class TooMany(Exception):
    """The request is to be answered with 429."""


class Throttle:
    """At most `concurrent` requests run, others wait; at most `outstanding` run or wait."""

    def __init__(self, concurrent: int, outstanding: int) -> None:
        self._turns = None if concurrent == UNBOUNDED else asyncio.Semaphore(concurrent)
        self._limit = outstanding
        self._present = 0

    @property
    def enabled(self) -> bool:
        return self._turns is not None or self._limit != UNBOUNDED

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn. Raises TooMany at once where there is no room to wait in."""
        if self._limit != UNBOUNDED and self._present >= self._limit:
            raise TooMany
        self._present += 1
        try:
            if self._turns is None:
                yield
            else:
                async with self._turns:
                    yield
        finally:
            self._present -= 1
