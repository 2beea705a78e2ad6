"""Everything that is to be managed, checked as a whole: who names what, and whether that fits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from services.definitions.changes import NAMED_USERS, first_names
from services.definitions.rules import (
    faults_of_kpi,
    faults_of_query,
    faults_of_references,
)
from services.errors import Fault

Places = Mapping[str, str]
"""Where something stands in the file, by its name; what is left as it is needs none."""


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
    providers = {connection.provider for connection in whole.connections.values()}
    for name, place in query_places.items():
        yield from placed(place, faults_of_query(whole.queries[name], providers))
    for name, place in kpi_places.items():
        kpi = whole.kpis[name]
        yield from placed(place, faults_of_kpi(kpi))
        yield from placed(place, _faults_of_references(whole, kpi, jobs_writable))
    yield from _faults_of_rest(whole, whole.kpis.keys() - kpi_places.keys(), jobs_writable)


def _faults_of_rest(whole: Whole, names: Iterable[str], jobs_writable: bool) -> Iterator[Fault]:
    """Of KPIs that stay: each fault once, of what there is to be no more or to be otherwise."""
    users: dict[tuple[str, str, str], list[str]] = {}
    for name in sorted(names):
        kpi = whole.kpis[name]
        for fault in _faults_of_references(whole, kpi, jobs_writable):
            if fault.parameter == "connection" and kpi.connection not in whole.connections:
                told = "connections", f"connection {kpi.connection} is used by ", ""
            elif fault.parameter == "query" and kpi.query not in whole.queries:
                told = "queries", f"query {kpi.query} is used by ", ""
            else:
                told = "queries", f"{fault.message} ({fault.parameter} of ", ")"
            users.setdefault(told, []).append(name)
    for (section, before, after), kpis in users.items():
        words = f"KPI {kpis[0]}, which stays"
        if len(kpis) > 1:
            words = f"KPIs {first_names(kpis, NAMED_USERS)}, which stay"
        yield Fault(section, before + words + after)


def _faults_of_references(whole: Whole, kpi: KpiDefinition, jobs_writable: bool) -> Iterator[Fault]:
    connection, query = whole.connections.get(kpi.connection), whole.queries.get(kpi.query)
    return faults_of_references(kpi, connection, query, jobs_writable=jobs_writable)


def placed(place: str, faults: Iterable[Fault]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(f"{place}.{fault.parameter}", fault.message)
