"""All that is managed."""

from dataclasses import dataclass

from services.definitions.connections import ConnectionRegister
from services.definitions.kpis import KpiRegister
from services.definitions.queries import QueryRegister


@dataclass(frozen=True, slots=True)
class DefinitionService:
    connections: ConnectionRegister
    queries: QueryRegister
    kpis: KpiRegister
