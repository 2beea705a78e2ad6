"""Statements that KPIs run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from repositories.checks import rule_of
from repositories.contracts.databases import Row, Session
from repositories.definitions import SqlDefinitions, joined, split
from repositories.records.definitions import QueryDefinition

OF_QUERY = ("name", "description", "query_type", "sql", "timeout_seconds", "is_enabled")


class SqlQueries(SqlDefinitions[QueryDefinition]):
    def __init__(self, session: Session) -> None:
        super().__init__(session, "queries", _columns, _definition, ("tag", "enabled"))

    def providers(self, name: str) -> Sequence[str]:
        return [row["provider"] for row in self._session.rows("queries.providers", name=name)]


def _columns(definition: QueryDefinition) -> Mapping[str, object]:
    of_query = {name: getattr(definition, name) for name in OF_QUERY}
    return {**of_query, **asdict(definition.rule), "tags": joined(definition.tags)}


def _definition(row: Row) -> QueryDefinition:
    of_query = {name: row[name] for name in OF_QUERY}
    return QueryDefinition(**of_query, rule=rule_of(row), tags=split(row["tags"]))
