"""KPIs: listed, shown, put and removed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from repositories.contracts.store import Store, Work
from repositories.records.definitions import EVERY, DefinitionFilter, KpiDefinition, Stored
from repositories.records.kpis import Kpi, Rule
from services.definitions.changes import KPIS, Author, changing, definition_of
from services.definitions.conditions import Condition
from services.definitions.documents import KpiDocument
from services.definitions.registers import Register
from services.definitions.removals import (
    finish_removals,
    refuse_going,
    remove_histories,
    switch_off,
)
from services.definitions.rules import (
    faults_of_kpi,
    faults_of_references,
    faults_of_unsaved,
)
from services.definitions.views import KpiView, view_kpi
from services.errors import Fault, InvalidRequest, NotFound
from services.pages import Page, cut
from services.schedules import jitter_of, next_slot


class KpiRegister(Register[KpiDefinition, KpiDocument, KpiView]):
    """`pace` is the time between two rounds: nothing runs more often than they come."""

    def __init__(self, store: Store, *, pace: timedelta, jobs_writable: bool) -> None:
        super().__init__(store, KPIS)
        self._pace, self._jobs_writable = pace, jobs_writable

    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> Page[Kpi]:
        with self._store.read() as work:
            rows = work.indicators.overview(filters, name=None, after=after, limit=limit + 1)
        return cut(rows, limit, lambda kpi: (kpi.name,))

    def remove(self, name: str, condition: Condition, author: Author) -> None:
        """With its results; where these take too long, asking again goes on with the rest."""
        with changing(self._store) as work:
            stored = KPIS.get(work, name)
            condition.check_removal(stored)
            long = remove_histories(work, [stored], author)
            if not long:
                KPIS.remove(work, stored, author)
            switch_off(work, long, author)
        finish_removals(self._store, long, author)

    def check_unsaved(self, connection: str, sql: str, rule: Rule) -> None:
        """Raises InvalidRequest for what would not be stored either."""
        with self._store.read() as work:
            place = definition_of(work.connections.find(connection))
        faults = [*faults_of_unsaved(sql, rule, place, jobs_writable=self._jobs_writable)]
        if place is None:
            faults.insert(0, Fault("connection", f"there is no connection {connection}"))
        if faults:
            raise InvalidRequest(faults)

    def _faults(
        self, work: Work, stored: Stored[KpiDefinition] | None, definition: KpiDefinition
    ) -> Iterator[Fault]:
        connection = definition_of(work.connections.find(definition.connection))
        query = definition_of(work.queries.find(definition.query))
        yield from faults_of_kpi(definition)
        yield from faults_of_references(
            definition, connection, query, jobs_writable=self._jobs_writable
        )

    def _write(
        self,
        work: Work,
        stored: Stored[KpiDefinition] | None,
        definition: KpiDefinition,
        author: Author,
    ) -> Stored[KpiDefinition]:
        refuse_going(work, [stored])
        now = super()._write(work, stored, definition, author)
        if is_rescheduled(definition_of(stored), definition):
            slot = first_slot_of(definition, work.facts.now())
            work.indicators.schedule_at({definition.name: slot})
        return now

    def _view(self, work: Work, stored: Stored[KpiDefinition]) -> KpiView:
        name = stored.definition.name
        for kpi in work.indicators.overview(EVERY, name=name, after=None, limit=1):
            return view_kpi(stored, kpi, self._pace)
        raise NotFound(f"no KPI {name}")


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
