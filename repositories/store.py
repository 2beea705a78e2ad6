"""Watchkeeper's own data: one session, every repository."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from repositories.audit import SqlAudit
from repositories.baselines import SqlBaselines
from repositories.config import SqlConfig
from repositories.connections import SqlConnections
from repositories.contracts.databases import Database, Session
from repositories.dead_letters import SqlDeadLetters
from repositories.executions import SqlExecutions
from repositories.facts import SqlFacts
from repositories.heartbeats import SqlHeartbeats
from repositories.hours import SqlHours
from repositories.indicators import SqlIndicators
from repositories.locks import SqlLocks
from repositories.metrics import SqlMetrics
from repositories.overviews import SqlOverviews
from repositories.pasts import SqlPasts
from repositories.queries import SqlQueries
from repositories.results import SqlResults
from repositories.retention import SqlRetention
from repositories.retries import SqlRetries
from repositories.workers import SqlWorkers


@dataclass(frozen=True, slots=True)
class SqlWork:
    heartbeats: SqlHeartbeats
    workers: SqlWorkers
    connections: SqlConnections
    queries: SqlQueries
    indicators: SqlIndicators
    executions: SqlExecutions
    results: SqlResults
    pasts: SqlPasts
    overviews: SqlOverviews
    hours: SqlHours
    metrics: SqlMetrics
    baselines: SqlBaselines
    config: SqlConfig
    retention: SqlRetention
    audit: SqlAudit
    retries: SqlRetries
    dead_letters: SqlDeadLetters
    facts: SqlFacts
    locks: SqlLocks

    @classmethod
    def on(cls, session: Session) -> "SqlWork":
        return cls(
            heartbeats=SqlHeartbeats(session),
            workers=SqlWorkers(session),
            connections=SqlConnections(session),
            queries=SqlQueries(session),
            indicators=SqlIndicators(session),
            executions=SqlExecutions(session),
            results=SqlResults(session),
            pasts=SqlPasts(session),
            overviews=SqlOverviews(session),
            hours=SqlHours(session),
            metrics=SqlMetrics(session),
            baselines=SqlBaselines(session),
            config=SqlConfig(session),
            retention=SqlRetention(session),
            audit=SqlAudit(session),
            retries=SqlRetries(session),
            dead_letters=SqlDeadLetters(session),
            facts=SqlFacts(session),
            locks=SqlLocks(session),
        )


class SqlStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> AbstractContextManager[SqlWork]:
        return _work_on(self._database.reading())

    def single(self) -> AbstractContextManager[SqlWork]:
        return _work_on(self._database.single())

    def work(self) -> AbstractContextManager[SqlWork]:
        return _work_on(self._database.transaction())

    def lock(self, name: str) -> AbstractContextManager[bool]:
        return self._database.lock(name)

    def ping(self) -> None:
        self._database.ping()

    def mean_query_ms(self) -> float | None:
        return self._database.mean_query_ms()


@contextmanager
def _work_on(session: AbstractContextManager[Session]) -> Iterator[SqlWork]:
    with session as opened:
        yield SqlWork.on(opened)
