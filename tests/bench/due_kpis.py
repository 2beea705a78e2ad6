"""KPIs of a bench in its store: made once, due when it says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.bulk import statements_in

STATEMENTS = statements_in(Path(__file__).with_name("kpis.sql"))


@dataclass(frozen=True, slots=True)
class DueKpis:
    """`store` is in autocommit; a group of KPIs has one connection and one query, of its name."""

    store: psycopg.Connection[Any]

    def add(
        self,
        name: str,
        address: str,
        statement: str,
        *,
        kpis: int,
        max_parallel: int = 5,
        timeout_seconds: int = 30,
    ) -> None:
        where = {"name": name, "timeout_seconds": timeout_seconds}
        self._run("connection", **where, address=address, max_parallel=max_parallel)
        self._run("kpis", **where, statement=statement, kpis=kpis)

    def make_due(self, name: str, kpis: int, *, for_seconds: float = 60) -> None:
        """So many of a group, which have been due for so long."""
        self._run("make_due", name=name, kpis=kpis, seconds=for_seconds)

    def settle(self) -> None:
        """Nothing is due, nothing was ever found, and the server has nothing to catch up with."""
        self._run("postpone")
        self.store.execute(
            "TRUNCATE monitoring.database_monitoring_results, monitoring.worker_jobs"
        )
        self.store.execute("VACUUM ANALYZE monitoring.indicators")
        self.store.execute("CHECKPOINT")

    def count_results(self, pattern: str = "%") -> int:
        row = self.store.execute(
            "SELECT count(*) FROM monitoring.database_monitoring_results"
            "  JOIN monitoring.indicators USING (indicator_id)"
            " WHERE indicator_name LIKE %s AND status = 'Healthy'",
            [pattern],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _run(self, statement: str, /, **values: object) -> None:
        text, bound = STATEMENTS[statement].bind(values)
        psycopg.ClientCursor(self.store).execute(text.encode(), bound)
