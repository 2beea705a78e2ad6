"""SQL Server as a target: one batch of a KPI, whose writes are never kept unless it is a NonQuery.

A batch may be several statements: `EXEC dbo.backlog @days = 7`, or with an OUTPUT parameter
`DECLARE @late int; EXEC dbo.backlog @days = 7, @late = @late OUTPUT; SELECT @late`. The first
result set that it returns is its answer; errors after that count too. `GO` is a client's word.

SQL Server knows no read-only session. So the replica that may be read is asked for, and all runs
in a transaction that is never committed; a batch that would end it or do what no rollback undoes is
refused unrun, as far as that is seen, and one that ends it in another way is an error afterwards.
That keeps out mistakes; what keeps out malice is a login that may only read.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache, partial
from threading import Event
from typing import TYPE_CHECKING

from repositories.answers import only_text, read_answer
from repositories.contracts.databases import Answer, PoolUse
from repositories.errors import BadStatement, NotAllowed, StatementTimeout
from repositories.patience import wait_for
from repositories.pool import Loan, Pool
from repositories.records.kpis import ResultType
from repositories.sql_words import Kind, Unreadable
from repositories.sqlserver.batches import find_lasting, read_batch
from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.sqlserver.faults import sqlstate_of, translated
from repositories.urls import DatabaseUrl

if TYPE_CHECKING:
    import pyodbc

SQL_SS_UDT = -151
MARGIN_SECONDS = 1.0
VERSION = "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion'))"
CHECK_SECONDS = 1
MAX_IDLE_SECONDS = 60.0
MOST_KNOWN = 1024
READING = """
SET NOCOUNT ON;
SET DEADLOCK_PRIORITY LOW;
BEGIN TRANSACTION;
SELECT @@TRANCOUNT;
"""
WRITING = """
SET NOCOUNT OFF;
SET XACT_ABORT ON;
BEGIN TRANSACTION;
"""
DOING_MORE = frozenset(
    "ADD ALTER BACKUP BEGIN BULK CHECKPOINT CLOSE CREATE DBCC DEALLOCATE DECLARE DELETE DENY"
    " DISABLE DROP ENABLE EXEC EXECUTE GOTO GRANT IF INSERT INTO KILL MERGE OPEN"
    " OPENDATASOURCE OPENQUERY OPENROWSET OPENXML PRINT RAISERROR READTEXT RECEIVE RECONFIGURE"
    " RESTORE RETURN REVERT REVOKE SAVE SEND SET SETUSER SHUTDOWN THROW TRUNCATE UPDATE UPDATETEXT"
    " USE WAITFOR WHILE WRITETEXT".split()
)


class SqlServerTarget:
    """`size` connections at most, each opened within `connect_seconds`.

    What only selects may leave its connection to the next one; anything else has one of its own,
    since nothing of ODBC's makes a session like new.
    """

    def __init__(self, url: DatabaseUrl, *, connect_seconds: int, size: int) -> None:
        self._url, self._connect_seconds = url, connect_seconds
        self._pool: Pool[pyodbc.Connection] = Pool(
            partial(self._connect, read_only=True),
            size=size,
            is_alive=_is_alive,
            patience_seconds=connect_seconds,
            max_idle_seconds=MAX_IDLE_SECONDS,
        )

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        if not sql.strip():
            raise BadStatement("there is no statement")
        reads = result_type is not ResultType.NON_QUERY
        if reads and (fault := _find_fault(sql)):
            raise NotAllowed(fault)

        connected = Event()

        def work() -> Answer:
            with translated(), self._connection(sql, reads=reads) as (connection, loan):
                connected.set()
                with _cursor(connection, timeout_seconds) as (cursor, until):
                    if not reads:
                        return Answer((), (), _change(cursor, sql, until))
                    answer, is_over = _read(cursor, sql, result_type, keep, until)
                if loan is not None and is_over:
                    connection.rollback()
                    loan.is_last = False
                return answer

        return wait_for(
            work,
            seconds=timeout_seconds + MARGIN_SECONDS,
            late=StatementTimeout,
            begun=connected,
            seconds_before=self._connect_seconds + MARGIN_SECONDS,
        )

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

    @contextmanager
    def _connection(
        self, sql: str, *, reads: bool
    ) -> "Iterator[tuple[pyodbc.Connection, Loan[pyodbc.Connection] | None]]":
        """One of the pool's, closed afterwards unless its loan says otherwise; or one for once."""
        if reads and only_selects(sql):
            with self._pool.loan() as loan:
                loan.is_last = True
                yield loan.connection, loan
        else:
            with self._pool.place(), closing(self._connect(read_only=reads)) as connection:
                yield connection, None

    def _connect(self, *, read_only: bool) -> "pyodbc.Connection":
        with translated(connecting=True):
            connection = connect(
                self._url,
                read_only=read_only,
                connect_seconds=self._connect_seconds,
                name="watchkeeper-kpi",
            )
        connection.add_output_converter(SQL_SS_UDT, bytes)
        return connection


@contextmanager
def _cursor(
    connection: "pyodbc.Connection", timeout_seconds: int
) -> Iterator["tuple[pyodbc.Cursor, float]"]:
    """And until when it may be used. What it leaves is undone when the connection is closed."""
    until = time.monotonic() + timeout_seconds
    connection.timeout = timeout_seconds
    cursor = connection.cursor()
    cursor.execute(f"SET LOCK_TIMEOUT {timeout_seconds * 1000}")
    try:
        with _timed(timeout_seconds):
            yield cursor, until
    finally:
        _leave_the_rest(cursor)


def _read(
    cursor: "pyodbc.Cursor", sql: str, result_type: ResultType, keep: int, until: float
) -> tuple[Answer, bool]:
    """The answer, and whether all that the server has to say was heard."""
    depth = cursor.execute(READING).fetchval()
    cursor.execute(sql)
    while cursor.description is None and cursor.nextset():
        pass
    answer = read_answer(
        cursor.description, cursor, result_type=result_type, keep=keep, until=until
    )
    if result_type is ResultType.SCALAR and answer.row_count == keep:
        return answer, False
    _go_to_the_end(cursor, until)
    if cursor.execute("SELECT @@TRANCOUNT").fetchval() < depth:
        raise NotAllowed("the statement ended the transaction that it ran in")
    return answer, True


def _is_alive(connection: "pyodbc.Connection") -> bool:
    try:
        connection.timeout = CHECK_SECONDS
        connection.execute("SELECT 1").close()
        connection.rollback()
    except load_driver().Error:
        return False
    return True


def _change(cursor: "pyodbc.Cursor", sql: str, until: float) -> int:
    """How many rows all statements of the batch changed; all of it is kept, or nothing."""
    cursor.execute(WRITING)
    cursor.execute(sql)
    changed = _rows_changed(cursor)
    while cursor.nextset():
        changed += _rows_changed(cursor)
    if time.monotonic() > until:
        raise StatementTimeout
    cursor.execute("IF @@TRANCOUNT > 0 COMMIT TRANSACTION")
    return changed


@contextmanager
def _timed(timeout_seconds: int) -> Iterator[None]:
    """The driver has no words for a time that runs out while it reads rows."""
    started = time.monotonic()
    try:
        yield
    except load_driver().Error as error:
        if sqlstate_of(error) == "HY000" and time.monotonic() - started >= timeout_seconds:
            raise StatementTimeout from error
        raise


def _leave_the_rest(cursor: "pyodbc.Cursor") -> None:
    """Else the driver reads what is left to its end before it closes."""
    with suppress(load_driver().Error):
        cursor.cancel()


def _rows_changed(cursor: "pyodbc.Cursor") -> int:
    return 0 if cursor.description else max(cursor.rowcount, 0)


def _go_to_the_end(cursor: "pyodbc.Cursor", until: float) -> None:
    """A later statement's error waits behind the results before it."""
    while cursor.nextset():
        if time.monotonic() > until:
            raise StatementTimeout


@lru_cache(maxsize=MOST_KNOWN)
def _find_fault(sql: str) -> str | None:
    try:
        found = find_lasting(sql)
    except Unreadable as reason:
        return f"a Scalar or DataSet cannot be told apart: it {reason}"
    return f"a Scalar or DataSet cannot have {found}: it changes nothing" if found else None


@lru_cache(maxsize=MOST_KNOWN)
def only_selects(sql: str) -> bool:
    """False where anything in it might be more than that: no function can change a session."""
    words = [token.text for token in read_batch(sql) if token.kind is Kind.WORD]
    return words[:1] in (["SELECT"], ["WITH"]) and not DOING_MORE & {*words}
