"""Everything that is to be managed, checked as a whole: who names what, and whether that fits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from services.definitions.rules import (
    faults_of_kpi,
    faults_of_query,
    faults_of_references,
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


def faults_of_whole(whole: Whole, query_places: Places, kpi_places: Places) -> Iterator[Fault]:
    """Each at its place in the file; what the file leaves alone must still be right."""
    for name, place in query_places.items():
        yield from _placed(place, faults_of_query(whole.queries[name]))
    for name, kpi in whole.kpis.items():
        place = kpi_places.get(name) or f"KPI {name}, which the file does not mention,"
        if name in kpi_places:
            yield from _placed(place, faults_of_kpi(kpi))
        connection, query = whole.connections.get(kpi.connection), whole.queries.get(kpi.query)
        yield from _placed(place, faults_of_references(kpi, connection, query))


def _placed(place: str, faults: Iterator[Fault]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(f"{place}.{fault.parameter}", fault.message)
