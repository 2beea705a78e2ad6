"""Queries: listed, shown, put and removed."""

from repositories.contracts.store import Store, Work
from repositories.records.definitions import DefinitionFilter, QueryDefinition
from services.definitions.changes import (
    QUERIES,
    Author,
    definition_of,
    every,
    first_names,
)
from services.definitions.conditions import Condition
from services.definitions.documents import QueryDocument
from services.definitions.rules import faults_of_pair, faults_of_query, find_sql_fault_at
from services.definitions.unmasking import unmask
from services.definitions.views import QueryView, view_query
from services.definitions.written import Written
from services.errors import Fault, InUse, InvalidRequest
from services.pages import Page, cut

NAMED_USERS = 5


class QueryRegister:
    def __init__(self, store: Store, *, jobs_writable: bool) -> None:
        self._store, self._jobs_writable = store, jobs_writable

    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> Page[QueryView]:
        with self._store.read() as work:
            rows = work.queries.list(filters, after=after, limit=limit + 1)
        return cut([view_query(row) for row in rows], limit, lambda row: (row.name,))

    def get(self, name: str) -> Written[QueryView]:
        with self._store.read() as work:
            stored = QUERIES.get(work, name)
        return Written.of(stored, view_query(stored))

    def put(
        self, name: str, document: QueryDocument, condition: Condition, author: Author
    ) -> Written[QueryView]:
        with self._store.read() as work:
            stored = work.queries.find(name)
            document, faults = unmask(document, definition_of(stored))
            definition = document.definition(name)
            faults += faults_of_query(definition)
            if stored is not None and stored.definition != definition:
                faults += _faults_of_users(work, definition, jobs_writable=self._jobs_writable)
        if faults:
            raise InvalidRequest(faults)
        condition.check_put(stored)
        with self._store.work() as work:
            now = QUERIES.write(work, stored, definition, author)
        return Written.of(now, view_query(now), is_new=stored is None)

    def remove(self, name: str, condition: Condition, author: Author) -> None:
        with self._store.work() as work:
            stored = QUERIES.get(work, name)
            condition.check_removal(stored)
            if users := work.queries.users(name, limit=NAMED_USERS + 1):
                raise InUse(f"KPIs still run it: {first_names(users, NAMED_USERS)}")
            QUERIES.remove(work, stored, author)


def _faults_of_users(work: Work, query: QueryDefinition, *, jobs_writable: bool) -> list[Fault]:
    """What the databases of its KPIs do not understand, and what these KPIs ask of it."""
    found = {
        Fault("sql", fault)
        for provider in work.queries.providers(query.name)
        if (fault := find_sql_fault_at(query, provider))
    }
    for kpi in every(work.indicators, DefinitionFilter(query=query.name)):
        for asked in faults_of_pair(kpi.definition, query, jobs_writable=jobs_writable):
            text = f"KPI {kpi.definition.name} has {asked.parameter}: {asked.message}"
            found.add(Fault(MEMBER_OF[asked.parameter], text))
    return sorted(found, key=lambda fault: (fault.parameter, fault.message))[:MOST_FAULTS]


MEMBER_OF = {
    "connection": "result_type",
    "per_second": "result_type",
    "forecast_hours": "critical_threshold",
}
MOST_FAULTS = 20
