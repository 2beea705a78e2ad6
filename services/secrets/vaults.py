"""Secrets of Azure Key Vault, kept for some minutes in this process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from repositories.errors import NotConfigured, StorageError

KEPT_SECONDS = 300.0
FAILED_SECONDS = 15.0
STALE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Known:
    """What was found, or why nothing was; `read_at` is when the value was."""

    value: str | None
    read_at: float
    error: StorageError | None
    until: float


class VaultSecrets:
    """A secret is asked for once at a time, and one that failed is not asked for again at once.

    Where a vault is away, what it said within the last hour still holds; where it refuses, not.
    """

    def __init__(
        self, read: Callable[[str], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._clock = read, clock
        self._guard = Lock()
        self._turns: dict[str, Lock] = {}
        self._known: dict[str, Known] = {}

    def get(self, reference: str) -> str:
        """Raises as `read` does."""
        known = self._known.get(reference)
        if known is None or known.until <= self._clock():
            known = self._newest(reference)
        if known.value is None:
            error = known.error or NotConfigured()
            raise type(error)(str(error))
        return known.value

    def _newest(self, reference: str) -> Known:
        with self._guard:
            turn = self._turns.setdefault(reference, Lock())
        with turn:
            known = self._known.get(reference)
            if known is None or known.until <= self._clock():
                known = self._known[reference] = self._asked(reference, known)
        return known

    def _asked(self, reference: str, before: Known | None) -> Known:
        try:
            value = self._read(reference)
        except NotConfigured as error:
            return self._failed(error)
        except StorageError as error:
            if before is None or not self._still_holds(before):
                return self._failed(error)
            return replace(before, until=self._clock() + FAILED_SECONDS)
        now = self._clock()
        return Known(value, now, None, now + KEPT_SECONDS)

    def _failed(self, error: StorageError) -> Known:
        now = self._clock()
        return Known(None, now, error, now + FAILED_SECONDS)

    def _still_holds(self, known: Known) -> bool:
        return known.value is not None and self._clock() - known.read_at < STALE_SECONDS
