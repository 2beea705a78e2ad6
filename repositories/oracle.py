"""Oracle as a target, through oracledb in its thin mode, which is imported when first used."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from repositories.answers import only_text, read_answer
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
from repositories.records.kpis import ResultType
from repositories.urls import GuestUrl

QUERY = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/|\()*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
MARGIN_SECONDS = 1.0
VERSION = "SELECT version FROM product_component_version WHERE ROWNUM = 1"
PREPARATIONS = ("ALTER SESSION SET TIME_ZONE = 'UTC'", "SET TRANSACTION READ ONLY")
PROGRAM = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*(?:BEGIN|DECLARE)\b", re.IGNORECASE | re.DOTALL)
CODES: dict[type[StorageError], str] = {
    LoginRefused: "ORA-01017 ORA-01045 ORA-28000 ORA-28001 ORA-28002 ORA-01005 DPY-4001 DPY-3015",
    StatementTimeout: "DPY-4024 ORA-01013 ORA-00051 ORA-00054 ORA-02049 ORA-04021 ORA-30006"
    " ORA-00040 ORA-56735",
    Conflict: "ORA-00001 ORA-00060 ORA-01400 ORA-02290 ORA-02291 ORA-02292 ORA-08177",
    NotAllowed: "ORA-01031 ORA-01456 ORA-01950 ORA-16000 ORA-41900",
    BadStatement: "ORA-01722 ORA-01476 ORA-01427 ORA-01789 ORA-01790 ORA-01840 ORA-01841 ORA-01843"
    " ORA-01858 ORA-01861 ORA-04043 ORA-04063 ORA-04067 ORA-06502 ORA-06550 ORA-06553",
    Unavailable: "ORA-00018 ORA-00020 ORA-00257 ORA-01033 ORA-01034 ORA-01089 ORA-01090 ORA-12154"
    " ORA-12170 ORA-12505 ORA-12514 ORA-12516 ORA-12520 ORA-12528 ORA-12541 ORA-12545 DPY-4011"
    " DPY-4033 DPY-3010",
}
BY_CODE: Mapping[str, type[StorageError]] = {
    code: kind for kind, codes in CODES.items() for code in codes.split()
}
# What starts so and is not above: the parser's errors, the driver's own, and the listener's.
BY_START: Mapping[str, type[StorageError]] = {
    "ORA-009": BadStatement,
    "DPY-6": Unavailable,
    "DPY-1": BadStatement,
    "DPY-2": BadStatement,
    "DPY-3": BadStatement,
    "DPY-4": BadStatement,
}


class OracleTarget:
    """Connects for each statement, so that a hanging one holds up nobody else."""

    def __init__(self, url: GuestUrl, *, connect_seconds: int) -> None:
        self._url, self._connect_seconds = url, connect_seconds

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        statement = _bare(sql)
        if result_type is not ResultType.NON_QUERY and not QUERY.match(statement):
            raise NotAllowed("on Oracle a Scalar or DataSet is a SELECT, with or without WITH")
        with translated(), closing(self._connected_in_time()) as connection:
            until = time.monotonic() + timeout_seconds
            cursor = connection.cursor()
            if result_type is ResultType.NON_QUERY:
                _wait_until(connection, until)
                cursor.execute(statement)
                changed = max(cursor.rowcount, 0)
                _wait_until(connection, until)
                connection.commit()
                return Answer((), (), changed)
            for preparation in PREPARATIONS:
                _wait_until(connection, until)
                cursor.execute(preparation)
            _wait_until(connection, until)
            cursor.execute(statement, fetch_lobs=False, fetch_decimals=True)
            rows = _rows(connection, cursor, until)
            return read_answer(
                cursor.description, rows, result_type=result_type, keep=keep, until=until
            )

    def version(self, *, timeout_seconds: int) -> str:
        return only_text(
            self.ask(
                VERSION, result_type=ResultType.SCALAR, timeout_seconds=timeout_seconds, keep=1
            )
        )

    def use(self) -> PoolUse:
        return PoolUse(in_use=0, idle=0, size=0)

    def close_idle(self) -> None:
        """Nothing is held between two statements."""

    def close(self) -> None:
        """Nothing is held between two statements."""

    def _connected_in_time(self) -> Any:  # noqa: ANN401 - an optional library's
        """The driver's timeout is for the line alone, not for a listener that says nothing."""
        return wait_for(
            self._connect,
            seconds=self._connect_seconds + MARGIN_SECONDS,
            late=Unavailable,
            discard=lambda connection: connection.close(),
        )

    def _connect(self) -> Any:  # noqa: ANN401 - an optional library's
        return load_driver().connect(
            user=self._url.user,
            password=self._url.password.get_secret_value(),
            host=self._url.host,
            port=self._url.port,
            service_name=self._url.database,
            protocol="tcps" if self._url.tls == "verify" else "tcp",
            tcp_connect_timeout=self._connect_seconds,
            retry_count=0,
            program="watchkeeper-kpi",
        )


@cache
def load_driver() -> Any:  # noqa: ANN401 - an optional library's
    """NotConfigured says in one line what to install."""
    try:
        return import_module("oracledb")
    except ImportError as error:
        raise NotConfigured("Oracle needs oracledb: pip install oracledb") from error


def _wait_until(connection: Any, until: float) -> None:  # noqa: ANN401
    """For the next round trip, which the driver's limit is for; once the time is over, none."""
    left = until - time.monotonic()
    if left <= 0:
        raise StatementTimeout
    connection.call_timeout = max(int(left * 1000), 1)


def _rows(connection: Any, cursor: Any, until: float) -> Iterator[Any]:  # noqa: ANN401
    while True:
        _wait_until(connection, until)
        if (row := cursor.fetchone()) is None:
            return
        yield row


def _bare(sql: str) -> str:
    """Without the closing semicolon, which Oracle takes at the end of a program only."""
    return sql.strip() if PROGRAM.match(sql) else sql.strip().rstrip(";")


def meaning_of(code: str) -> StorageError:
    """By Oracle's code of an error, ORA-00942 or DPY-6005."""
    kind = BY_CODE.get(code)
    if kind is None:
        starts = (ours for start, ours in BY_START.items() if code.startswith(start))
        kind = next(starts, StorageError)
    return kind(code=code or None)


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except load_driver().Error as error:
        raise meaning_of(str(getattr(error.args[0], "full_code", ""))) from error
