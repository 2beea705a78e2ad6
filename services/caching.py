"""Answers that are dear to compute, kept for a few seconds in this process."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from cachetools import TTLCache

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aged(Generic[T]):
    """A value, and how many seconds ago it was computed."""

    value: T
    age_seconds: float


@dataclass(frozen=True, slots=True)
class _Computed:
    value: Any
    started: float
    kept: bool


class _Turn:
    """Whose turn it is to compute one key; gone with the last who waits for it."""

    def __init__(self) -> None:
        self.lock = Lock()


class Cache:
    """One computation at a time for one key; others who ask for it meanwhile wait for its value.

    A computation that fails is not kept. A value that `keep` refuses is only for those who had
    asked before its computation began. A value is as old as the beginning of its computation. At
    most `size` values are kept.
    """

    def __init__(
        self, seconds: float, *, size: int = 256, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._values: TTLCache[Hashable, _Computed] = TTLCache(size, seconds, timer=clock)
        self._computing: WeakValueDictionary[Hashable, _Turn] = WeakValueDictionary()
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
            turn = self._computing.setdefault(key, _Turn())
        with turn.lock:
            found = self._find(key)
            if found and (found.started >= asked or (found.kept and not fresh)):
                return Aged(found.value, max(self._clock() - found.started, 0.0))
            started = self._clock()
            value = compute()
            with self._guard:
                self._values[key] = _Computed(value, started, keep(value))
            return Aged(value, 0.0)

    def _find(self, key: Hashable) -> _Computed | None:
        with self._guard:
            found: _Computed | None = self._values.get(key)
            return found
