"""The driver's errors, in our words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from repositories.errors import (
    BadStatement,
    Conflict,
    LoginRefused,
    NotAllowed,
    NotConfigured,
    StatementTimeout,
    StorageError,
    Unavailable,
    Violation,
)
from repositories.sqlserver.driver import load_driver

DEADLOCK = 1205
SQLSTATE = re.compile(r"[0-9A-Z]{5}")
NUMBER = re.compile(r"\((-?\d+)\)(?: \(SQL\w+\))?(?=; \[|$)")

NUMBERS: dict[type[StorageError], str] = {
    Conflict: "1205 2601 2627 3960 41301 41302 41305 41325",
    Violation: "515 547",
    StatementTimeout: "1222",
    LoginRefused: "18456 18452 18470 18486 18487 18488 4060 4064 40532 40615",
    NotAllowed: "229 230 262 266 297 300 371 916 3906 15247",
    # The server is there and cannot just now: failing over, throttling, out of room or memory.
    Unavailable: "40613 40197 40501 40540 49918 49919 49920 10928 10929 4221 615 926 983 596 233"
    " 17142 18401 42108 42109 701 802 8645 9001 9002 1105 10053 10054 10060",
    BadStatement: "102 105 156 170 201 206 207 208 2812",
}
BY_NUMBER: Mapping[int, type[StorageError]] = {
    int(number): kind for kind, numbers in NUMBERS.items() for number in numbers.split()
}
# From the particular to the general: the first that an SQLSTATE starts with holds.
BY_STATE: tuple[tuple[str, type[StorageError]], ...] = (
    ("HYT00", StatementTimeout),
    ("HYT01", Unavailable),
    ("HY008", StatementTimeout),
    ("IM002", NotConfigured),
    ("40001", Conflict),
    ("08004", LoginRefused),
    ("08", Unavailable),
    ("28", LoginRefused),
    ("23", Conflict),
    ("22", BadStatement),
    ("42", BadStatement),
    ("07", BadStatement),
    ("24000", BadStatement),
    ("HY106", BadStatement),  # pyodbc's: it selects a type that cannot be read
)


def meaning_of(error: Exception, *, connecting: bool = False) -> StorageError:
    """`code` is "<native number> <SQLSTATE>"; the driver itself has the number 0."""
    state, numbers = sqlstate_of(error), native_numbers(error)
    number = next((number for number in numbers if number in BY_NUMBER), None)
    kind = _by_state(state) if number is None else BY_NUMBER[number]
    if connecting and kind in (StatementTimeout, StorageError):
        kind = Unavailable
    if number is None:
        number = numbers[0] if numbers else 0
    return kind(code=f"{number} {state}".rstrip())


def sqlstate_of(error: Exception) -> str:
    """Empty where it has none. It stands before a server's words, and behind pyodbc's own."""
    return next((said for said in map(str, error.args) if SQLSTATE.fullmatch(said)), "")


def words_of(error: Exception) -> str:
    """What was said beside the SQLSTATE. It may hold anything, a password too."""
    return " ".join(said for said in map(str, error.args) if not SQLSTATE.fullmatch(said))


def native_numbers(error: Exception) -> list[int]:
    """The server's numbers of its messages, in their order."""
    return [int(number) for number in NUMBER.findall(words_of(error))]


def is_deadlock(error: Exception) -> bool:
    return DEADLOCK in native_numbers(error)


def _by_state(state: str) -> type[StorageError]:
    return next((kind for start, kind in BY_STATE if state.startswith(start)), StorageError)


@contextmanager
def translated(*, connecting: bool = False) -> Iterator[None]:
    """`connecting`: a time that runs out is the server's silence, not a statement's length."""
    try:
        yield
    except load_driver().Error as error:
        raise meaning_of(error, connecting=connecting) from error
