"""A value built once, on first use, safely under the worker's thread pool."""

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """A build that fails is tried again at the next call."""

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = Lock()
        self._value: T | None = None

    @property
    def is_built(self) -> bool:
        return self._value is not None

    def __call__(self) -> T:
        if self._value is None:
            with self._lock:
                if self._value is None:
                    self._value = self._build()
        return self._value


async def built(value: Callable[[], T]) -> T:
    """Of a Lazy that is yet to be built, without holding up the event loop."""
    if isinstance(value, Lazy) and not value.is_built:
        return await asyncio.to_thread(value)
    return value()
