"""Queries: listed, shown, put and removed."""

from repositories.contracts.store import Store, Work
from repositories.records.definitions import DefinitionFilter, QueryDefinition, Stored
from repositories.sql_words import Dialect
from services.definitions.changes import QUERIES, every
from services.definitions.documents import QueryDocument
from services.definitions.registers import UsedRegister
from services.definitions.rules import faults_of_pair, faults_of_query, find_sql_fault_at
from services.definitions.views import QueryView, view_query
from services.errors import Fault

MEMBER_OF = {
    "connection": "result_type",
    "per_second": "result_type",
    "forecast_hours": "critical_threshold",
}
MOST_FAULTS = 20


class QueryRegister(UsedRegister[QueryDefinition, QueryDocument, QueryView]):
    def __init__(self, store: Store, *, jobs_writable: bool) -> None:
        super().__init__(store, QUERIES, view_query)
        self._jobs_writable = jobs_writable

    def _faults(
        self, work: Work, stored: Stored[QueryDefinition] | None, definition: QueryDefinition
    ) -> list[Fault]:
        faults = [*faults_of_query(definition, _providers(work))]
        if stored is not None and stored.definition != definition:
            faults += _faults_of_users(work, definition, jobs_writable=self._jobs_writable)
        return faults


def _providers(work: Work) -> list[str]:
    """What kinds of databases there are connections to."""
    return [
        dialect
        for dialect in Dialect
        if work.connections.list(DefinitionFilter(provider=dialect), after=None, limit=1)
    ]


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
