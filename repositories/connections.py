"""Databases that KPIs run against."""

from collections.abc import Mapping
from dataclasses import asdict

from repositories.checks import find_connection
from repositories.contracts.databases import Row, Session
from repositories.definitions import SqlDefinitions, joined, split
from repositories.records.definitions import ConnectionDefinition
from repositories.records.kpis import Connection

FILTERS = ("environment", "provider", "tag", "status", "enabled")


class SqlConnections(SqlDefinitions[ConnectionDefinition]):
    def __init__(self, session: Session) -> None:
        super().__init__(session, "connections", _columns, _definition, FILTERS)

    def connection(self, name: str) -> Connection | None:
        return find_connection(self._session, name)

    def count_encrypted(self) -> int:
        row = self._session.row("connections.encrypted")
        return row["connections"] if row else 0


def _columns(definition: ConnectionDefinition) -> Mapping[str, object]:
    return {**asdict(definition), "tags": joined(definition.tags)}


def _definition(row: Row) -> ConnectionDefinition:
    return ConnectionDefinition(**{**row, "tags": split(row["tags"])})
