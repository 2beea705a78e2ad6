"""KPIs: what they are, when each is due next, and how they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from repositories.checks import find_kpi, history_of
from repositories.contracts.databases import Row, Session
from repositories.definitions import SqlDefinitions, joined, split
from repositories.json_rows import json_rows
from repositories.records.definitions import DefinitionFilter, KpiDefinition
from repositories.records.kpis import Check, Kpi, VerdictCount
from repositories.records.rows import build

FILTERS = ("environment", "provider", "tag", "status", "enabled", "connection", "query")
OF_KPI = (
    "name",
    "description",
    "connection",
    "query",
    "schedule",
    "jitter_seconds",
    "priority",
    "max_retries",
    "owner",
    "is_active",
)


class SqlIndicators(SqlDefinitions[KpiDefinition]):
    def __init__(self, session: Session) -> None:
        super().__init__(session, "indicators", _columns, _definition, FILTERS)

    def check(self, name: str) -> Check | None:
        found = find_kpi(self._session, name)
        return None if found is None else found.at(None)

    def schedule_at(self, slots: Mapping[str, datetime]) -> None:
        rows = [{"name": name, "due_at": due_at} for name, due_at in slots.items()]
        self._session.run("indicators.schedule_at", rows=json_rows(rows))

    def overview(
        self, filters: DefinitionFilter, *, name: str | None, after: str | None, limit: int
    ) -> list[Kpi]:
        rows = self._session.rows(
            "indicators.overview", **asdict(filters), name=name, after=after, limit=limit
        )
        return [Kpi(**{**with_value(row), "tags": split(row["tags"])}) for row in rows]

    def summary(self) -> Sequence[VerdictCount]:
        return build(VerdictCount, self._session.rows("indicators.summary"))


def with_value(row: Row) -> dict[str, Any]:
    """The row with one `value` for its two columns, of which at most one is filled."""
    number, text = row["value_number"], row["value_text"]
    rest = {name: item for name, item in row.items() if not name.startswith("value_")}
    return {**rest, "value": text if number is None else Decimal(number)}


def _columns(definition: KpiDefinition) -> Mapping[str, object]:
    of_kpi = {name: getattr(definition, name) for name in OF_KPI}
    return {**of_kpi, **asdict(definition.history), "tags": joined(definition.tags)}


def _definition(row: Row) -> KpiDefinition:
    of_kpi = {name: row[name] for name in OF_KPI}
    return KpiDefinition(**of_kpi, history=history_of(row), tags=split(row["tags"]))
