"""What is shown of connections, queries and KPIs: no address that may hold a secret."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
    Stored,
)
from repositories.records.kpis import (
    CompareTo,
    DeviationSide,
    DeviationUnit,
    Kpi,
    OnEmpty,
    Operator,
    ResultType,
)
from services.definitions.addresses import AddressKind, kind_of, shown
from services.definitions.members import Definition, members_of
from services.schedule_words import describe_schedule
from services.schedules import jitter_of, next_slot

RUNS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who made it, who changed it last, and how often it was changed."""

    version: int
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView(Provenance):
    """`address` is (stored) where it may hold a secret; `kind` says what stands there."""

    name: str
    description: str | None
    provider: str
    environment: str
    address: str
    kind: AddressKind
    is_encrypted: bool
    tags: Sequence[str]
    timeout_seconds: int
    command_timeout_seconds: int
    max_parallel: int
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryView(Provenance):
    name: str
    description: str | None
    query_type: str
    sql: str
    result_type: ResultType
    unit: str | None
    expected_value: str | None
    comparison_operator: Operator | None
    warning_threshold: Decimal | None
    critical_threshold: Decimal | None
    on_empty: OnEmpty
    timeout_seconds: int
    tags: Sequence[str]
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiView(Provenance):
    """A KPI with its newest verdict, its schedule in words, and when it runs next."""

    name: str
    status: str | None
    value: Decimal | str | None
    unit: str | None
    checked_at: datetime | None
    message: str | None
    error_type: str | None
    duration_ms: float | None
    description: str | None
    connection: str
    environment: str
    provider: str
    query: str
    schedule: str
    schedule_text: str
    jitter_seconds: int
    next_runs: Sequence[datetime]
    priority: int
    max_retries: int
    owner: str | None
    tags: Sequence[str]
    is_active: bool
    next_due_at: datetime
    max_consecutive: int
    recover_after: int
    per_second: bool
    compare_to: CompareTo | None
    deviation_unit: DeviationUnit
    deviation_side: DeviationSide
    warning_deviation: Decimal | None
    critical_deviation: Decimal | None
    forecast_hours: int | None


def view_connection(stored: Stored[ConnectionDefinition]) -> ConnectionView:
    one = stored.definition
    address = shown(one.address, is_encrypted=one.is_encrypted)
    members = {**_members(stored), "address": address, "is_encrypted": one.is_encrypted}
    return ConnectionView(**members, kind=kind_of(one.address))


def view_query(stored: Stored[QueryDefinition]) -> QueryView:
    return QueryView(**_members(stored))


def view_kpi(stored: Stored[KpiDefinition], kpi: Kpi) -> KpiView:
    members = {**asdict(kpi), **_members(stored)}
    return KpiView(
        **members, schedule_text=_words(kpi.schedule), next_runs=_next_runs(stored.definition, kpi)
    )


def _members(stored: Stored[Definition]) -> dict[str, Any]:
    provenance = {one.name: getattr(stored, one.name) for one in fields(Provenance)}
    return {"name": stored.definition.name, **members_of(stored.definition), **provenance}


def _words(schedule: str) -> str:
    """What somebody wrote past us may be no schedule."""
    try:
        return describe_schedule(schedule)
    except ValueError as error:
        return str(error)


def _next_runs(definition: KpiDefinition, kpi: Kpi) -> Sequence[datetime]:
    if not kpi.is_active:
        return ()
    runs = [kpi.next_due_at]
    jitter = jitter_of(definition.name, definition.jitter_seconds)
    while len(runs) < RUNS_SHOWN:
        try:
            runs.append(
                next_slot(definition.schedule, slot_at=runs[-1], now=runs[-1], jitter=jitter)
            )
        except ValueError:
            break
    return runs
