"""What is shown of connections, queries and KPIs: no address that may hold a secret."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
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
MOMENT = timedelta(microseconds=1)


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
    """A KPI with its newest verdict, its schedule in words, and when it runs next.

    `not_run` says why no timer runs it.
    """

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
    not_run: str | None
    priority: int
    max_retries: int
    owner: str | None
    tags: Sequence[str]
    is_active: bool
    is_connection_enabled: bool
    is_query_enabled: bool
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


def view_kpi(stored: Stored[KpiDefinition], kpi: Kpi, pace: timedelta) -> KpiView:
    """`pace` is the time between two rounds."""
    members = {**asdict(kpi), **_members(stored)}
    reason = _reason_not_to_run(kpi)
    return KpiView(
        **members,
        schedule_text=_words(kpi.schedule),
        next_runs=() if reason else _next_runs(stored.definition, kpi, pace),
        not_run=reason,
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


def _reason_not_to_run(kpi: Kpi) -> str | None:
    if not kpi.is_active:
        return "it is not active"
    if not kpi.is_connection_enabled:
        return "its connection is disabled"
    return None if kpi.is_query_enabled else "its query is disabled"


def _next_runs(definition: KpiDefinition, kpi: Kpi, pace: timedelta) -> Sequence[datetime]:
    """Where a round would find several slots over, it runs the newest of them."""
    runs = [kpi.next_due_at]
    jitter = jitter_of(definition.name, definition.jitter_seconds)
    while len(runs) < RUNS_SHOWN:
        try:
            soonest = runs[-1] + pace - MOMENT
            runs.append(
                next_slot(definition.schedule, slot_at=runs[-1], now=soonest, jitter=jitter)
            )
        except ValueError:
            break
    return runs
