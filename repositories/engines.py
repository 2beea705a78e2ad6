"""Which engine: asked once, where things are built."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, Self

from repositories.contracts.databases import Database, PoolUse, Session
from repositories.errors import BadUrl, NotConfigured, StorageError
from repositories.urls import DatabaseUrl, EngineName, parse


def open_database(
    url: str | None, *, setting: str, size: int, timeout_seconds: float, names: Mapping[str, str]
) -> Database:
    """The engine of a URL, opened when first used.

    Where the URL is missing or wrong, every use of it raises NotConfigured, naming the setting.
    """
    if not url:
        return Unconfigured(f"{setting} is not set")
    try:
        address = parse(url)
    except BadUrl as error:
        return Unconfigured(f"{setting}: {error}")
    engine = _engine(address.engine)
    try:
        return engine(address, size=size, timeout_seconds=timeout_seconds, names=names)
    except NotConfigured as error:
        return Unconfigured(f"{setting}: {error}")


def engine_of(url: str | None) -> EngineName:
    """Which engine's statements and migrations a URL is for; PostgreSQL's where it says nothing."""
    try:
        return parse(url).engine if url else "postgres"
    except BadUrl:
        return "postgres"


class Engine(Protocol):
    def __call__(
        self, url: DatabaseUrl, /, *, size: int, timeout_seconds: float, names: Mapping[str, str]
    ) -> Database: ...


def _engine(name: EngineName) -> Engine:
    """Each engine's driver takes long to import, or may be missing: only the one asked for is."""
    if name == "sqlserver":
        from repositories.sqlserver import SqlServerDatabase

        return SqlServerDatabase
    from repositories.postgres import PostgresDatabase

    return PostgresDatabase


class Unconfigured:
    """Stands where a database is not configured, and says so to whoever asks it."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def reading(self) -> AbstractContextManager[Session]:
        raise self._error()

    single = transaction = reading

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        raise self._error()
        yield False

    def ping(self) -> None:
        raise self._error()

    def mean_query_ms(self) -> float | None:
        return None

    def pool_use(self) -> Mapping[str, PoolUse]:
        return {}

    def reading_from(self, relations: Mapping[str, Collection[str]]) -> Self:
        return self

    def close(self) -> None:
        """Nothing is open."""

    def _error(self) -> StorageError:
        return NotConfigured(self._reason)
