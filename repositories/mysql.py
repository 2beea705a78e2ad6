"""MySQL and MariaDB as a target, through PyMySQL, which is imported when first used."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from importlib import import_module
from itertools import islice
from math import ceil
from threading import Thread
from typing import Any

from repositories.answers import MOST_ROWS_OF_A_SCALAR, only_text, read_answer
from repositories.contracts.databases import Answer, PoolUse
from repositories.errors import (
    BadStatement,
    Conflict,
    LoginRefused,
    NotAllowed,
    NotConfigured,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.patience import wait_for
from repositories.pool import Pool
from repositories.records.kpis import ResultType
from repositories.urls import GuestUrl, Tls

MARGIN_SECONDS = 1
VERSION = "SELECT version()"
MAX_IDLE_SECONDS = 60.0
COM_RESET_CONNECTION = 0x1F
SSL_CONNECTION_ERROR = 2026
ENCRYPTION = "The database does not encrypt or has no valid certificate: see tls= in its URL."
NUMBERS: dict[type[StorageError], str] = {
    LoginRefused: "1044 1045 1130 1251 1524 1698 1820 1862 2054 2061 3118 3159 3955 4151",
    StatementTimeout: "1205 1317 1907 1969 3024",
    Conflict: "1022 1048 1062 1169 1213 1216 1217 1451 1452 1557 1586 1761 1762 3819 4025",
    NotAllowed: "1142 1143 1227 1290 1370 1410 1792 1836 3879",
    Unavailable: "1040 1053 1080 1129 1152 1153 1158 1159 1160 1161 1184 1203 1226 1927 4031",
}
BY_NUMBER: Mapping[int, type[StorageError]] = {
    int(number): kind for kind, numbers in NUMBERS.items() for number in numbers.split()
}
BY_STATE: Mapping[str, type[StorageError]] = {
    "08": Unavailable,
    "21": BadStatement,
    "22": BadStatement,
    "23": Conflict,
    "28": LoginRefused,
    "42": BadStatement,
}


class MySqlTarget:
    """`size` connections at most, each opened within `connect_seconds`.

    A connection is reset before the next statement has it: variables, locks, temporary tables and
    transactions end with the statement. One that writes is the last on its connection.
    """

    def __init__(self, url: GuestUrl, *, connect_seconds: int, size: int) -> None:
        self._url, self._connect_seconds = url, connect_seconds
        self._pool: Pool[Any] = Pool(
            self._connect, size=size, is_alive=_reset, max_idle_seconds=MAX_IDLE_SECONDS
        )

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        until = time.monotonic() + self._connect_seconds
        with (
            translated(),
            self._pool.loan(
                patience_seconds=self._connect_seconds,
                open_connection=partial(self._connected_in_time, until),
            ) as loan,
        ):
            loan.is_last = True
            _set_patience(loan.connection, timeout_seconds + MARGIN_SECONDS)
            try:
                answer, is_over = _ask(loan.connection, sql, result_type, timeout_seconds, keep)
            except (BadStatement, NotAllowed, Conflict) as error:
                was_refused = error.code is not None  # else USE may have done its work
                loan.is_last = not (was_refused and _reset(loan.connection))
                raise
            finally:
                if not loan.connection.open:
                    self._kill_in_background(loan.connection.thread_id())
            loan.is_last = not (is_over and _reset(loan.connection))
            return answer

    def version(self, *, timeout_seconds: int) -> str:
        return only_text(
            self.ask(
                VERSION, result_type=ResultType.SCALAR, timeout_seconds=timeout_seconds, keep=1
            )
        )

    def use(self) -> PoolUse:
        return self._pool.use()

    def close_idle(self) -> None:
        self._pool.close_idle()

    def close(self) -> None:
        self._pool.close()

    def _connected_in_time(self, until: float) -> Any:  # noqa: ANN401 - an optional library's
        """The driver's timeouts are for each step, and not for finding a host's address."""
        return wait_for(
            self._connect,
            seconds=max(until - time.monotonic(), MARGIN_SECONDS),
            late=Unavailable,
            discard=lambda connection: connection.close(),
        )

    def _connect(self) -> Any:  # noqa: ANN401 - an optional library's
        driver = load_driver()
        try:
            return driver.connect(
                host=self._url.host,
                port=self._url.port,
                user=self._url.user,
                password=self._url.password.get_secret_value().encode(),
                database=self._url.database or None,
                connect_timeout=self._connect_seconds,
                read_timeout=self._connect_seconds,
                write_timeout=self._connect_seconds,
                charset="utf8mb4",
                program_name="watchkeeper-kpi",
                conv=_decoders(),
                **_encryption(self._url.tls),
            )
        except driver.Error as error:
            raise _meaning_at_connect(error) from error

    def _kill_in_background(self, thread_id: int) -> None:
        """MySQL works on for a client that has given up: stop that as well."""

        def kill() -> None:
            with suppress(StorageError), closing(self._connect()) as other, translated():
                other.cursor().execute(f"KILL QUERY {thread_id:d}")

        Thread(target=kill, name="kill", daemon=True).start()


def _ask(
    connection: Any,  # noqa: ANN401
    sql: str,
    result_type: ResultType,
    timeout_seconds: int,
    keep: int,
) -> tuple[Answer, bool]:
    """And whether nothing is left on the connection, so that the next statement may have it.

    Rows are read as they come, and nothing is waited for any longer than until the time is over:
    a server's own limit is for each statement in a procedure.
    """
    until = time.monotonic() + timeout_seconds
    _prepare(connection, result_type, timeout_seconds, keep)
    with translated(), _cursor(connection) as cursor:
        _wait_until(connection, until)
        cursor.execute(sql)
        if result_type is ResultType.NON_QUERY:
            changed = _go_to_the_end(connection, cursor, until)
            connection.commit()
            return Answer((), (), changed), False
        rows = _rows(connection, cursor, until)
        answer = read_answer(
            cursor.description, rows, result_type=result_type, keep=keep, until=until
        )
        is_over = sum(1 for _ in islice(rows, MOST_ROWS_OF_A_SCALAR)) < MOST_ROWS_OF_A_SCALAR
        if is_over:
            _go_to_the_end(connection, cursor, until)
        else:
            _leave(cursor)
        return answer, is_over


def _reset(connection: Any) -> bool:  # noqa: ANN401
    """As if it were new, but for the database that USE has chosen; False where it is of no use.

    PyMySQL has no name for this command of the protocol, which it sends as it sends a ping.
    """
    _set_patience(connection, MARGIN_SECONDS)
    try:
        connection._execute_command(COM_RESET_CONNECTION, "")
        connection._read_ok_packet()
    except load_driver().Error:
        return False
    return True


def _set_patience(connection: Any, seconds: int) -> None:  # noqa: ANN401
    """For each answer of the server; PyMySQL takes it when connecting only."""
    connection._read_timeout = connection._write_timeout = seconds


def _wait_until(connection: Any, until: float) -> None:  # noqa: ANN401
    """For the next answer; once the time is over there is none, and the connection is closed."""
    left = until - time.monotonic()
    if left <= 0:
        connection._force_close()
        raise StatementTimeout
    _set_patience(connection, ceil(left) + MARGIN_SECONDS)


@cache
def load_driver() -> Any:  # noqa: ANN401 - an optional library's
    """NotConfigured says in one line what to install."""
    try:
        import_module("pymysql.cursors")
        return import_module("pymysql")
    except ImportError as error:
        raise NotConfigured("MySQL needs PyMySQL: pip install PyMySQL") from error


@cache
def _decoders() -> Mapping[object, object]:
    """A BIT is a number: most often a yes or no."""
    bit = import_module("pymysql.constants.FIELD_TYPE").BIT
    return {**load_driver().converters.conversions, bit: int_of_bits}


def int_of_bits(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _encryption(tls: Tls) -> Mapping[str, object]:
    """A context of our own: PyMySQL's checks no host name unless it is given an authority."""
    if tls == "no":
        return {"ssl_disabled": True}
    context = ssl.create_default_context()
    if tls == "yes":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


@contextmanager
def _cursor(connection: Any) -> Iterator[Any]:  # noqa: ANN401
    driver = load_driver()
    cursor = connection.cursor(driver.cursors.SSCursor)
    try:
        yield cursor
    except (StatementTimeout, driver.Error):
        _leave(cursor)
        raise
    finally:
        with suppress(driver.Error):
            cursor.close()


def _leave(cursor: Any) -> None:  # noqa: ANN401
    """Else it reads what is left when it is closed, or complains that it no longer can."""
    if cursor._result is not None:
        cursor._result.unbuffered_active = False
        cursor._result = None


def _prepare(
    connection: Any,  # noqa: ANN401
    result_type: ResultType,
    timeout_seconds: int,
    keep: int,
) -> None:
    """The server's own time limit counts in ms on MySQL and in s on MariaDB."""
    limit = (
        f"max_statement_time = {timeout_seconds}"
        if "MariaDB" in connection.get_server_info()
        else f"max_execution_time = {timeout_seconds * 1000}"
    )
    rows = keep if result_type is ResultType.SCALAR else "DEFAULT"
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            f"SET SESSION time_zone = '+00:00', {limit}, lock_wait_timeout = {timeout_seconds},"
            f" innodb_lock_wait_timeout = {timeout_seconds}, sql_select_limit = {rows},"
            " autocommit = 0, character_set_client = utf8mb4, character_set_results = utf8mb4,"
            " character_set_connection = utf8mb4"
        )
        if result_type is not ResultType.NON_QUERY:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")


def _rows(connection: Any, cursor: Any, until: float) -> Iterator[Any]:  # noqa: ANN401
    """Those that are left of one result."""
    while cursor.description:
        _wait_until(connection, until)
        if (row := cursor.fetchone()) is None:
            return
        yield row


def _go_to_the_end(connection: Any, cursor: Any, until: float) -> int:  # noqa: ANN401
    """How many rows were changed; a later result of a procedure, and its error, wait behind the
    rows before them.
    """
    changed = 0
    while True:
        for _ in _rows(connection, cursor, until):
            pass
        changed += 0 if cursor.description else max(int(cursor.rowcount), 0)
        _wait_until(connection, until)
        if not cursor.nextset():
            return changed


def meaning_of(error: Exception) -> StorageError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if 2000 <= number < 3000:
        kind = BY_NUMBER.get(number, StatementTimeout if _timed_out(error) else Unavailable)
    else:
        state = getattr(error, "sqlstate", None) or ""
        kind = BY_NUMBER.get(number) or BY_STATE.get(state[:2], StorageError)
    return kind(code=_name_of(number))


def _meaning_at_connect(error: Exception) -> StorageError:
    """Whatever else it is that keeps us out, nothing was asked yet."""
    meaning = meaning_of(error)
    if isinstance(meaning, LoginRefused):
        return meaning
    return Unavailable(ENCRYPTION if _concerns_tls(error) else None, code=meaning.code)


def _concerns_tls(error: Exception) -> bool:
    refused = isinstance(getattr(error, "original_exception", None), ssl.SSLError)
    return refused or error.args[:1] == (SSL_CONNECTION_ERROR,)


def _timed_out(error: BaseException) -> bool:
    return isinstance(error.__context__, TimeoutError)


def _name_of(number: int) -> str | None:
    """The number and the server's name of an error, 1146 NO_SUCH_TABLE."""
    constants = import_module("pymysql.constants")
    for names in (constants.ER, constants.CR):
        for name, value in vars(names).items():
            if value == number:
                return f"{number} {name.removeprefix('CR_')}"
    return str(number) if number else None


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except load_driver().Error as error:
        raise meaning_of(error) from error
