"""Rows as the rest of the app sees them: frozen, times aware and in UTC, engine-neutral."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Json(str):
    """JSON text as the database gave it, passed on without being parsed."""

    __slots__ = ()


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
class Figure:
    """One measured number of a process, with its unit (bytes, seconds, count, %)."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that runs Watchkeeper."""

    worker_instance_id: str
    worker_name: str
    machine_name: str
    process_id: int
    version: str
    environment: str
    configuration: Json | None = None
    tags: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """A service's newest heartbeat, and the store's clock when it was read."""

    service: str
    status: str
    current_task: str | None
    last_heartbeat: datetime
    due_at: datetime
    interval_seconds: int
    read_at: datetime


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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetric:
    """How often a job ran, how long it took (ms), and when it last went well or badly."""

    job_id: str
    total_executions: int
    success_count: int
    failure_count: int
    total_duration_ms: float
    min_duration_ms: float | None
    max_duration_ms: float | None
    last_execution_at: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The database server that answered, and how many of its connections are used."""

    version: str
    database_name: str
    connections: int
    max_connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job; `duration_ms` is up to now where it has not ended."""

    job_id: str
    job_type: str
    status: str
    stage: int
    total_stages: int
    parameters: Json | None
    stage_results: Json | None
    result_data: Json | None
    error_details: str | None
    created_at: datetime
    updated_at: datetime
    duration_ms: int
    task_counts: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a job's stage."""

    task_id: str
    parent_job_id: str
    task_type: str
    status: str
    stage: int
    task_index: str | None
    parameters: Json | None
    result_data: Json | None
    error_details: str | None
    retry_count: int
    heartbeat: datetime | None
    created_at: datetime
    updated_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The progress of one stage: its tasks, by what became of them."""

    stage: int
    total: int
    completed: int
    failed: int
    processing: int
    waiting: int
    created_at: datetime
    updated_at: datetime


def build(record: type[T], rows: list[Mapping[str, Any]]) -> list[T]:
    """The rows as records; the columns are the record's fields."""
    return [record(**row) for row in rows]
