"""psycopg's errors, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as driver

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

# From the particular to the general: the first that fits holds.
MEANING: tuple[tuple[type[Exception], type[StorageError]], ...] = (
    (driver.QueryCanceled, StatementTimeout),
    (driver.LockNotAvailable, StatementTimeout),
    (driver.UniqueViolation, Conflict),
    (driver.IntegrityError, Violation),
    (driver.SerializationFailure, Conflict),
    (driver.DeadlockDetected, Conflict),
    (driver.InvalidAuthorizationSpecification, LoginRefused),
    (driver.InvalidPassword, LoginRefused),
    (driver.InsufficientPrivilege, NotAllowed),
    (driver.ReadOnlySqlTransaction, NotAllowed),
    (psycopg.ProgrammingError, BadStatement),
    (psycopg.NotSupportedError, BadStatement),
    (psycopg.DataError, BadStatement),
    (psycopg.OperationalError, Unavailable),
    (psycopg.InterfaceError, Unavailable),
)


def meaning_of(error: psycopg.Error) -> StorageError:
    if isinstance(error, psycopg.OperationalError) and _is_login(error):
        return LoginRefused()
    kind = next((ours for theirs, ours in MEANING if isinstance(error, theirs)), StorageError)
    return kind(code=f"{error.sqlstate} {type(error).__name__}" if error.sqlstate else None)


def _is_login(error: psycopg.OperationalError) -> bool:
    """A refusal at connect carries no SQLSTATE through libpq, only the server's words."""
    return error.sqlstate is None and "authentication failed" in str(error)


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise meaning_of(error) from error
