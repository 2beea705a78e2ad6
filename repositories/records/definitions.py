"""What is managed: connections, queries and KPIs, as somebody defines them and as stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from repositories.records.kpis import HistoryRule, Rule

Definition = TypeVar("Definition", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDefinition:
    """A database that KPIs run against; `address` and `is_encrypted` as in Connection."""

    name: str
    description: str | None = None
    provider: str
    environment: str
    address: str
    is_encrypted: bool = False
    tags: tuple[str, ...] = ()
    timeout_seconds: int = 30
    command_timeout_seconds: int = 30
    max_parallel: int = 5
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryDefinition:
    """One statement, and how its answer is judged.

    `query_type` is HealthCheck, Performance or Custom.
    """

    name: str
    description: str | None = None
    query_type: str = "Custom"
    sql: str
    rule: Rule = field(default_factory=Rule)
    timeout_seconds: int = 30
    tags: tuple[str, ...] = ()
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiDefinition:
    """A query on a connection, when it runs, who it belongs to; the two are named."""

    name: str
    description: str | None = None
    connection: str
    query: str
    schedule: str = "60"
    jitter_seconds: int = 0
    priority: int = 5
    max_retries: int = 0
    owner: str | None = None
    tags: tuple[str, ...] = ()
    is_active: bool = True
    history: HistoryRule = field(default_factory=HistoryRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[Definition]):
    """A definition as it is stored; each change raises `version`."""

    definition: Definition
    id: str
    version: int
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFilter:
    """Which definitions: those that fit everything that is given.

    A KPI has the environment and provider of its connection, and `status` is its newest verdict; it
    is enabled where it is active, on an enabled connection and with an enabled query. A connection
    has the status of every active KPI there. Queries have neither of the three, and only a KPI has
    a connection and a query.
    """

    environment: str | None = None
    provider: str | None = None
    tag: str | None = None
    status: str | None = None
    enabled: bool | None = None
    connection: str | None = None
    query: str | None = None


EVERY = DefinitionFilter()
