"""psycopg's errors, in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

from repositories.errors import (
    BadStatement,
    Conflict,
    LoginRefused,
    NotAllowed,
    StatementTimeout,
    StorageError,
    Unavailable,
    Violation,
)

# SQLSTATEs and what they begin with; the longest that fits holds. What is not here is a
# StorageError: the database is there and failed, by what it lacks (a full disk, memory) or by what
# it finds (a view without rows yet, a foreign server that is away).
STATES: dict[type[StorageError], str] = {
    StatementTimeout: "57014 55P03 25P04",
    Conflict: "23505 40",
    Violation: "23",
    LoginRefused: "28",
    NotAllowed: "42501 25006",
    Unavailable: "08 53300 57P 25P03 40003",
    BadStatement: "0A 10 20 21 22 26 27 2F 34 38 39 3B 3D 3F 42 44 54 55P02 55P04 P0",
}
BY_STATE: Mapping[str, type[StorageError]] = {
    state: kind for kind, states in STATES.items() for state in states.split()
}
# Without an SQLSTATE it is the driver's own.
BY_CLASS: tuple[tuple[type[psycopg.Error], type[StorageError]], ...] = (
    (psycopg.OperationalError, Unavailable),
    (psycopg.InterfaceError, Unavailable),
    (psycopg.ProgrammingError, BadStatement),
    (psycopg.NotSupportedError, BadStatement),
    (psycopg.DataError, BadStatement),
)


def meaning_of(error: psycopg.Error) -> StorageError:
    if (state := error.sqlstate) is None:
        return LoginRefused() if _is_login(error) else _by_class(error)()
    return _by_state(state)(code=f"{state} {type(error).__name__}")


def _by_state(state: str) -> type[StorageError]:
    kinds = (BY_STATE.get(state[:length]) for length in (5, 3, 2))
    return next((kind for kind in kinds if kind), StorageError)


def _by_class(error: psycopg.Error) -> type[StorageError]:
    return next((kind for theirs, kind in BY_CLASS if isinstance(error, theirs)), StorageError)


def _is_login(error: psycopg.Error) -> bool:
    """A refusal at connect carries no SQLSTATE through libpq, only the server's words."""
    return isinstance(error, psycopg.OperationalError) and "authentication failed" in str(error)


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise meaning_of(error) from error
