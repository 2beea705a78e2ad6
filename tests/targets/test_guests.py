"""MySQL and Oracle can be targets and nothing else, and their libraries may be missing."""

import gc
import importlib.abc
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import pytest

from repositories import mysql, oracle
from repositories.engines import open_database
from repositories.errors import (
    BadStatement,
    BadUrl,
    Conflict,
    LoginRefused,
    NotAllowed,
    NotConfigured,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.records.kpis import ResultType
from repositories.urls import GuestUrl, parse, parse_target
from tests.targets.conftest import Run, of_type

ORACLE = find_spec("oracledb") is not None
NO_ORACLE = "Oracle: oracledb is not installed"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://u:p@h/d", ("mysql", "h", 3306, "u", "p", "d", "verify")),
        ("mysql://u@h", ("mysql", "h", 3306, "u", "", "", "verify")),
        ("mariadb://u:p@h:1/d?tls=no", ("mysql", "h", 1, "u", "p", "d", "no")),
        ("MySQL://u:p%40%C3%A9@[::1]:1/d?tls=yes", ("mysql", "::1", 1, "u", "p@é", "d", "yes")),
        ("oracle://u:a@b@h/s", ("oracle", "h", 1521, "u", "a@b", "s", "no")),
        ("oracle://u:p@h:2484/s?tls=verify", ("oracle", "h", 2484, "u", "p", "s", "verify")),
    ],
)
def test_a_guests_url_is_taken_apart(url: str, expected: tuple[object, ...]) -> None:
    found = parse_target(url)
    assert isinstance(found, GuestUrl)
    assert "p@" not in repr(found)
    password = found.password.get_secret_value()
    parts = (found.engine, found.host, found.port, found.user, password, found.database, found.tls)
    assert parts == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://h/d", "names a user and a host"),
        ("mysql://u:hunter2@/d", "names a user and a host"),
        ("mysql://u:hunter2@h:port/d", "host or port is malformed"),
        ("mysql://u:1#hunter2@h/d", "which is written %23"),
        ("mysql://u:hunter2@h/d?ssl=true", "no option but tls=verify or tls=yes or tls=no"),
        ("oracle://u:hunter2@h/s?tls=yes", "no option but tls=no or tls=verify"),
        ("oracle://u:hunter2@h", "names a service"),
    ],
)
def test_a_guests_url_that_is_wrong_is_refused_without_repeating_it(url: str, reason: str) -> None:
    with pytest.raises(BadUrl, match=reason) as refused:
        parse_target(url)
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "oracle://u:hunter2@h/s"])
def test_a_guest_can_be_no_store(url: str) -> None:
    with pytest.raises(BadUrl, match="can only be a target of checks"):
        parse(url)
    store = open_database(url, setting="STORE_URL", size=1, timeout_seconds=1, names={})
    with pytest.raises(NotConfigured, match=r"STORE_URL: .* can only be a target of checks"):
        store.ping()


class Without(importlib.abc.MetaPathFinder):
    """As if a library had never been installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] == self._library:
            raise ModuleNotFoundError(fullname)
        return None


@pytest.fixture
def without() -> Iterator[Callable[[str], None]]:
    finders, gone = list[Without](), dict[str, ModuleType]()

    def hide(library: str) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == library]:
            gone[name] = sys.modules.pop(name)
        finders.append(Without(library))
        sys.meta_path.insert(0, finders[-1])

    for load in (mysql.load_driver, oracle.load_driver):
        load.cache_clear()
    yield hide
    sys.modules.update(gone)
    for finder in finders:
        sys.meta_path.remove(finder)


@pytest.mark.parametrize(
    ("library", "url", "message"),
    [
        ("pymysql", "mysql://u:p@h/d", "MySQL needs PyMySQL: pip install PyMySQL"),
        ("oracledb", "oracle://u:p@h/s", "Oracle needs oracledb: pip install oracledb"),
    ],
)
def test_a_missing_library_is_a_verdict_that_says_what_to_install(
    without: Callable[[str], None], run: Run, library: str, url: str, message: str
) -> None:
    without(library)
    result = run(url, "SELECT 1 FROM dual")
    assert (result.status, result.error_type, result.message) == (
        "Error",
        "not_configured",
        message,
    )


@pytest.mark.skipif(not ORACLE, reason=NO_ORACLE)
def test_an_oracle_that_is_not_there_is_an_error_of_its_own(run: Run) -> None:
    result = run("oracle://u:p@127.0.0.1:1/s", "SELECT 1 FROM dual")
    assert result.error_type == "connection_lost"


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # oracledb leaves its socket open
@pytest.mark.skipif(not ORACLE, reason=NO_ORACLE)
def test_an_oracle_that_never_says_a_word_is_given_up(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"oracle://u:p@127.0.0.1:{silent.getsockname()[1]}/s"
        result = run(url, "SELECT 1 FROM dual", connect_seconds=1)
    for thread in threading.enumerate():
        if thread.name == "target":
            thread.join(5)
    gc.collect()
    assert result.error_type == "connection_lost"
    assert result.duration_ms < 5000


@pytest.mark.parametrize(
    "sql",
    ["DELETE FROM t", "DROP TABLE t", "BEGIN NULL; END;", "/* SELECT */ DROP TABLE t", ""],
)
@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
def test_oracle_is_asked_nothing_but_queries(run: Run, sql: str, result_type: ResultType) -> None:
    """Its read-only transaction ends with the first DDL, which is then carried out."""
    result = run("oracle://u:p@127.0.0.1:1/s", sql, of_type(result_type))
    assert result.error_type == "not_allowed"


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("ORA-01017", LoginRefused),
        ("ORA-00942", BadStatement),
        ("ORA-00900", BadStatement),
        ("ORA-01456", NotAllowed),
        ("ORA-00001", Conflict),
        ("ORA-00060", Conflict),
        ("DPY-4024", StatementTimeout),
        ("ORA-01013", StatementTimeout),
        ("DPY-6005", Unavailable),
        ("DPY-6001", Unavailable),
        ("DPY-4011", Unavailable),
        ("DPY-4009", BadStatement),
        ("ORA-20001", StorageError),
        ("", StorageError),
    ],
)
def test_an_oracle_error_means_what_its_code_says(code: str, meaning: type[StorageError]) -> None:
    assert type(oracle.meaning_of(code)) is meaning
