"""The PostgreSQL engine: sessions of three kinds, a lock, and the named statements."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from sys import intern
from typing import Any, Self

import psycopg
from psycopg.rows import tuple_row

from repositories import statements
from repositories.contracts.databases import PoolUse, Row
from repositories.postgres.connections import Pool
from repositories.postgres.faults import translated
from repositories.timings import Timings
from repositories.urls import DatabaseUrl

IDLE_IN_TRANSACTION_SECONDS = 60
MARGIN_SECONDS = 5.0


class PostgresSession:
    """One connection, and the statements it may be asked by name.

    They are prepared where they are repeated, unless each is to be planned `anew`.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        catalogue: Mapping[str, statements.Statement],
        timings: Timings,
        *,
        anew: bool = False,
    ) -> None:
        self._connection, self._catalogue, self._timings = connection, catalogue, timings
        self._prepare = False if anew else None

    def rows(self, statement: str, /, **values: object) -> list[Row]:
        cursor = self._execute(statement, values)
        names = _names(cursor)
        return [dict(zip(names, row, strict=False)) for row in cursor.fetchall()]

    def row(self, statement: str, /, **values: object) -> Row | None:
        cursor = self._execute(statement, values)
        row = cursor.fetchone()
        return None if row is None else dict(zip(_names(cursor), row, strict=True))

    def run(self, statement: str, /, **values: object) -> int:
        return self._execute(statement, values).rowcount

    def _execute(self, name: str, values: Mapping[str, object]) -> psycopg.Cursor[Any]:
        text, parameters = self._catalogue[name].bind(values)
        cursor = self._connection.cursor(row_factory=tuple_row)
        started = time.perf_counter()
        with translated():
            cursor.execute(text.encode(), parameters, prepare=self._prepare)
        self._timings.note(time.perf_counter() - started)
        return cursor


def _names(cursor: psycopg.Cursor[Any]) -> list[str]:
    """The columns. The very strings that a record's fields have: so it is filled faster."""
    result = cursor.pgresult
    if result is None:
        return []
    names = map(result.fname, range(result.nfields))
    return [intern(name.decode()) for name in names if name is not None]


class PostgresDatabase:
    """PostgreSQL 13 or newer. Opens nothing before it is first used.

    `size` bounds the connections of each of two pools, one read-only; `timeout_seconds` bounds
    every statement at the server; `names` fills the identifiers of the statements.
    """

    def __init__(
        self, url: DatabaseUrl, *, size: int, timeout_seconds: float, names: Mapping[str, str]
    ) -> None:
        self._names = names
        self._timeout_ms = int(timeout_seconds * 1000)
        self._timings = Timings()
        patience = timeout_seconds + MARGIN_SECONDS
        self._readers = Pool(
            url,
            size=size,
            name="watchkeeper-read",
            patience_seconds=patience,
            configure=self._read_only,
        )
        self._writers = Pool(
            url,
            size=size,
            name="watchkeeper",
            patience_seconds=patience,
            configure=self._read_write,
        )

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        with translated(), self._readers.connection() as connection:
            yield self._session(connection)

    @contextmanager
    def single(self) -> Iterator[PostgresSession]:
        with translated(), self._writers.connection() as connection:
            yield self._session(connection)

    @contextmanager
    def transaction(self) -> Iterator[PostgresSession]:
        """What is many rows at once is planned for the tables as they are: a plan that was made
        while a table was empty reads all of it.
        """
        with translated(), self._writers.connection() as connection, connection.transaction():
            yield PostgresSession(connection, self._catalogue, self._timings, anew=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        with self.single() as session:
            row = session.row("locks.take", name=name)
            held = row is not None and bool(row["held"])
            try:
                yield held
            finally:
                if held:
                    session.row("locks.release", name=name)

    def ping(self) -> None:
        with self.reading() as session:
            session.row("health.ping")

    def mean_query_ms(self) -> float | None:
        return self._timings.mean_ms()

    def pool_use(self) -> Mapping[str, PoolUse]:
        return {"read": self._readers.use(), "write": self._writers.use()}

    def reading_from(self, relations: Mapping[str, Collection[str]]) -> Self:
        other = copy(self)
        names = {**self._names, **self._catalogue.relations(relations)}
        other._catalogue = statements.load("postgres", "%s", names)
        return other

    def close(self) -> None:
        self._readers.close()
        self._writers.close()

    @cached_property
    def _catalogue(self) -> statements.Catalogue:
        return statements.load("postgres", "%s", self._names)

    def _session(self, connection: psycopg.Connection[Any]) -> PostgresSession:
        return PostgresSession(connection, self._catalogue, self._timings)

    def _read_only(self, connection: psycopg.Connection[Any]) -> None:
        self._read_write(connection)
        connection.execute("SET default_transaction_read_only = on")

    def _read_write(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(
            "SELECT set_config('timezone', 'UTC', false),"
            " set_config('statement_timeout', %s, false),"
            " set_config('idle_in_transaction_session_timeout', %s, false)",
            [str(self._timeout_ms), str(IDLE_IN_TRANSACTION_SECONDS * 1000)],
        )
