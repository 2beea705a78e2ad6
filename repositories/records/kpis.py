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


class CompareTo(StrEnum):
    """Which value of its own past a KPI's value is compared with."""

    PREVIOUS = "previous"
    SAME_TIME_YESTERDAY = "same_time_yesterday"
    SAME_TIME_LAST_WEEK = "same_time_last_week"
    BASELINE = "baseline"


class DeviationUnit(StrEnum):
    """In what a deviation is measured: % of the other value, or robust standard deviations."""

    PERCENT = "percent"
    DEVIATIONS = "deviations"


class DeviationSide(StrEnum):
    """Which deviations count."""

    BOTH = "both"
    ABOVE = "above"
    BELOW = "below"


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
class HistoryRule:
    """What of a KPI's own past its verdict depends on.

    `max_consecutive` bad verdicts in a row turn it bad, `recover_after` good ones turn it back.
    `per_second`: the value is a counter, judged by how much it grows in a second. The deviations
    are from what `compare_to` says. `forecast_hours`: Warning where the trend reaches the critical
    threshold within that time.
    """

    max_consecutive: int = 1
    recover_after: int = 1
    per_second: bool = False
    compare_to: CompareTo | None = None
    deviation_unit: DeviationUnit = DeviationUnit.PERCENT
    deviation_side: DeviationSide = DeviationSide.BOTH
    warning_deviation: Decimal | None = None
    critical_deviation: Decimal | None = None
    forecast_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a KPI's query runs.

    `address` is a database URL, or where it stands: `setting:NAME`, `keyvault:https://…`; where
    `is_encrypted` a token of it. `timeout_seconds` is for connecting, `command_timeout_seconds` for
    a statement; `max_parallel` statements run there at once, for each process.
    """

    connection_id: str
    name: str
    provider: str
    environment: str
    address: str
    is_encrypted: bool
    timeout_seconds: int
    command_timeout_seconds: int = 30
    max_parallel: int = 5
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How long an execution takes normally, in ms."""

    mean_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A KPI, ready to run; `slot_at` is None for a run by hand. Times are by the store's clock.

    `is_enabled` says that its connection and its query both are; `fault` why it cannot be judged.
    """

    indicator_id: str
    name: str
    schedule: str
    jitter_seconds: int = 0
    priority: int = 5
    max_retries: int = 0
    slot_at: datetime | None
    claimed_at: datetime
    connection: Connection
    sql: str
    timeout_seconds: int
    rule: Rule
    history: HistoryRule = HistoryRule()
    baseline: Baseline | None = None
    is_active: bool = True
    is_enabled: bool = True
    fault: str | None = None

    @property
    def longest_seconds(self) -> int:
        """For its statement: what its query says, and no more than its connection does."""
        return min(self.timeout_seconds, self.connection.command_timeout_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one execution of a KPI, to be stored.

    `raw_status` is the verdict of this execution alone where it is not `status`, `raw_number` the
    counter where the value is its growth.
    """

    status: Verdict
    value: Decimal | str | None
    message: str
    error_type: str | None
    duration_ms: float
    checked_at: datetime
    details: Json | None = None
    raw_status: Verdict | None = None
    raw_number: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """One row of a KPI's history."""

    result_id: str
    slot_at: datetime | None
    checked_at: datetime
    status: str
    raw_status: str | None
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
    environment: str
    provider: str
    query: str
    schedule: str
    priority: int
    owner: str | None
    tags: tuple[str, ...]
    is_active: bool
    is_connection_enabled: bool
    is_query_enabled: bool
    next_due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How many active KPIs stand at a verdict, and how many of them are late.

    Unknown before the first; NotAvailable where there can be no value.
    """

    status: str
    kpis: int
    overdue: int
