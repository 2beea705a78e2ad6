"""Waiting for a driver, but not for ever."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

from repositories.errors import StorageError, Unavailable

T = TypeVar("T")


def wait_for(
    work: Callable[[], T],
    *,
    seconds: float,
    late: type[StorageError],
    discard: Callable[[T], object] | None = None,
    begun: Event | None = None,
    seconds_before: float = 0,
) -> T:
    """What `work` returns or raises; `late` where that takes too long.

    For drivers that wait for a server's consent before they give up, which one that stands still
    never gives. Such a wait goes on in a thread of its own. Nobody hears what it comes to;
    `discard` is given what it returns. Where `work` says by `begun` that the time counts from now
    on, Unavailable after `seconds_before` without that.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)
        finally:
            if begun is not None:
                begun.set()

    Thread(target=run, name="target", daemon=True).start()
    if begun is not None and not begun.wait(seconds_before):
        raise Unavailable
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if discard is not None:
            outcome.add_done_callback(lambda done: done.exception() or discard(done.result()))
        raise late from None
