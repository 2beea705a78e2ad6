"""A store with a history of any size: heartbeats and results as a large installation has them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from uuid import UUID

import psycopg

from tests.bench.bulk import run_at_once, run_statement, statements_in, without_indexes
from tests.bench.stores import configure, copy_of, migrated_server

SCRIPT = Path(__file__).with_name("history.sql")
HEARTBEATS = "monitoring.system_status_history"
RESULTS = "monitoring.database_monitoring_results"
HEARTBEAT_DAYS = 65
RESULT_DAYS = 95
RESULTS_EACH = 50_000
"""Of one KPI: every three minutes. So a table is long because it is old, and not because there are
more KPIs, whose newest results are each in another place of the indexes."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Two stores on one server, of full size and of a hundredth, and how long filling took.

    Both have as many services and KPIs as `sources`.
    """

    full: str
    hundredth: str
    sources: int
    filled_seconds: float


def kpi_id(number: int) -> str:
    """The indicator_id of one of the KPIs, from 0."""
    return str(UUID(md5(b"kpi %d" % number, usedforsecurity=False).hexdigest()))


@contextmanager
def filled_histories(rows: int) -> Iterator[Histories]:
    """So many rows of history, half of them heartbeats and half results, on a server that waits
    for its disk. It is filled without that, and without writing everything twice.
    """
    with migrated_server(durable=False) as server:
        configure(server, durable=False, wal_level="minimal", max_wal_senders=0)
        full, hundredth = (copy_of(server.url, name) for name in ("bench_full", "bench_hundredth"))
        started = time.monotonic()
        sources = max(rows // 2 // RESULTS_EACH, 1)
        _fill(hundredth, rows // 200, sources)
        _fill(full, rows // 2, sources)
        seconds = time.monotonic() - started
        configure(server, durable=True, wal_level="replica", max_wal_senders=10)
        yield Histories(full, hundredth, sources, seconds)


def _fill(url: str, rows: int, sources: int) -> None:
    statements = statements_in(SCRIPT)
    run_statement(url, statements["definitions"], {"kpis": sources})
    values = {"rows": rows}
    work = [
        (HEARTBEATS, "heartbeats", {**values, "services": sources, "days": HEARTBEAT_DAYS}),
        (RESULTS, "results", {**values, "kpis": sources, "days": RESULT_DAYS}),
    ]

    def load(table: str, name: str, given: dict[str, object]) -> None:
        text, bound = statements[name].bind(given)
        with psycopg.connect(url) as connection:
            connection.execute(f"TRUNCATE {table}".encode())
            psycopg.ClientCursor(connection).execute(text.encode(), bound)

    with without_indexes(url, [HEARTBEATS, RESULTS]):
        with ThreadPoolExecutor(len(work)) as pool:
            list(pool.map(lambda one: load(*one), work))
        run_at_once(url, [f"VACUUM (FREEZE, ANALYZE) {table}" for table in (HEARTBEATS, RESULTS)])
    _count_on(url, rows)


def _count_on(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for table, column in ((HEARTBEATS, "id"), (RESULTS, "result_id")):
            restart = f"ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {rows + 1}"
            connection.execute(restart.encode())
        connection.execute("VACUUM (ANALYZE) monitoring.indicators")
