"""The processes that run Watchkeeper, the services that report to it, and the store itself."""

from dataclasses import dataclass
from datetime import datetime

from repositories.records.rows import Json


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
