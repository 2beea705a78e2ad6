"""Doing for many what each asks for, in one go: what came during one batch is the next."""

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST = 100
MOST_BATCHES = 4
LATE_SECONDS = 0.05


@dataclass(slots=True, eq=False)
class _Caller(Generic[Asked, Answer]):
    """Somebody who waits since then, by the clock of the event loop."""

    asked: Asked
    since: float
    answer: "Future[Answer]"


class Gathering(Generic[Asked, Answer]):
    """Acts, on a thread, for all who have asked; to be asked on one event loop.

    `act` gives an answer to each in their order. A caller alone does not wait for others to come:
    they are gathered while a batch is under way. One that is late is not waited for: up to four go
    on side by side. Of those with one `key` a batch has the first, the next has the next. Where
    acting fails, those get the error, too, who have waited for that batch to make room for theirs.
    """

    def __init__(
        self,
        act: Callable[[Sequence[Asked]], Sequence[Answer]],
        *,
        key: Callable[[Asked], Hashable],
        most: int = MOST,
    ) -> None:
        self._act, self._key, self._most = act, key, most
        self._waiting: list[_Caller[Asked, Answer]] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._began_at = float("-inf")

    async def ask(self, asked: Asked) -> Answer:
        loop = asyncio.get_running_loop()
        caller: _Caller[Asked, Answer] = _Caller(asked, loop.time(), loop.create_future())
        self._waiting.append(caller)
        self._begin(loop)
        return await caller.answer

    def _begin(self, loop: AbstractEventLoop) -> None:
        """Make a batch of those who wait, unless one is under way that should end in a moment."""
        is_late = loop.time() >= self._began_at + LATE_SECONDS
        has_room = not self._batches or (is_late and len(self._batches) < MOST_BATCHES)
        if not (self._waiting and has_room):
            return
        self._began_at = loop.time()
        batch = loop.create_task(self._act_for(self._take_batch()))
        self._batches.add(batch)
        batch.add_done_callback(self._batches.discard)
        batch.add_done_callback(lambda _: self._begin(loop))
        loop.call_later(LATE_SECONDS, self._begin, loop)

    async def _act_for(self, batch: Sequence[_Caller[Asked, Answer]]) -> None:
        try:
            answers = await asyncio.to_thread(self._act, [caller.asked for caller in batch])
            pairs = [*zip(batch, answers, strict=True)]
        except Exception as error:
            for caller in (*batch, *self._take_stuck()):
                if not caller.answer.done():
                    caller.answer.set_exception(error)
            return
        for caller, answer in pairs:
            if not caller.answer.done():
                caller.answer.set_result(answer)

    def _take_batch(self) -> list[_Caller[Asked, Answer]]:
        batch: dict[Hashable, _Caller[Asked, Answer]] = {}
        left = []
        for caller in self._waiting:
            key = self._key(caller.asked)
            if key in batch or len(batch) == self._most:
                left.append(caller)
            else:
                batch[key] = caller
        self._waiting = left
        return [*batch.values()]

    def _take_stuck(self) -> list[_Caller[Asked, Answer]]:
        """Those for whom there was no room although the batches were late."""
        late = asyncio.get_running_loop().time() - LATE_SECONDS
        stuck = [caller for caller in self._waiting if caller.since < late]
        self._waiting = [caller for caller in self._waiting if caller.since >= late]
        return stuck
