"""The jobs database, as its own tables have it: sessions are read-only, but those of `change`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from repositories.activity import SqlActivity
from repositories.contracts.databases import Database, Session
from repositories.errors import BadStatement
from repositories.failures import SqlFailures
from repositories.histories import SqlHistories
from repositories.job_health import SqlJobHealth
from repositories.jobs import SqlJobs
from repositories.layouts import columns_by_table, flags_of, layout_of
from repositories.performance import SqlPerformance
from repositories.poison import SqlPoison
from repositories.records.jobs import Layout
from repositories.requeues import SqlRequeues
from repositories.statistics import SqlStatistics


@dataclass(frozen=True, slots=True)
class SqlJobsWork:
    layout: Layout
    jobs: SqlJobs
    histories: SqlHistories
    requeues: SqlRequeues
    failures: SqlFailures
    poison: SqlPoison
    job_health: SqlJobHealth
    statistics: SqlStatistics
    activity: SqlActivity
    performance: SqlPerformance

    @classmethod
    def on(cls, session: Session, layout: Layout) -> "SqlJobsWork":
        return cls(
            layout,
            SqlJobs(session),
            SqlHistories(session),
            SqlRequeues(session, layout),
            SqlFailures(session),
            SqlPoison(session),
            SqlJobHealth(session),
            SqlStatistics(session),
            SqlActivity(session),
            SqlPerformance(session),
        )


class SqlJobsDatabase:
    """Its tables are looked at once, and again after a statement that did not fit them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._fitted: tuple[Database, Layout] | None = None

    @contextmanager
    def read(self) -> Iterator[SqlJobsWork]:
        with self.session(lambda database: database.reading()) as (session, layout):
            yield SqlJobsWork.on(session, layout)

    @contextmanager
    def change(self) -> Iterator[SqlJobsWork]:
        with self.session(lambda database: database.transaction()) as (session, layout):
            yield SqlJobsWork.on(session, layout)

    @contextmanager
    def session(
        self, open_session: Callable[[Database], AbstractContextManager[Session]]
    ) -> Iterator[tuple[Session, Layout]]:
        """A session of one kind, whose statements fit the tables, and how these differ."""
        database, layout = self._fitted or self._fit()
        try:
            with open_session(database) as session:
                yield session, layout
        except BadStatement:
            self._fitted = None
            raise

    def lock(self, name: str) -> AbstractContextManager[bool]:
        return self._database.lock(name)

    def _fit(self) -> tuple[Database, Layout]:
        with self._database.reading() as session:
            columns = columns_by_table(session.rows("relations.columns"))
        self._fitted = self._database.reading_from(flags_of(columns)), layout_of(columns)
        return self._fitted
