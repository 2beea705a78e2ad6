"""The SQL Server engine: sessions of three kinds, a lock, and the named statements."""

import random
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from copy import copy
from functools import cached_property, partial
from math import ceil
from typing import TYPE_CHECKING, Self

from repositories import statements
from repositories.contracts.databases import PoolUse, Row
from repositories.errors import StorageError
from repositories.pool import Loan, Pool
from repositories.sqlserver.connections import CONNECT_SECONDS, connect
from repositories.sqlserver.driver import load_driver
from repositories.sqlserver.faults import is_deadlock, meaning_of, translated
from repositories.sqlserver.odbc import odbc_string
from repositories.sqlserver.statements import load_statements, with_nulls
from repositories.sqlserver.values import row_of, size_of, to_driver
from repositories.timings import Timings
from repositories.urls import DatabaseUrl

if TYPE_CHECKING:
    import pyodbc

DEADLOCK_TRIES = 4
DEADLOCK_PAUSE_SECONDS = 0.02
CHECK_SECONDS = 2
UNDO = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"


class SqlServerSession:
    """One connection, and the statements it may be asked by name.

    A statement that the server chose to end a deadlock is asked again where it is a transaction of
    its own: nothing of it has happened then. Within a transaction the others of it are lost with
    it, which only the caller could repeat: that is a Conflict.
    """

    def __init__(
        self,
        connection: "pyodbc.Connection",
        catalogue: Mapping[str, statements.Statement],
        timings: Timings,
        *,
        repeats: bool,
    ) -> None:
        self._connection, self._catalogue, self._timings = connection, catalogue, timings
        self._tries = DEADLOCK_TRIES if repeats else 1
        self.has_failed = False

    def rows(self, statement: str, /, **values: object) -> list[Row]:
        columns, rows = self._execute(statement, values)
        return [row_of(columns, row) for row in rows]

    def row(self, statement: str, /, **values: object) -> Row | None:
        columns, rows = self._execute(statement, values)
        return row_of(columns, rows[0]) if rows else None

    def run(self, statement: str, /, **values: object) -> int:
        """A statement that changes rows ends by selecting how many they were."""
        _, rows = self._execute(statement, values)
        return int(rows[0][0])

    def _execute(
        self, name: str, values: Mapping[str, object]
    ) -> "tuple[list[str], list[pyodbc.Row]]":
        text, given = self._catalogue[name].bind(values)
        text, parameters = with_nulls(text, [to_driver(value) for value in given])
        started = time.perf_counter()
        answer = self._ask(text, parameters)
        self._timings.note(time.perf_counter() - started)
        return answer

    def _ask(self, text: str, parameters: list[object]) -> "tuple[list[str], list[pyodbc.Row]]":
        tries = 0
        while True:
            try:
                return self._answer(text, parameters)
            except load_driver().Error as error:
                self.has_failed = True
                tries += 1
                if tries >= self._tries or not is_deadlock(error):
                    raise meaning_of(error) from error
                self._undo()
                time.sleep(DEADLOCK_PAUSE_SECONDS * tries * (1 + random.random()))  # noqa: S311

    def _answer(self, text: str, parameters: list[object]) -> "tuple[list[str], list[pyodbc.Row]]":
        """The one result of a batch; what comes behind it is read too, for the errors in it."""
        with closing(self._connection.cursor()) as cursor:  # one left by itself would commit
            if parameters:
                cursor.setinputsizes([size_of(value) for value in parameters])
            cursor.execute(text, *parameters)
            while cursor.description is None and cursor.nextset():
                pass
            columns = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall() if columns else []
            while cursor.nextset():
                pass
            return columns, rows

    def _undo(self) -> None:
        """The victim's transaction is gone already; this has the driver know it too."""
        with suppress(load_driver().Error):
            self._connection.execute(UNDO)
            self._connection.rollback()


class SqlServerDatabase:
    """SQL Server 2019 or newer, or Azure SQL. Opens nothing before it is first used.

    NotConfigured where this machine has no driver for it.

    `size` bounds the connections of each of two pools, one of which never commits;
    `timeout_seconds` bounds every statement, and every wait for a lock at the server; `names`
    fills the identifiers of the statements.
    """

    def __init__(
        self, url: DatabaseUrl, *, size: int, timeout_seconds: float, names: Mapping[str, str]
    ) -> None:
        load_driver()
        odbc_string(url)
        self._url, self._names = url, names
        self._timeout_seconds = timeout_seconds
        self._timings = Timings()
        self._readers: Pool[pyodbc.Connection] = Pool(
            partial(self._open, read_only=True), size=size, is_alive=self._is_alive
        )
        self._writers: Pool[pyodbc.Connection] = Pool(
            partial(self._open, read_only=False), size=size, is_alive=self._is_alive
        )

    @contextmanager
    def reading(self) -> Iterator[SqlServerSession]:
        with translated(), self._session(self._readers) as (session, loan):
            yield session
            loan.connection.rollback()

    @contextmanager
    def single(self) -> Iterator[SqlServerSession]:
        with translated(), self._session(self._writers) as (session, _):
            yield session

    @contextmanager
    def transaction(self) -> Iterator[SqlServerSession]:
        """Where the body fails, the pool rolls back what it finds open."""
        with translated(), self._session(self._writers, repeats=False) as (session, loan):
            loan.connection.execute("BEGIN TRANSACTION").close()
            yield session
            loan.connection.execute("COMMIT TRANSACTION").close()

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        with translated(), self._session(self._writers) as (session, loan):
            row = session.row("locks.take", name=name)
            held = row is not None and bool(row["held"])
            try:
                yield held
            finally:
                if held:
                    self._release(session, loan, name)

    def ping(self) -> None:
        with self.reading() as session:
            session.row("health.ping")

    def mean_query_ms(self) -> float | None:
        return self._timings.mean_ms()

    def pool_use(self) -> Mapping[str, PoolUse]:
        return {"read": self._readers.use(), "write": self._writers.use()}

    def reading_from(self, relations: Mapping[str, Collection[str]]) -> Self:
        other = copy(self)
        names = {**self._names, **self._catalogue.relations(relations)}
        other._catalogue = load_statements(names)
        return other

    def close(self) -> None:
        self._readers.close()
        self._writers.close()

    @cached_property
    def _catalogue(self) -> statements.Catalogue:
        return load_statements(self._names)

    @contextmanager
    def _session(
        self, pool: "Pool[pyodbc.Connection]", *, repeats: bool = True
    ) -> "Iterator[tuple[SqlServerSession, Loan[pyodbc.Connection]]]":
        with pool.loan() as loan:
            session = SqlServerSession(
                loan.connection, self._catalogue, self._timings, repeats=repeats
            )
            try:
                yield session, loan
            finally:
                loan.doubtful |= session.has_failed

    def _open(self, *, read_only: bool) -> "pyodbc.Connection":
        with translated(connecting=True):
            connection = connect(
                self._url,
                read_only=read_only,
                connect_seconds=CONNECT_SECONDS,
                name="watchkeeper-read" if read_only else "watchkeeper",
            )
            connection.timeout = max(1, ceil(self._timeout_seconds))
            connection.execute(
                "SET NOCOUNT ON; SET XACT_ABORT ON;"
                f" SET LOCK_TIMEOUT {int(self._timeout_seconds * 1000)};"
                + (" SET DEADLOCK_PRIORITY LOW;" if read_only else "")
            ).close()
        return connection

    def _is_alive(self, connection: "pyodbc.Connection") -> bool:
        """Also undoes what an earlier user left open."""
        try:
            usual = connection.timeout
            connection.timeout = CHECK_SECONDS
            connection.execute(UNDO).close()
            connection.rollback()
            connection.timeout = usual
        except load_driver().Error:
            return False
        return True

    @staticmethod
    def _release(session: SqlServerSession, loan: "Loan[pyodbc.Connection]", name: str) -> None:
        """A lock that cannot be given back ends with its connection."""
        try:
            session.row("locks.release", name=name)
        except StorageError:
            loan.is_last = True
            raise
