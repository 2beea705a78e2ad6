"""The threads that sync functions run on."""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final

SETTING: Final = "PYTHON_THREADPOOL_THREAD_COUNT"

Call = Callable[[], object]
Job = tuple[asyncio.AbstractEventLoop, asyncio.Future[object], Call]


def thread_count() -> int:
    """What the worker would take: the setting, or its own default where that is no number."""
    asked = os.environ.get(SETTING, "")
    if asked.isascii() and asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return min(32, (os.cpu_count() or 1) + 4)


class WorkerThreads:
    """At most `count` threads, each made when all others are busy and kept from then on.

    A call runs in the context of its thread, not in a copy of the caller's, so context variables
    leak from one call to the next on the same thread, as they do in the worker. The threads are
    daemons: a function that never ends does not keep the host from ending.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._started = 0
        self._running = 0
        self._jobs: SimpleQueue[Job] = SimpleQueue()

    def run(self, call: Call) -> asyncio.Future[object]:
        """To be called, and its result awaited, on one event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[object] = loop.create_future()
        self._running += 1
        if self._running > self._started and self._started < self._count:
            self._started += 1
            name = f"function-{self._started}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put((loop, future, call))
        return future

    def _work(self) -> None:
        while True:
            loop, future, call = self._jobs.get()
            try:
                outcome: tuple[Any, BaseException | None] = (call(), None)
            except BaseException as error:  # the caller is told of everything, exits included
                outcome = (None, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._finish, future, *outcome)
            del loop, future, call, outcome

    def _finish(
        self, future: asyncio.Future[object], result: object, error: BaseException | None
    ) -> None:
        self._running -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            # A future takes no StopIteration, and lets exits escape into the event loop.
            future.set_exception(error if _is_ordinary(error) else _wrap(error))


def _is_ordinary(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, StopIteration)


def _wrap(error: BaseException) -> RuntimeError:
    wrapped = RuntimeError(f"the function raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped
