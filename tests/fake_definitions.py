"""Connections, queries and KPIs in memory."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import uuid4

from repositories.records.definitions import (
    ConnectionDefinition,
    DefinitionFilter,
    KpiDefinition,
    QueryDefinition,
    Stored,
)
from repositories.records.kpis import Check, Connection, Kpi, VerdictCount
from services.judging.rates import unit_of
from tests.fake_kpis import FakeIndicator, FakeKpis

D = TypeVar("D", ConnectionDefinition, QueryDefinition, KpiDefinition)


class FakeDefinitions(ABC, Generic[D]):
    """The rules of all three kinds; what is theirs alone is in the methods that raise here."""

    def __init__(self, kpis: FakeKpis) -> None:
        self._kpis = kpis

    def find(self, name: str) -> Stored[D] | None:
        return self._all().get(name)

    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> list[Stored[D]]:
        found = [
            one
            for name, one in sorted(self._all().items())
            if (after is None or name > after) and self._fits(one.definition, filters)
        ]
        return found[:limit]

    def add(self, definition: D, *, actor: str) -> bool:
        if definition.name in self._all() or not self._is_whole(definition):
            return False
        now = self._kpis.clock()
        self._keep(
            Stored(
                definition=definition,
                id=str(uuid4()),
                version=1,
                created_at=now,
                created_by=actor,
                modified_at=now,
                modified_by=actor,
            )
        )
        return True

    def replace(self, definition: D, *, version: int, actor: str) -> bool:
        old = self._all().get(definition.name)
        if old is None or old.version != version or not self._is_whole(definition):
            return False
        self._keep(
            replace(
                old,
                definition=definition,
                version=version + 1,
                modified_at=self._kpis.clock(),
                modified_by=actor,
            )
        )
        return True

    def remove(self, name: str, *, version: int) -> bool:
        old = self._all().get(name)
        if old is None or old.version != version or self.users(name, limit=1):
            return False
        self._drop(name)
        return True

    def add_all(self, definitions: Sequence[D], *, actor: str) -> frozenset[str]:
        return frozenset(one.name for one in definitions if self.add(one, actor=actor))

    def replace_all(self, definitions: Sequence[tuple[D, int]], *, actor: str) -> frozenset[str]:
        return frozenset(
            one.name
            for one, version in definitions
            if self.replace(one, version=version, actor=actor)
        )

    def remove_all(self, versions: Mapping[str, int]) -> frozenset[str]:
        return frozenset(
            name for name, version in versions.items() if self.remove(name, version=version)
        )

    def users(self, name: str, *, limit: int) -> Sequence[str]:
        users = (one.stored.definition for one in self._kpis.indicators.values())
        return sorted(kpi.name for kpi in users if self._uses(kpi, name))[:limit]

    @abstractmethod
    def _all(self) -> Mapping[str, Stored[D]]: ...
    @abstractmethod
    def _keep(self, stored: Stored[D]) -> None: ...
    @abstractmethod
    def _drop(self, name: str) -> None: ...
    @abstractmethod
    def _fits(self, definition: D, filters: DefinitionFilter) -> bool: ...

    def _uses(self, kpi: KpiDefinition, name: str) -> bool:
        return False

    def _is_whole(self, definition: D) -> bool:
        return True


class FakeConnections(FakeDefinitions[ConnectionDefinition]):
    def connection(self, name: str) -> Connection | None:
        return self._kpis.connection(name) if name in self._kpis.connections else None

    def count_encrypted(self) -> int:
        return sum(one.definition.is_encrypted for one in self._all().values())

    def _all(self) -> Mapping[str, Stored[ConnectionDefinition]]:
        return self._kpis.connections

    def _keep(self, stored: Stored[ConnectionDefinition]) -> None:
        self._kpis.connections[stored.definition.name] = stored

    def _drop(self, name: str) -> None:
        del self._kpis.connections[name]

    def _uses(self, kpi: KpiDefinition, name: str) -> bool:
        return kpi.connection == name

    def _fits(self, definition: ConnectionDefinition, filters: DefinitionFilter) -> bool:
        return (
            filters.environment in {None, definition.environment}
            and filters.provider in {None, definition.provider}
            and (filters.tag is None or filters.tag in definition.tags)
            and filters.enabled in {None, definition.is_enabled}
            and (filters.status is None or filters.status in self._statuses(definition.name))
        )

    def _statuses(self, name: str) -> set[str]:
        return {
            _status(one)
            for one in self._kpis.indicators.values()
            if one.stored.definition.connection == name and one.stored.definition.is_active
        }


class FakeQueries(FakeDefinitions[QueryDefinition]):
    def providers(self, name: str) -> Sequence[str]:
        users = [self._kpis.indicators[user] for user in self.users(name, limit=10**6)]
        places = {one.stored.definition.connection for one in users}
        return sorted({self._kpis.connections[place].definition.provider for place in places})

    def _all(self) -> Mapping[str, Stored[QueryDefinition]]:
        return self._kpis.queries

    def _keep(self, stored: Stored[QueryDefinition]) -> None:
        self._kpis.queries[stored.definition.name] = stored

    def _drop(self, name: str) -> None:
        del self._kpis.queries[name]

    def _uses(self, kpi: KpiDefinition, name: str) -> bool:
        return kpi.query == name

    def _fits(self, definition: QueryDefinition, filters: DefinitionFilter) -> bool:
        return (filters.tag is None or filters.tag in definition.tags) and filters.enabled in {
            None,
            definition.is_enabled,
        }


class FakeIndicators(FakeDefinitions[KpiDefinition]):
    def check(self, name: str) -> Check | None:
        one = self._kpis.indicators.get(name)
        return None if one is None else self._kpis.check(one, slot_at=None)

    def schedule_at(self, slots: Mapping[str, datetime]) -> None:
        for name in slots.keys() & self._kpis.indicators.keys():
            self._kpis.indicators[name].next_due_at = slots[name]

    def overview(
        self, filters: DefinitionFilter, *, name: str | None, after: str | None, limit: int
    ) -> list[Kpi]:
        found = [
            self._kpi(self._kpis.indicators[stored.definition.name])
            for stored in self.list(filters, after=after, limit=10**6)
            if name in {None, stored.definition.name}
        ]
        return found[:limit]

    def summary(self) -> Sequence[VerdictCount]:
        late = self._kpis.clock() - timedelta(seconds=60)
        active = [one for one in self._kpis.indicators.values() if one.stored.definition.is_active]
        counts = Counter(_counted_status(one) for one in active)
        overdue = Counter(_counted_status(one) for one in active if one.next_due_at < late)
        return [
            VerdictCount(status=status, kpis=kpis, overdue=overdue[status])
            for status, kpis in counts.items()
        ]

    def _all(self) -> Mapping[str, Stored[KpiDefinition]]:
        return {name: one.stored for name, one in self._kpis.indicators.items()}

    def _keep(self, stored: Stored[KpiDefinition]) -> None:
        known = self._kpis.indicators.get(stored.definition.name)
        if known is None:
            known = FakeIndicator(stored, self._kpis.clock())
            self._kpis.indicators[stored.definition.name] = known
        known.stored = stored

    def _drop(self, name: str) -> None:
        del self._kpis.indicators[name]

    def _is_whole(self, definition: KpiDefinition) -> bool:
        return (
            definition.connection in self._kpis.connections
            and definition.query in self._kpis.queries
        )

    def _fits(self, definition: KpiDefinition, filters: DefinitionFilter) -> bool:
        connection = self._kpis.connections[definition.connection].definition
        status = _status(self._kpis.indicators[definition.name])
        return (
            filters.environment in {None, connection.environment}
            and filters.provider in {None, connection.provider}
            and (filters.tag is None or filters.tag in definition.tags)
            and filters.status in {None, status}
            and filters.enabled in {None, self._is_enabled(definition)}
            and filters.connection in {None, definition.connection}
            and filters.query in {None, definition.query}
        )

    def _is_enabled(self, kpi: KpiDefinition) -> bool:
        query = self._kpis.queries[kpi.query].definition
        connection = self._kpis.connections[kpi.connection].definition
        return kpi.is_active and connection.is_enabled and query.is_enabled

    def _kpi(self, one: FakeIndicator) -> Kpi:
        kpi = one.stored.definition
        connection = self._kpis.connections[kpi.connection].definition
        newest = one.results[-1] if one.results else None
        return Kpi(
            name=kpi.name,
            status=newest.status if newest else None,
            value=newest.value if newest else None,
            unit=unit_of(self._kpis.queries[kpi.query].definition.rule, kpi.history),
            checked_at=newest.checked_at if newest else None,
            message=newest.message if newest else None,
            error_type=newest.error_type if newest else None,
            duration_ms=newest.duration_ms if newest else None,
            description=kpi.description,
            connection=kpi.connection,
            environment=connection.environment,
            provider=connection.provider,
            query=kpi.query,
            schedule=kpi.schedule,
            priority=kpi.priority,
            owner=kpi.owner,
            tags=kpi.tags,
            is_active=kpi.is_active,
            is_connection_enabled=connection.is_enabled,
            is_query_enabled=self._kpis.queries[kpi.query].definition.is_enabled,
            next_due_at=one.next_due_at,
        )


def _status(one: FakeIndicator) -> str:
    return one.results[-1].status if one.results else "Unknown"


def _counted_status(one: FakeIndicator) -> str:
    status = _status(one)
    is_missing = status == "Error" and one.results[-1].error_type == "not_available"
    return "NotAvailable" if is_missing else status
