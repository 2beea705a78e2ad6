"""How a connection to PostgreSQL is made, and a pool that says at once why it cannot make one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

import psycopg
from psycopg.abc import RV, Buffer, PQGen
from psycopg.adapt import AdaptersMap, Loader
from psycopg.types.datetime import TimestampLoader
from psycopg.types.string import TextLoader
from psycopg_pool import ConnectionPool, PoolTimeout

from repositories.contracts.databases import PoolUse
from repositories.entra import entra_token
from repositories.errors import StorageError
from repositories.records.rows import Json
from repositories.urls import DatabaseUrl

ENTRA_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
CONNECT_SECONDS = 5
PATIENCE_SECONDS = 5.0
GLANCE_SECONDS = 0.1
RECENT_SECONDS = 1.0
CHECK_SECONDS = 2.0
MAX_LIFETIME_SECONDS = 1800
MAX_IDLE_SECONDS = 300


class JsonTextLoader(Loader):
    """json and jsonb as text: what is only passed on need not be parsed."""

    def load(self, data: Buffer) -> Json:
        return Json(bytes(data).decode())


class UtcTimestampLoader(TimestampLoader):
    """A timestamp without zone means UTC."""

    def load(self, data: Buffer) -> datetime:
        return super().load(data).replace(tzinfo=UTC)


@cache
def adapters() -> AdaptersMap:
    adapted = AdaptersMap(psycopg.adapters)
    adapted.register_loader("json", JsonTextLoader)
    adapted.register_loader("jsonb", JsonTextLoader)
    adapted.register_loader("timestamp", UtcTimestampLoader)
    adapted.register_loader("uuid", TextLoader)
    return adapted


class _Adapted:
    """psycopg takes its adapters from any object that has these two."""

    connection = None

    @property
    def adapters(self) -> AdaptersMap:
        return adapters()


def connect_arguments(url: DatabaseUrl, *, connect_seconds: int, name: str) -> dict[str, Any]:
    """What psycopg.connect needs beyond the address; called for each new connection."""
    arguments: dict[str, Any] = {
        "autocommit": True,
        "context": _Adapted(),
        "application_name": name,
        "connect_timeout": connect_seconds,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
    if url.entra:
        arguments["password"] = entra_token(ENTRA_SCOPE)
    return arguments


class NoAnswer(psycopg.OperationalError):
    """The server holds the connection and says nothing."""


class ImpatientConnection(psycopg.Connection[Any]):
    """Waits for no answer longer than `patience_seconds`.

    The server's own timeouts do not help where the server stands still, nor do the kernel's,
    which goes on acknowledging for it. A connection that was given up is closed.
    """

    patience_seconds: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(
                gen, interval, self.patience_seconds if timeout is None else timeout
            )
        except psycopg.errors._WaitTimeout as error:
            if timeout is not None:
                raise
            self.give_up()
            raise NoAnswer("the server does not answer") from error

    def give_up(self) -> None:
        """Called where the patience is at its end."""
        self.close()


def connect(
    url: DatabaseUrl,
    *,
    connect_seconds: int = CONNECT_SECONDS,
    patience_seconds: float | None = None,
    name: str = "watchkeeper",
) -> psycopg.Connection[Any]:
    """One connection in autocommit, outside any pool."""
    arguments = connect_arguments(url, connect_seconds=connect_seconds, name=name)
    connection = ImpatientConnection.connect(url.address.get_secret_value(), **arguments)
    connection.patience_seconds = patience_seconds
    return connection


class Failures:
    """The newest failure to connect."""

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._at = float("-inf")

    def note(self, error: Exception) -> None:
        self._error, self._at = error, time.monotonic()

    def since(self, instant: float) -> Exception | None:
        return self._error if self._at >= instant else None


class ReportingConnection(ImpatientConnection):
    """A connection whose failure to come about is noted for those who wait for it."""

    patience_seconds: float | None = CHECK_SECONDS

    @classmethod
    def connect(  # type: ignore[override]
        cls,
        conninfo: str = "",
        *,
        failures: Failures,
        **arguments: Any,  # noqa: ANN401
    ) -> Self:
        try:
            return super().connect(conninfo, **arguments)
        except psycopg.Error as error:
            failures.note(error)
            raise


class Pool:
    """At most `size` connections, opened when first needed and closed when idle.

    psycopg's pool tries in the background and lets a caller wait for its whole patience, even
    where the server refuses at once. Here the caller gets that refusal as it happens.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        *,
        size: int,
        name: str,
        patience_seconds: float,
        configure: Callable[[psycopg.Connection[Any]], None],
    ) -> None:
        self._failures = Failures()
        self._patience_seconds = patience_seconds

        def arguments() -> dict[str, Any]:
            try:
                made = connect_arguments(url, connect_seconds=CONNECT_SECONDS, name=name)
            except StorageError as error:
                self._failures.note(error)
                raise
            return {**made, "failures": self._failures}

        self._pool: ConnectionPool[Any] = ConnectionPool(
            url.address.get_secret_value(),
            connection_class=ReportingConnection,
            kwargs=arguments,
            configure=configure,
            check=self._check,
            min_size=0,
            max_size=size,
            max_lifetime=MAX_LIFETIME_SECONDS,
            max_idle=MAX_IDLE_SECONDS,
            reconnect_timeout=RECENT_SECONDS,
            open=False,
            name=name,
        )

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """Raises what the server said where it refused, PoolTimeout where all are busy."""
        self._pool.open()
        connection = self._take()
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def use(self) -> PoolUse:
        found = self._pool.get_stats()
        idle = found["pool_available"]
        return PoolUse(in_use=found["pool_size"] - idle, idle=idle, size=found["pool_max"])

    def close(self) -> None:
        self._pool.close()

    def _check(self, connection: ReportingConnection) -> None:
        connection.patience_seconds = CHECK_SECONDS
        try:
            ConnectionPool.check_connection(connection)
        except NoAnswer as error:
            self._failures.note(error)
            raise
        connection.patience_seconds = self._patience_seconds

    def _take(self) -> psycopg.Connection[Any]:
        started = time.monotonic()
        while True:
            try:
                connection: psycopg.Connection[Any] = self._pool.getconn(GLANCE_SECONDS)
                return connection
            except PoolTimeout:
                if failure := self._failures.since(started - RECENT_SECONDS):
                    raise failure from None
                if time.monotonic() - started > PATIENCE_SECONDS:
                    raise
