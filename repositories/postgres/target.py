"""PostgreSQL as a target: one statement of a KPI, read-only, within its time.

A statement that reads is one round trip: it runs in a read-only transaction that is rolled back,
which undoes the settings that it made, too, and what outlives a transaction is given up behind it.
So the next one may have the connection. One that writes is the last on its connection.
"""

import re
import time
from functools import lru_cache, partial

import psycopg
from psycopg.pq import TransactionStatus

from repositories.answers import MOST_ROWS_OF_A_SCALAR, only_text
from repositories.contracts.databases import Answer, PoolUse
from repositories.errors import BadStatement, NotAllowed, Unavailable
from repositories.patience import wait_for
from repositories.pool import Loan, Pool
from repositories.postgres.connections import connect_arguments
from repositories.postgres.exchange import (
    SYNC,
    Command,
    EnoughRows,
    PipelineConnection,
    Preparation,
    Prepared,
    Question,
    Statement,
)
from repositories.postgres.faults import meaning_of, translated
from repositories.postgres.values import take_any_time
from repositories.records.kpis import ResultType
from repositories.sql_words import READING_WORDS, Dialect
from repositories.urls import DatabaseUrl

MARGIN_SECONDS = 1.0
VERSION = "SHOW server_version"
CHECK_SECONDS = 1.0
MAX_IDLE_SECONDS = 60.0
MOST_KNOWN = 1024

BEGIN_READING = Prepared(b"watchkeeper_begin", b"BEGIN READ ONLY")
ROLLBACK = Prepared(b"watchkeeper_rollback", b"ROLLBACK")
UNLOCK = Prepared(b"watchkeeper_unlock", b"SELECT pg_catalog.pg_advisory_unlock_all()")
PREPARED = (BEGIN_READING, ROLLBACK, UNLOCK)
"""By name they cost the server half; what a session locks outlives a transaction."""

BEGIN_WRITING, COMMIT = Statement(b"BEGIN READ WRITE"), Statement(b"COMMIT")
UNDO = Statement(b"ROLLBACK")

DOUBTFUL = ("08", "53", "57", "58", "XX")
"""The classes of errors after which a connection is not used again: lost, cancelled, no room."""

WORDS = "|".join(READING_WORDS[Dialect.POSTGRESQL])
COMMANDS = frozenset(
    "ABORT ALTER ANALYZE BEGIN CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE"
    " DECLARE DELETE DISCARD DO DROP END EXECUTE FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE"
    " MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY"
    " SET START TRUNCATE UNLISTEN UPDATE VACUUM".split()
)
BEFORE = r"(?:\s|\(|--[^\n]*+|/\*.*?\*/)*+"
READS = re.compile(rf"{BEFORE}(?:{WORDS})\b", re.IGNORECASE | re.DOTALL)
FIRST_WORD = re.compile(rf"{BEFORE}([A-Za-z_]\w*|\Z)", re.DOTALL)
PARAMETER = re.compile(rb"\$\d")


class TargetConnection(PipelineConnection):
    """`timeout_ms` is the server's limit for a statement, once it has been told."""

    timeout_ms: int | None = None


class PostgresTarget:
    """`size` connections at most, each opened within `connect_seconds`."""

    def __init__(self, url: DatabaseUrl, *, connect_seconds: int, size: int) -> None:
        self._url, self._connect_seconds = url, connect_seconds
        self._pool: Pool[TargetConnection] = Pool(
            self._connect, size=size, is_alive=_is_alive, max_idle_seconds=MAX_IDLE_SECONDS
        )

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        until = time.monotonic() + self._connect_seconds
        writes = result_type is ResultType.NON_QUERY
        text = _bytes_of(sql) if writes else _question(sql)
        with self._pool.loan(
            patience_seconds=self._connect_seconds,
            open_connection=partial(self._connected_in_time, until),
        ) as loan:
            loan.connection.patience_seconds = timeout_seconds + MARGIN_SECONDS
            try:
                if writes:
                    return _change(loan, text, timeout_seconds * 1000)
                most = MOST_ROWS_OF_A_SCALAR if result_type is ResultType.SCALAR else None
                return _read(loan, text, timeout_seconds * 1000, keep, most)
            except psycopg.errors.ProtocolViolation as error:
                if not PARAMETER.search(text):
                    raise Unavailable from error
                raise BadStatement("the statement has a parameter, $1") from error
            except psycopg.Error as error:
                raise meaning_of(error) from error

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

    def _connected_in_time(self, until: float) -> TargetConnection:
        """The driver's timeout is for each address of a host, and not for finding these."""
        return wait_for(
            self._connect,
            seconds=max(until - time.monotonic(), CHECK_SECONDS),
            late=Unavailable,
            discard=TargetConnection.close,
        )

    def _connect(self) -> TargetConnection:
        with translated():
            connection = TargetConnection.connect(
                self._url.address.get_secret_value(),
                client_encoding="utf8",
                **connect_arguments(
                    self._url, connect_seconds=self._connect_seconds, name="watchkeeper-kpi"
                ),
            )
            take_any_time(connection)
            connection.begin_exchanges()
            connection.patience_seconds = self._connect_seconds
            connection.exchange(*map(Preparation, PREPARED), SYNC)
        return connection


def _read(
    loan: Loan[TargetConnection], sql: bytes, timeout_ms: int, keep: int, most: int | None
) -> Answer:
    """Where the answer is there and what follows fails, it is the connection that is of no use."""
    question = Question(sql, keep, most)
    try:
        _exchange(loan, timeout_ms, BEGIN_READING, question, ROLLBACK, UNLOCK, SYNC)
    except EnoughRows:
        return Answer(question.columns, question.rows, keep)
    except psycopg.Error:
        loan.is_last |= question.is_answered
        if not question.is_answered:
            raise
    if not question.columns:
        raise BadStatement("the statement returns no rows")
    count = question.row_count if most is None else len(question.rows)
    return Answer(question.columns, question.rows, count)


def _change(loan: Loan[TargetConnection], sql: bytes, timeout_ms: int) -> Answer:
    """Committed in a round trip of its own: what comes too late changes nothing."""
    question = Question(sql, keep=0)
    _exchange(loan, timeout_ms, BEGIN_WRITING, question, SYNC)
    loan.is_last = True
    loan.connection.exchange(COMMIT, SYNC)
    return Answer((), (), question.row_count)


def _exchange(loan: Loan[TargetConnection], timeout_ms: int, *commands: Command) -> None:
    """After anything else than a server's refusal the connection is not used again."""
    connection, loan.is_last = loan.connection, True
    if connection.timeout_ms != timeout_ms:
        commands = (_settings(timeout_ms), SYNC, *commands)
    try:
        connection.exchange(*commands)
    except psycopg.Error as error:
        loan.is_last = (error.sqlstate or "08")[:2] in DOUBTFUL
        raise
    connection.timeout_ms, loan.is_last = timeout_ms, False


def _settings(timeout_ms: int) -> Command:
    return Statement(
        b"SELECT pg_catalog.set_config('timezone', 'UTC', false),"
        b" pg_catalog.set_config('statement_timeout', '%d', false)" % timeout_ms
    )


def _is_alive(connection: TargetConnection) -> bool:
    """Also undoes what an error has left open."""
    connection.patience_seconds = CHECK_SECONDS
    is_open = connection.pgconn.transaction_status != TransactionStatus.IDLE
    try:
        connection.exchange(*((UNDO, UNLOCK) if is_open else ()), SYNC)
    except psycopg.Error:
        return False
    return True


@lru_cache(maxsize=MOST_KNOWN)
def _question(sql: str) -> bytes:
    """A server that reads only still lets a session be changed, and carries out COPY TO PROGRAM."""
    text = _bytes_of(sql)
    if READS.match(sql):
        return text
    message = f"a Scalar or DataSet begins with {WORDS.replace('|', ', ')}"
    first = FIRST_WORD.match(sql)
    if first is not None and first[1].upper() not in COMMANDS:
        raise BadStatement(message)
    raise NotAllowed(message)


def _bytes_of(sql: str) -> bytes:
    try:
        text = sql.encode()
    except UnicodeEncodeError as error:
        raise BadStatement("the statement is no text") from error
    if b"\0" in text:
        raise BadStatement("the statement has a zero character in it")
    return text
