"""Everything that is to be managed, checked as a whole: who names what, and whether that fits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from services.definitions.rules import (
    faults_of_kpi,
    faults_of_pair,
    faults_of_query,
    find_sql_fault_at,
)
from services.errors import Fault

Places = Mapping[str, str]
"""Where something stands in the file, by its name; what is left as it is has no place."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All that there is to be, by name."""

    connections: Mapping[str, ConnectionDefinition]
    queries: Mapping[str, QueryDefinition]
    kpis: Mapping[str, KpiDefinition]


def faults_of_whole(
    whole: Whole, query_places: Places, kpi_places: Places, *, jobs_writable: bool
) -> Iterator[Fault]:
    """Each at its place in the file; what the file leaves alone must still be right."""
    for name, place in query_places.items():
        yield from placed(place, faults_of_query(whole.queries[name]))
    sql_fault = cache(lambda query, provider: find_sql_fault_at(whole.queries[query], provider))
    for name, kpi in whole.kpis.items():
        place = kpi_places.get(name) or f"KPI {name}, which the file does not mention,"
        if name in kpi_places:
            yield from placed(place, faults_of_kpi(kpi))
        yield from placed(place, _faults_of_references(whole, kpi, jobs_writable))
        if kpi.query in whole.queries and kpi.connection in whole.connections:
            provider = whole.connections[kpi.connection].provider
            if fault := sql_fault(kpi.query, provider):
                yield Fault(f"{place}.query", f"{kpi.query} cannot run there, {fault}")


def _faults_of_references(whole: Whole, kpi: KpiDefinition, jobs_writable: bool) -> Iterator[Fault]:
    if kpi.connection not in whole.connections:
        yield Fault("connection", f"there is no connection {kpi.connection}")
    if kpi.query not in whole.queries:
        yield Fault("query", f"there is no query {kpi.query}")
    else:
        yield from faults_of_pair(kpi, whole.queries[kpi.query], jobs_writable=jobs_writable)


def placed(place: str, faults: Iterable[Fault]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(f"{place}.{fault.parameter}", fault.message)
