"""KPIs: what they are, what is due, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from repositories.records.rows import Json


class Verdict(StrEnum):
    """What a KPI's value means, from best to worst."""

    HEALTHY = "Healthy"
    WARNING = "Warning"
    CRITICAL = "Critical"
    ERROR = "Error"


class ResultType(StrEnum):
    """What of a query's answer is the KPI's value."""

    SCALAR = "Scalar"
    NON_QUERY = "NonQuery"
    DATA_SET = "DataSet"


class Operator(StrEnum):
    """How a value must stand to the expected one."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    LT = "lt"
    GTE = "gte"
    LTE = "lte"
    CONTAINS = "contains"


class OnEmpty(StrEnum):
    """The verdict of a query without a value."""

    ERROR = "error"
    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a KPI's value is judged by."""

    result_type: ResultType = ResultType.SCALAR
    expected_value: str | None = None
    comparison_operator: Operator | None = None
    warning_threshold: Decimal | None = None
    critical_threshold: Decimal | None = None
    on_empty: OnEmpty = OnEmpty.ERROR
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a KPI's query runs; `address` is a URL, or `setting:NAME` for one that stands there."""

    name: str
    provider: str
    environment: str
    address: str
    is_encrypted: bool
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A KPI, ready to run; `slot_at` and `lease_id` are None for a run by hand."""

    indicator_id: str
    name: str
    schedule: str
    slot_at: datetime | None
    lease_id: str | None
    claimed_at: datetime
    connection: Connection
    sql: str
    timeout_seconds: int
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A KPI to be added, with its query."""

    name: str
    description: str
    connection_name: str
    query_type: str
    sql: str
    timeout_seconds: int
    schedule: str
    priority: int
    owner: str | None
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one execution of a KPI, to be stored."""

    status: Verdict
    value: Decimal | str | None
    message: str
    error_type: str | None
    duration_ms: float
    executed_at: datetime
    details: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """One row of a KPI's history."""

    result_id: str
    slot_at: datetime | None
    checked_at: datetime
    status: str
    value: Decimal | str | None
    message: str
    error_type: str | None
    duration_ms: float
    details: Json | None
    environment: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadVerdict:
    """One execution of a KPI that did not find its database healthy."""

    name: str
    connection: str
    status: str
    value: Decimal | str | None
    unit: str | None
    checked_at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """A KPI and its newest verdict, which is None before the first."""

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
    schedule: str
    priority: int
    owner: str | None
    is_active: bool
    next_due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How many active KPIs stand at a verdict, and how many of them are late.

    Unknown before the first; NotAvailable where there can be no value.
    """

    status: str
    kpis: int
    overdue: int
