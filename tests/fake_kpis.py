"""What the fakes of connections, queries, KPIs, executions and results share."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from repositories.checks import fault_of
from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
    Stored,
)
from repositories.records.executions import WorkerJob
from repositories.records.kpis import Check, Connection, StoredResult
from tests.fake_clocks import FakeClock


@dataclass
class FakeIndicator:
    """A KPI with its next slot and its results, the oldest first."""

    stored: Stored[KpiDefinition]
    next_due_at: datetime
    results: list[StoredResult] = field(default_factory=list)


@dataclass
class FakeJob:
    """An execution, and under which lease until when."""

    row: WorkerJob
    indicator_id: str | None
    lease_id: str | None
    available_at: datetime | None


@dataclass
class FakeKpis:
    """By name; executions by job_id, the counters behind values (raw_number) by result_id."""

    clock: FakeClock
    connections: dict[str, Stored[ConnectionDefinition]] = field(default_factory=dict)
    queries: dict[str, Stored[QueryDefinition]] = field(default_factory=dict)
    indicators: dict[str, FakeIndicator] = field(default_factory=dict)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    counters: dict[str, Decimal] = field(default_factory=dict)

    def by_id(self, indicator_id: str) -> FakeIndicator | None:
        return next(
            (one for one in self.indicators.values() if one.stored.id == indicator_id), None
        )

    def connection(self, name: str) -> Connection:
        stored = self.connections[name]
        one = stored.definition
        return Connection(
            connection_id=stored.id,
            name=one.name,
            provider=one.provider,
            environment=one.environment,
            address=one.address,
            is_encrypted=one.is_encrypted,
            timeout_seconds=one.timeout_seconds,
            command_timeout_seconds=one.command_timeout_seconds,
            max_parallel=one.max_parallel,
            is_enabled=one.is_enabled,
        )

    def check(self, one: FakeIndicator, *, slot_at: datetime | None) -> Check:
        kpi, query = one.stored.definition, self.queries[one.stored.definition.query].definition
        connection = self.connection(kpi.connection)
        return Check(
            indicator_id=one.stored.id,
            name=kpi.name,
            schedule=kpi.schedule,
            jitter_seconds=kpi.jitter_seconds,
            priority=kpi.priority,
            max_retries=kpi.max_retries,
            slot_at=slot_at,
            claimed_at=self.clock(),
            connection=connection,
            sql=query.sql,
            timeout_seconds=query.timeout_seconds,
            rule=query.rule,
            history=kpi.history,
            fault=fault_of(query.rule) or fault_of(kpi.history),
            is_active=kpi.is_active,
            is_enabled=connection.is_enabled and query.is_enabled,
        )
