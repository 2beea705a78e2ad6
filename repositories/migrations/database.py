"""What the commands need of a database, whichever engine it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from repositories.statements import sections
from repositories.urls import DatabaseUrl

SCHEMA = "monitoring"
VERSION_TABLE = "schema_version"
HISTORY_TABLE = "schema_history"
MADE_TABLE = "schema_made"


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One thing of the live schema: what it is, where it belongs, and what is true of it."""

    kind: str
    owner: str | None  # the table of a column, constraint, index or trigger
    name: str
    facts: dict[str, Any]


class Database(Protocol):
    """One open connection, outside any transaction between two calls.

    Entered it is ready for migrating; left it is closed, and a driver's error is a MigrationError.
    """

    dialect: str
    """What SQLAlchemy calls this engine and its driver."""

    connection: Any
    """The driver's own connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def read_applied(self) -> str | None:
        """The newest revision applied; None where there is none, nor a version table."""

    def read_times(self) -> dict[str, datetime]:
        """When each revision was last applied or marked, as far as that was written down."""

    def try_lock(self) -> bool:
        """Whether this connection is now the only one that migrates this database."""

    def lock(self, seconds: float) -> None:
        """Wait for the lock; MigrationError when the time is over."""

    def prepare(self) -> None:
        """Make the schema that the version table lives in, and the history beside it."""

    def run_body(self, path: Path) -> None:
        """Run a whole file in the open transaction; BodyFailed names the line."""

    def read_catalogue(self) -> Sequence[CatalogueRow]:
        """The schemas monitoring and app as they are."""

    def read_elsewhere(self) -> frozenset[str]:
        """What of the schema monitoring another application made: its qualified names."""


def open_database(url: DatabaseUrl) -> Database:
    """Connect. Unavailable where that fails, in the driver's words; they hold no password."""
    if url.engine == "postgres":
        from repositories.migrations.postgres import PostgresDatabase

        return PostgresDatabase(url)
    from repositories.migrations.sqlserver import SqlServerDatabase

    return SqlServerDatabase(url)


def read_statements(engine: str) -> dict[str, str]:
    """The engine's own statements for migrating, by name."""
    return dict(sections((Path(__file__).parent / f"{engine}.sql").read_text("utf-8")))
