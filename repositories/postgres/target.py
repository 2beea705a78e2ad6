"""PostgreSQL as a target: one statement of a KPI, read-only, within its time."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import psycopg

from repositories.contracts.databases import Answer
from repositories.errors import BadStatement
from repositories.postgres.connections import connect
from repositories.postgres.faults import translated
from repositories.records.kpis import ResultType
from repositories.urls import DatabaseUrl

MARGIN_SECONDS = 1.0


class PostgresTarget:
    """Connects for each statement, so that a hanging one holds up nobody else."""

    def __init__(self, url: DatabaseUrl, *, connect_seconds: int) -> None:
        self._url, self._connect_seconds = url, connect_seconds

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        reads = result_type is not ResultType.NON_QUERY
        with translated(), self._transaction(timeout_seconds, reads=reads) as connection:
            if not reads:
                return Answer((), (), max(connection.execute(sql.encode()).rowcount, 0))
            return self._first_rows(connection, sql, keep, result_type)

    def close(self) -> None:
        """Nothing is held between two statements."""

    @staticmethod
    def _first_rows(
        connection: psycopg.Connection[Any], sql: str, keep: int, result_type: ResultType
    ) -> Answer:
        """Row by row, so that a query of millions needs no memory; a Scalar stops early."""
        with connection.cursor() as cursor:
            rows = cast(Generator[Any], cursor.stream(sql.encode()))
            try:
                kept = list(islice(rows, keep))
            except (psycopg.ProgrammingError, psycopg.InternalError) as error:
                if error.sqlstate is None:
                    raise BadStatement("the statement returns no rows") from error
                raise
            columns = [column.name for column in cursor.description or ()]
            if result_type is ResultType.SCALAR:
                rows.close()
                return Answer(columns, kept, len(kept))
            return Answer(columns, kept, len(kept) + sum(1 for _ in rows))

    @contextmanager
    def _transaction(
        self, timeout_seconds: int, *, reads: bool
    ) -> Iterator[psycopg.Connection[Any]]:
        with connect(
            self._url,
            connect_seconds=self._connect_seconds,
            patience_seconds=timeout_seconds + MARGIN_SECONDS,
            name="watchkeeper-kpi",
        ) as connection:
            connection.execute(
                "SELECT set_config('timezone', 'UTC', false),"
                " set_config('statement_timeout', %s, false),"
                " set_config('default_transaction_read_only', %s, false)",
                [str(timeout_seconds * 1000), "on" if reads else "off"],
            )
            with connection.transaction():
                yield connection
