import pytest

pytest.importorskip(
    "pyodbc", reason="SQL Server: pyodbc or unixODBC is not installed", exc_type=ImportError
)

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
from repositories.sqlserver.faults import is_deadlock, meaning_of, translated, words_of


def fault(state: str, number: int, text: str = "words") -> Exception:
    """As the driver words it."""
    said = f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server]{text} ({number}) (SQLExecDirectW)"
    return Exception(state, said)


@pytest.mark.parametrize(
    ("state", "number", "kind"),
    [
        ("40001", 1205, Conflict),
        ("23000", 2627, Conflict),
        ("23000", 2601, Conflict),
        ("23000", 547, Violation),
        ("42000", 3960, Conflict),
        ("42000", 1222, StatementTimeout),
        ("HYT00", 0, StatementTimeout),
        ("HY008", 0, StatementTimeout),
        ("28000", 18456, LoginRefused),
        ("42000", 4060, LoginRefused),
        ("42000", 40613, Unavailable),
        ("42000", 40197, Unavailable),
        ("42000", 49918, Unavailable),
        ("08001", 10061, Unavailable),
        ("08S01", 10054, Unavailable),
        ("HYT01", 0, Unavailable),
        ("42000", 229, NotAllowed),
        ("42000", 262, NotAllowed),
        ("42000", 230, NotAllowed),
        ("25000", 266, NotAllowed),
        ("42S02", 208, BadStatement),
        ("42S22", 207, BadStatement),
        ("42000", 102, BadStatement),
        ("22003", 8115, BadStatement),
        ("22012", 8134, BadStatement),
        ("IM002", 0, NotConfigured),
        ("HY000", 0, StorageError),
    ],
)
def test_each_fault_has_the_meaning_that_it_has_on_every_engine(
    state: str, number: int, kind: type[StorageError]
) -> None:
    meaning = meaning_of(fault(state, number))
    assert type(meaning) is kind
    assert meaning.code == f"{number} {state}"
    assert str(meaning) == kind.__doc__


def test_a_time_that_runs_out_while_connecting_is_an_absent_server() -> None:
    assert type(meaning_of(fault("HYT00", 0), connecting=True)) is Unavailable


def test_numbers_in_the_words_are_not_the_servers() -> None:
    meaning = meaning_of(fault("42S02", 208, "Invalid object name 'a (1205) b'."))
    assert meaning.code == "208 42S02"


def test_of_several_messages_the_first_that_says_what_it_was_holds() -> None:
    said = (
        "[23000] [Microsoft][SQL Server]Violation of UNIQUE KEY. (2627) (SQLExecDirectW);"
        " [23000] [Microsoft][SQL Server]The statement has been terminated. (3621)"
    )
    meaning = meaning_of(Exception("23000", said))
    assert (type(meaning), meaning.code) == (Conflict, "2627 23000")


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (
            ("ODBC SQL type -155 is not yet supported.  column-index=0  type=-155", "HY106"),
            BadStatement,
            "0 HY106",
        ),
        (("The SQL contains 1 parameter markers (1205), but 2", "HY000"), StorageError, "0 HY000"),
        (("Attempt to use a closed connection.",), StorageError, "0"),
        ((), StorageError, "0"),
    ],
)
def test_the_driver_s_own_errors_name_the_state_last_or_not_at_all(
    arguments: tuple[str, ...], kind: type[StorageError], code: str
) -> None:
    error = Exception(*arguments)
    meaning = meaning_of(error)
    assert (type(meaning), meaning.code) == (kind, code)
    assert words_of(error) == "".join(arguments[:1])


def test_a_deadlock_is_known_by_its_number() -> None:
    assert is_deadlock(fault("40001", 1205))
    assert not is_deadlock(fault("40001", 3960))


def test_nothing_of_the_drivers_words_is_said() -> None:
    with pytest.raises(LoginRefused) as caught, translated():
        raise load_driver().InterfaceError(*fault("28000", 18456, "password=secret").args)
    assert "secret" not in f"{caught.value} {caught.value.code}"
