"""PostgreSQL: a migration's file runs whole, through libpq's simple protocol.

Nothing else leaves `%` and `:name` in a body alone and lets one call hold many statements.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus, TransactionStatus

from repositories.errors import Unavailable
from repositories.migrations.bodies import read_body
from repositories.migrations.database import CatalogueRow, read_statements
from repositories.migrations.errors import BodyFailed, MigrationError
from repositories.migrations.statements import split_statements
from repositories.urls import DatabaseUrl

KINDS = ("tables", "columns", "constraints", "indexes", "triggers", "views", "functions")


class PostgresDatabase:
    """See Database."""

    dialect = "postgresql+psycopg"

    def __init__(self, url: DatabaseUrl) -> None:
        self.connection: psycopg.Connection[Any] = _connect(url)
        self._statements = read_statements("postgres")

    def __enter__(self) -> Self:
        with self.connection.transaction():
            self._run("session")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()
        if isinstance(error, psycopg.Error):
            raise MigrationError(_words(error)) from error

    def read_applied(self) -> str | None:
        rows = self._rows_or_none("applied")
        return rows[0][0] if rows else None

    def read_times(self) -> dict[str, datetime]:
        return dict(self._rows_or_none("times"))

    def try_lock(self) -> bool:
        with self.connection.transaction():
            return bool(self._run("try_lock").fetchone() == (True,))

    def lock(self, seconds: float) -> None:
        try:
            with self.connection.transaction():
                wait = f"{max(1, round(seconds * 1000))}ms"
                self.connection.execute("SELECT set_config('lock_timeout', %s, true)", [wait])
                self._run("lock")
        except psycopg.errors.LockNotAvailable as error:
            raise MigrationError(
                f"another migration of this database is still running after {seconds:g} s"
            ) from error

    def prepare(self) -> None:
        try:
            with self.connection.transaction():
                self._run("prepare")
        except psycopg.Error as error:
            raise MigrationError(
                f"cannot prepare the schema monitoring: {_words(error)}"
            ) from error

    def run_body(self, path: Path) -> None:
        body = read_body(path)
        self.connection.execute("SELECT")  # begins the transaction, if the caller has not
        done, error = self._run_whole(body)
        if error is not None:
            raise BodyFailed(path, _line(body, done, error), _words(error)) from error
        if self.connection.info.transaction_status != TransactionStatus.INTRANS:
            raise BodyFailed(path, None, "it ends its transaction: leave COMMIT to the caller")

    def read_catalogue(self) -> Sequence[CatalogueRow]:
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return [
                CatalogueRow(kind, owner, name, facts)
                for kind in KINDS
                for owner, name, facts in self._run(kind).fetchall()
            ]

    def read_elsewhere(self) -> frozenset[str]:
        """Nothing: here a migration stops at what it finds."""
        return frozenset()

    def _run(self, name: str) -> psycopg.Cursor[Any]:
        return self.connection.execute(self._statements[name].encode())

    def _rows_or_none(self, name: str) -> list[Any]:
        try:
            return self._run(name).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
        finally:
            self.connection.rollback()

    def _run_whole(self, body: str) -> tuple[int, psycopg.Error | None]:
        """How many statements ran, and what stopped the next one.

        A cursor raises the error but keeps the count to itself, and the server gives no position
        for a good part of its errors ("relation already exists"): the count leads to their line.
        """
        pgconn = self.connection.pgconn
        pgconn.send_query(body.encode())
        results = self.connection.wait(generators.execute(pgconn))
        for done, result in enumerate(results):
            if result.status == ExecStatus.FATAL_ERROR:
                return done, psycopg.errors.error_from_result(result)
        return len(results), None


def _connect(url: DatabaseUrl) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(
            url.address.get_secret_value(),
            client_encoding="UTF8",
            application_name="watchkeeper-migrations",
            **_password(url),
        )
    except psycopg.Error as error:
        raise Unavailable(f"cannot connect: {_words(error)}") from error


def _password(url: DatabaseUrl) -> dict[str, Any]:
    if not url.entra:
        return {}
    from repositories.entra import entra_token
    from repositories.postgres.connections import ENTRA_SCOPE

    return {"password": entra_token(ENTRA_SCOPE)}


def _line(body: str, done: int, error: psycopg.Error) -> int | None:
    if error.diag.statement_position is not None:
        return body.count("\n", 0, int(error.diag.statement_position) - 1) + 1
    statements = split_statements(body)
    return statements[done].line if done < len(statements) else None


def _words(error: psycopg.Error) -> str:
    """The server's message, detail and hint on one line."""
    diag = error.diag
    parts = (diag.message_primary or str(error), diag.message_detail, diag.message_hint)
    return " ".join(" ".join(part.split()) for part in parts if part)
