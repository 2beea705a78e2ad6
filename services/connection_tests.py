"""A connection, tried out: does it lead anywhere, and how fast?"""

from contextlib import closing
from dataclasses import dataclass

from repositories.contracts.databases import Target
from repositories.contracts.store import Store
from repositories.errors import StorageError
from repositories.records.kpis import Connection
from services.checks import failure_of
from services.errors import NotFound
from services.stopwatch import Stopwatch
from services.targets import Targets

LONGEST_SECONDS = 60
LONGEST_VERSION = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTest:
    """How it went; `error_type` and `message` as a KPI's result would have them.

    `connect_ms` is how much longer the first statement took than the second, `query_ms`.
    """

    connection: str
    ok: bool
    error_type: str | None = None
    message: str | None = None
    connect_ms: float | None = None
    query_ms: float | None = None
    server_version: str | None = None


class ConnectionTestService:
    def __init__(self, store: Store, targets: Targets) -> None:
        self._store, self._targets = store, targets

    def test(self, name: str) -> ConnectionTest:
        """On a connection that is opened for it, within the times that are set for it."""
        with self._store.read() as work:
            connection = work.connections.connection(name)
        if connection is None:
            raise NotFound(f"no connection {name}")
        try:
            with closing(self._targets.open_anew(connection)) as target:
                return _try_out(connection, target)
        except StorageError as error:
            failure = failure_of(error)
            return ConnectionTest(
                connection=name, ok=False, error_type=failure.error_type, message=failure.message
            )


def _try_out(connection: Connection, target: Target) -> ConnectionTest:
    seconds = min(connection.command_timeout_seconds, LONGEST_SECONDS)
    watch = Stopwatch.start()
    version = target.version(timeout_seconds=seconds)
    both_ms, watch = watch.elapsed_ms, Stopwatch.start()
    target.version(timeout_seconds=seconds)
    query_ms = watch.elapsed_ms
    return ConnectionTest(
        connection=connection.name,
        ok=True,
        connect_ms=round(max(both_ms - query_ms, 0), 3),
        query_ms=query_ms,
        server_version=version[:LONGEST_VERSION],
    )
