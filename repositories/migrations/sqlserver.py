"""SQL Server: a migration's file runs batch by batch, in one transaction that any error undoes."""

import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from repositories.errors import Unavailable
from repositories.migrations.batches import split_batches
from repositories.migrations.database import CatalogueRow, read_statements
from repositories.migrations.errors import BodyFailed, MigrationError
from repositories.urls import DatabaseUrl

if TYPE_CHECKING:
    import pyodbc

ENTRA_SCOPE = "https://database.windows.net/.default"
SQL_COPT_SS_ACCESS_TOKEN = 1256
DEFAULT_PORT = 1433
PLAIN = re.compile(r"[\w.,:\\-]+")
DEFAULT_DRIVER = "ODBC Driver 18 for SQL Server"


class SqlServerDatabase:
    """See Database."""

    dialect = "mssql+pyodbc"

    def __init__(self, url: DatabaseUrl) -> None:
        self._pyodbc = _import_pyodbc()
        before = {SQL_COPT_SS_ACCESS_TOKEN: _entra_token()} if url.entra else {}
        try:
            self.connection: Any = self._pyodbc.connect(odbc_string(url), attrs_before=before)
        except self._pyodbc.Error as error:
            raise Unavailable(f"cannot connect: {_words(error)}") from error
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
        for batch in split_batches(path.read_text("utf-8")):
            try:
                cursor.execute(batch.text)
                while cursor.nextset():  # a later statement's error waits behind the results
                    pass
            except self._pyodbc.Error as error:
                raise BodyFailed(path, batch.line, _words(error)) from error
        if self._run("transactions").fetchone()[0] != 1:
            raise BodyFailed(path, None, "it ends its transaction: leave COMMIT to the caller")

    def read_catalogue(self) -> Sequence[CatalogueRow]:
        raise MigrationError("verify and snapshot are not there yet for SQL Server")

    def _run(self, name: str, *values: object) -> "pyodbc.Cursor":
        return self.connection.cursor().execute(self._statements[name], *values)

    def _take_lock(self, milliseconds: int) -> bool:
        had = self._run("lock", milliseconds).fetchone()[0] >= 0
        self.connection.commit()
        return bool(had)


def odbc_string(url: DatabaseUrl) -> str:
    """What ODBC takes for a URL; an ODBC string stays as it is."""
    address = url.address.get_secret_value()
    if "://" not in address:
        return address
    parts = urlsplit(address)
    values = [
        *parse_qsl(parts.query),  # first, because ODBC takes the first of two of one name
        ("Driver", DEFAULT_DRIVER),
        ("Server", f"{parts.hostname},{parts.port or DEFAULT_PORT}"),
        ("Database", unquote(parts.path.lstrip("/"))),
        ("UID", unquote(parts.username or "")),
        ("PWD", unquote(parts.password or "")),
    ]
    return ";".join(f"{name}={_quoted(value)}" for name, value in values if value)


def _quoted(value: str) -> str:
    if PLAIN.fullmatch(value):
        return value
    return "{" + value.replace("}", "}}") + "}"


def _import_pyodbc() -> ModuleType:
    try:
        return import_module("pyodbc")
    except ImportError as error:
        raise Unavailable(f"SQL Server needs pyodbc and unixODBC: {error}") from error


def _entra_token() -> bytes:
    from azure.identity import DefaultAzureCredential

    token = DefaultAzureCredential().get_token(ENTRA_SCOPE).token.encode("utf-16-le")
    return struct.pack(f"<I{len(token)}s", len(token), token)


def _words(error: Exception) -> str:
    return " ".join(str(error.args[-1]).split())
