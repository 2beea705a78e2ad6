"""SQL Server: a migration's file runs batch by batch, in one transaction that any error undoes."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from repositories.errors import Unavailable
from repositories.migrations.batches import split_batches
from repositories.migrations.database import CatalogueRow, read_statements
from repositories.migrations.errors import BodyFailed, MigrationError
from repositories.migrations.presence import ask_first
from repositories.migrations.sqlserver_catalogue import read_rows
from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.sqlserver.faults import words_of
from repositories.urls import DatabaseUrl

if TYPE_CHECKING:
    import pyodbc

PASSED_ON = re.compile(r"(^|; )(?:\[[^\]]*\] ?)+")
FUNCTION = re.compile(r" \(SQL\w+\)(?=; |$)")


class SqlServerDatabase:
    """See Database."""

    dialect = "mssql+pyodbc"

    def __init__(self, url: DatabaseUrl) -> None:
        self._pyodbc = load_driver()
        try:
            self.connection: Any = connect(url, name="watchkeeper-migrations")
        except self._pyodbc.Error as error:
            raise Unavailable(f"cannot connect: {_words(error)}") from error
        self.connection.autocommit = False
        self._statements = read_statements("sqlserver")

    def __enter__(self) -> Self:
        self._run("session")
        self.connection.commit()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()
        if isinstance(error, self._pyodbc.Error):
            raise MigrationError(_words(error)) from error

    def read_applied(self) -> str | None:
        cursor = self._run("applied")
        row = cursor.fetchone() if cursor.description else None
        self.connection.rollback()
        return row[0] if row else None

    def read_times(self) -> dict[str, datetime]:
        try:
            rows = self._run("times").fetchall()
        except self._pyodbc.ProgrammingError:
            rows = []
        self.connection.rollback()
        return {revision: happened_at.replace(tzinfo=UTC) for revision, happened_at in rows}

    def try_lock(self) -> bool:
        return self._take_lock(0)

    def lock(self, seconds: float) -> None:
        if not self._take_lock(max(1, round(seconds * 1000))):
            raise MigrationError(
                f"another migration of this database is still running after {seconds:g} s"
            )

    def prepare(self) -> None:
        try:
            self._run("prepare")
            self.connection.commit()
        except self._pyodbc.Error as error:
            raise MigrationError(
                f"cannot prepare the schema monitoring: {_words(error)}"
            ) from error

    def run_body(self, path: Path) -> None:
        cursor = self.connection.cursor()
        revision = path.name.partition("_")[0]
        for batch in split_batches(path.read_text("utf-8")):
            try:
                cursor.execute(ask_first(batch.text, revision))
                while cursor.nextset():  # a later statement's error waits behind the results
                    pass
            except self._pyodbc.Error as error:
                raise BodyFailed(path, batch.line, _words(error)) from error
        if self._run("transactions").fetchone()[0] != 1:
            raise BodyFailed(path, None, "it ends its transaction: leave COMMIT to the caller")

    def read_catalogue(self) -> Sequence[CatalogueRow]:
        rows = read_rows(lambda name: self._run(name).fetchall())
        self.connection.rollback()
        return rows

    def read_elsewhere(self) -> frozenset[str]:
        rows = self._run("elsewhere").fetchall()
        self.connection.rollback()
        return frozenset(name for (name,) in rows)

    def _run(self, name: str, *values: object) -> "pyodbc.Cursor":
        return self.connection.cursor().execute(self._statements[name], *values)

    def _take_lock(self, milliseconds: int) -> bool:
        cursor = self._run("lock", milliseconds)
        while cursor.description is None:  # a server may say first that it had to wait
            cursor.nextset()
        had: bool = cursor.fetchone()[0] >= 0
        self.connection.commit()
        return had


def _words(error: Exception) -> str:
    """Each message without who passed it on: its text and the server's number for it."""
    return FUNCTION.sub("", PASSED_ON.sub(r"\1", " ".join(words_of(error).split())))
