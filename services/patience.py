"""How long is waited for a store that is away, and for which of its errors."""

import time
from collections.abc import Callable
from typing import TypeVar

from repositories.errors import Conflict, StatementTimeout, StorageError, Unavailable, Violation

T = TypeVar("T")

PAUSE_SECONDS = 0.5
LONGEST_AWAY_SECONDS = 30.0


def may_pass(error: StorageError) -> bool:
    """Whether the same may succeed a moment later."""
    if isinstance(error, Violation):
        return False
    return isinstance(error, Unavailable | Conflict | StatementTimeout)


def patiently(act: Callable[[], T]) -> T:
    """Act again every half second where the store is away, for as long as half a minute."""
    until = time.monotonic() + LONGEST_AWAY_SECONDS
    while True:
        try:
            return act()
        except StorageError as error:
            if not may_pass(error) or time.monotonic() >= until:
                raise
        time.sleep(PAUSE_SECONDS)
