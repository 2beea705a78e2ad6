"""What PostgreSQL says went wrong, in our words: the database is away only where it is."""

import psycopg
import pytest
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
from repositories.postgres.faults import meaning_of

KNOWN = {state: kind for state, kind in driver._sqlcodes.items() if len(state) == 5}
MEANT: dict[type[StorageError], str] = {
    Unavailable: """
        08000 08001 08003 08004 08006 08007 08P01 25P03 40003 53300 57P01 57P02 57P03 57P04 57P05
        """,
    LoginRefused: "28000 28P01",
    StatementTimeout: "57014 55P03 25P04",
    Conflict: "40000 40001 40002 40P01 23505",
    Violation: "23P01 23514",
    NotAllowed: "42501 25006",
    BadStatement: """
        27000 2F000 2F002 2F003 2F004 2F005 38000 38001 38002 38003 38004 39000 39001 39004 39P01
        39P02 39P03 3B000 3B001 54000 54001 54011 54023 55P02 55P04 42601 42P01 22012 P0001 0A000
        """,
    StorageError: """
        53000 53100 53200 53400 55000 55006 57000 58000 58030 58P01 58P02 58P03 F0000 F0001 XX000
        25P02
        """,
}
BY_STATE = {state: kind for kind, states in MEANT.items() for state in states.split()}


def meant(state: str) -> StorageError:
    return meaning_of(driver.lookup(state)())


@pytest.mark.parametrize(("state", "kind"), BY_STATE.items())
def test_an_sqlstate_has_one_meaning(state: str, kind: type[StorageError]) -> None:
    error = meant(state)
    assert type(error) is kind
    assert error.code == f"{state} {driver.lookup(state).__name__}"


def test_every_operational_error_is_among_them_but_for_foreign_data() -> None:
    operational = {
        state
        for state, kind in KNOWN.items()
        if issubclass(kind, psycopg.OperationalError) and not state.startswith("HV")
    }
    assert operational
    assert operational <= BY_STATE.keys()


def test_a_foreign_server_that_is_away_does_not_take_ours_along() -> None:
    for state in KNOWN:
        if state.startswith("HV"):
            assert type(meant(state)) is StorageError


def test_what_nobody_knows_is_a_failure_and_no_more() -> None:
    class Custom(psycopg.DatabaseError):
        sqlstate = "ZZ001"

    assert type(meaning_of(Custom())) is StorageError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.OperationalError("the connection is closed"), Unavailable),
        (psycopg.InterfaceError("x"), Unavailable),
        (psycopg.OperationalError("password authentication failed for user x"), LoginRefused),
        (psycopg.ProgrammingError("the query has 1 placeholder"), BadStatement),
        (psycopg.DataError("NUL"), BadStatement),
        (psycopg.NotSupportedError("x"), BadStatement),
        (psycopg.InternalError("x"), StorageError),
    ],
)
def test_what_has_no_sqlstate_is_the_drivers_own(
    error: psycopg.Error, kind: type[StorageError]
) -> None:
    assert type(meaning_of(error)) is kind
