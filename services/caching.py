"""Answers that are dear to compute, kept for a few seconds in this process."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from cachetools import TTLCache

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aged(Generic[T]):
    """A value, and how many seconds ago it was computed."""

    value: T
    age_seconds: float


class Cache:
    """One computation at a time for one key; others who ask for it meanwhile wait for its value.

    A computation that fails is not kept, nor is a value that `keep` refuses.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: TTLCache[Hashable, tuple[float, Any]] = TTLCache(256, seconds, timer=clock)
        self._computing: dict[Hashable, Lock] = {}
        self._guard = Lock()

    def get(
        self,
        key: Hashable,
        compute: Callable[[], T],
        *,
        fresh: bool = False,
        keep: Callable[[T], bool] = lambda _: True,
    ) -> Aged[T]:
        asked = self._clock()
        with self._guard:
            lock = self._computing.setdefault(key, Lock())
        with lock:
            if (found := self._find(key)) and (not fresh or found[0] >= asked):
                return Aged(found[1], max(self._clock() - found[0], 0.0))
            value = compute()
            if keep(value):
                with self._guard:
                    self._values[key] = (self._clock(), value)
            return Aged(value, 0.0)

    def _find(self, key: Hashable) -> tuple[float, Any] | None:
        with self._guard:
            found: tuple[float, Any] | None = self._values.get(key)
            return found
