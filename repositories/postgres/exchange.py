"""Several commands in one round trip, and the rows of one of them in pieces: libpq's pipeline mode.

psycopg's own pipeline keeps all rows of all answers, and its streams cannot be part of one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from threading import Thread
from typing import Any, Protocol

import psycopg
from psycopg import abc, capabilities, generators, waiting
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from repositories.postgres.connections import ImpatientConnection, NoAnswer

CANCEL_SECONDS = 5.0
LOOKING_SECONDS = 1.0
ROWS_A_PIECE = 50
ROWS = (ExecStatus.SINGLE_TUPLE, ExecStatus.TUPLES_CHUNK, ExecStatus.TUPLES_OK)
COPIES = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)
FATAL_ERROR, PIPELINE_SYNC = ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_SYNC


class EnoughRows(Exception):
    """More rows are coming than anybody wants; the connection can only be closed."""


class Command(Protocol):
    """What the server is asked to do."""

    def send(self, pgconn: PGconn) -> None: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """Anything that is not worth being prepared."""

    sql: bytes

    def send(self, pgconn: PGconn) -> None:
        pgconn.send_query_params(self.sql, None)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that a connection knows by name, once it was sent its `Preparation`."""

    name: bytes
    sql: bytes

    def send(self, pgconn: PGconn) -> None:
        pgconn.send_query_prepared(self.name, None)


@dataclass(frozen=True, slots=True)
class Preparation:
    statement: Prepared

    def send(self, pgconn: PGconn) -> None:
        pgconn.send_prepare(self.statement.name, self.statement.sql)


class _Sync:
    def send(self, pgconn: PGconn) -> None:
        pgconn.pipeline_sync()


SYNC = _Sync()
"""Of the commands up to here none is carried out after one that fails; those behind it are."""


@dataclass(slots=True)
class Question:
    """A statement, of whose answer the first `keep` rows are kept.

    `row_count` is how many rows came, or were changed. Raises EnoughRows after `most`.
    """

    sql: bytes
    keep: int
    most: int | None = None
    columns: Sequence[str] = ()
    rows: list[Sequence[object]] = field(default_factory=list)
    row_count: int = 0
    is_answered: bool = False
    _reader: abc.Transformer | None = None

    def send(self, pgconn: PGconn) -> None:
        pgconn.send_query_params(self.sql, None)

    def take(self, result: PGresult, connection: psycopg.Connection[Any]) -> None:
        """A piece of the rows, the last of which may be empty; or what came instead of rows."""
        status = result.status
        if status not in ROWS:
            self.row_count += result.command_tuples or 0
            return
        count, reader = result.ntuples, self._reader
        if reader is None:
            reader = self._reader = Transformer(connection)
            reader.set_pgresult(result)
            self.columns = list(_columns(result))
        missing = min(self.keep - len(self.rows), count)
        if missing > 0:
            reader.set_pgresult(result, set_loaders=False)
            self.rows += reader.load_rows(0, missing, tuple)
        self.row_count += count
        self.is_answered = status == ExecStatus.TUPLES_OK
        if self.most is not None and self.row_count > self.most:
            raise EnoughRows


class PipelineConnection(ImpatientConnection):
    """What it no longer waits for is cancelled in the background."""

    def begin_exchanges(self) -> None:
        """Nothing but `exchange` is possible afterwards."""
        self.pgconn.enter_pipeline_mode()

    def exchange(self, *commands: Command) -> None:
        """Send all, the last of which is a SYNC, and hear what became of each.

        Raises the first error. Where that has no SQLSTATE, or is no error of psycopg, something is
        still on its way, and the connection can only be closed.
        """
        pgconn = self.pgconn
        for command in commands:
            command.send(pgconn)
        try:
            error = waiting.wait(
                self._hear(commands), pgconn.socket, LOOKING_SECONDS, self.patience_seconds
            )
        except psycopg.errors._WaitTimeout as late:
            self.give_up()
            raise NoAnswer("the server does not answer") from late
        if error is not None:
            raise error

    def give_up(self) -> None:
        cancel = _cancelling(self.pgconn)
        self.close()
        Thread(target=cancel, name="cancel", daemon=True).start()

    def _hear(self, commands: Sequence[Command]) -> abc.PQGen[psycopg.Error | None]:
        """Polls as psycopg's generators do, without one of them for each of many results."""
        pgconn, error = self.pgconn, None
        yield from generators.send(pgconn)
        for command in commands:
            question = command if isinstance(command, Question) else None
            if question is not None:
                _read_in_pieces(pgconn)
            while True:
                while pgconn.is_busy():
                    while not (yield waiting.WAIT_R):
                        pass
                    pgconn.consume_input()
                result = pgconn.get_result()
                if result is None:
                    if command is SYNC:
                        return error or psycopg.OperationalError("the connection is lost")
                    break
                status = result.status
                if status == PIPELINE_SYNC:
                    break
                if status == FATAL_ERROR:
                    error = error or error_from_result(result)
                elif status in COPIES:
                    raise psycopg.NotSupportedError("COPY is no statement to be asked")
                elif question is not None:
                    question.take(result, self)
        return error


def _columns(result: PGresult) -> Iterator[str]:
    for number in range(result.nfields):
        yield (result.fname(number) or b"").decode(errors="replace")


@cache
def _has_pieces() -> bool:
    """Before libpq 17 it is row by row."""
    return capabilities.has_stream_chunked()


def _read_in_pieces(pgconn: PGconn) -> None:
    if _has_pieces():
        pgconn.set_chunked_rows_mode(ROWS_A_PIECE)
    else:
        pgconn.set_single_row_mode()


def _cancelling(pgconn: PGconn) -> Callable[[], None]:
    """What cancels the connection's statement, even when the connection is closed."""
    if not capabilities.has_cancel_safe():
        return pgconn.get_cancel().cancel
    cancel = pgconn.cancel_conn()

    def run() -> None:
        with suppress(psycopg.Error):
            cancel.start()
            waiting.wait_conn(generators.cancel(cancel), 0.1, timeout=CANCEL_SECONDS)

    return run
