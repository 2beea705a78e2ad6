"""Waiting for a driver, but not for ever."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from repositories.errors import StorageError

T = TypeVar("T")


def wait_for(work: Callable[[], T], *, seconds: float, late: type[StorageError]) -> T:
    """What `work` returns or raises; `late` where that takes too long.

    For drivers that wait for a server's consent before they give up, which one that stands still
    never gives. Such a wait goes on in a thread of its own, and nobody hears what it comes to.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, name="target", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        raise late from None
