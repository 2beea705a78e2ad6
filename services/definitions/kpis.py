"""KPIs: listed, shown, put and removed."""

from datetime import datetime

from repositories.contracts.store import Store, Work
from repositories.records.definitions import DefinitionFilter, KpiDefinition, Stored
from repositories.records.kpis import Kpi, Rule
from services.definitions.changes import KPIS, Author, definition_of
from services.definitions.conditions import Condition
from services.definitions.documents import KpiDocument
from services.definitions.members import as_json
from services.definitions.rules import (
    faults_of_kpi,
    faults_of_pair,
    faults_of_unsaved,
    find_sql_fault_at,
)
from services.definitions.views import KpiView, view_kpi
from services.definitions.written import Written
from services.errors import Fault, InvalidRequest
from services.pages import Page, cut
from services.schedules import jitter_of, next_slot

EVERY = DefinitionFilter()
REMOVED_AT_ONCE = 10_000


class KpiRegister:
    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> Page[Kpi]:
        with self._store.read() as work:
            rows = work.indicators.overview(filters, name=None, after=after, limit=limit + 1)
        return cut(rows, limit, lambda kpi: (kpi.name,))

    def get(self, name: str) -> Written[KpiView]:
        with self._store.read() as work:
            return _shown(work, KPIS.get(work, name))

    def put(
        self, name: str, document: KpiDocument, condition: Condition, author: Author
    ) -> Written[KpiView]:
        definition = document.definition(name)
        with self._store.read() as work:
            stored = work.indicators.find(name)
            faults = [*faults_of_kpi(definition), *_faults_of_references(work, definition)]
        if faults:
            raise InvalidRequest(faults)
        condition.check_put(stored)
        with self._store.work() as work:
            now = KPIS.write(work, stored, definition, author)
            if is_rescheduled(definition_of(stored), definition):
                slot = first_slot_of(definition, work.facts.now())
                work.indicators.schedule_at({name: slot})
            return _shown(work, now, is_new=stored is None)

    def remove(self, name: str, condition: Condition, author: Author) -> None:
        """Its history goes first, a part at a time: where that takes too long, asking again goes on
        with the rest.
        """
        with self._store.read() as work:
            stored = KPIS.get(work, name)
            condition.check_removal(stored)
        removed = REMOVED_AT_ONCE
        while removed == REMOVED_AT_ONCE:
            with self._store.single() as work:
                removed = work.results.remove_of(stored.id, batch=REMOVED_AT_ONCE)
        with self._store.work() as work:
            give_up_unfinished(work, stored, author)
            KPIS.remove(work, stored, author)

    def check_unsaved(self, connection: str, sql: str, rule: Rule) -> None:
        """Raises InvalidRequest for what would not be stored either."""
        with self._store.read() as work:
            place = work.connections.find(connection)
        if place is None:
            raise InvalidRequest([Fault("connection", f"there is no connection {connection}")])
        if faults := [*faults_of_unsaved(sql, rule, place.definition.provider)]:
            raise InvalidRequest(faults)


def give_up_unfinished(work: Work, stored: Stored[KpiDefinition], author: Author) -> None:
    """What of a KPI that is about to go still waits to be run.

    First its letters: whoever is having one tried again meanwhile has queued that when they go.
    """
    name = stored.definition.name
    metadata = as_json({"discarded_by": author.actor, "reason": "the KPI was removed"})
    assert metadata is not None  # noqa: S101
    work.dead_letters.discard_of(f"kpi:{name}", metadata=metadata)
    work.executions.cancel_of(stored.id, message=f"KPI {name} was removed")


def is_rescheduled(old: KpiDefinition | None, new: KpiDefinition) -> bool:
    if old is None:
        return True
    when = (old.schedule, old.jitter_seconds)
    return when != (new.schedule, new.jitter_seconds) or (new.is_active and not old.is_active)


def first_slot_of(kpi: KpiDefinition, now: datetime) -> datetime:
    """Soon, or at the next time of an expression."""
    jitter = jitter_of(kpi.name, kpi.jitter_seconds)
    if kpi.schedule.isdigit():
        return now + jitter
    return next_slot(kpi.schedule, slot_at=now, now=now, jitter=jitter)


def _faults_of_references(work: Work, kpi: KpiDefinition) -> list[Fault]:
    connection = work.connections.find(kpi.connection)
    query = work.queries.find(kpi.query)
    faults = []
    if connection is None:
        faults.append(Fault("connection", f"there is no connection {kpi.connection}"))
    if query is None:
        faults.append(Fault("query", f"there is no query {kpi.query}"))
        return faults
    faults += faults_of_pair(kpi, query.definition)
    if connection is not None:
        fault = find_sql_fault_at(query.definition, connection.definition.provider)
        faults += [Fault("query", f"{kpi.query} cannot run there, {fault}")] if fault else []
    return faults


def _shown(work: Work, stored: Stored[KpiDefinition], *, is_new: bool = False) -> Written[KpiView]:
    (kpi,) = work.indicators.overview(EVERY, name=stored.definition.name, after=None, limit=1)
    return Written.of(stored, view_kpi(stored, kpi), is_new=is_new)
