"""What each HTTP function takes and answers, by the function's name; imported when it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from repositories.records.jobs import Job, Stage, Task
from repositories.records.kpis import Kpi, Result, StoredResult
from services.activity import Activity
from services.debugging import DebugReport
from services.failures import ErrorGroup, ErrorTotals
from services.performance import Performance
from services.poison import PoisonReport
from services.reports import Component, Health
from services.retries import GroupRetry, JobRetry
from services.statistics import DatabaseStatistics
from services.statuses import ServiceState
from services.trials import FunctionTrial
from triggers import failures, health, jobs, kpis, retries, server, status
from triggers.queries import Body, FreshQuery, Query

LATE_OR_AWAY = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
READS = LATE_OR_AWAY
FINDS = (HTTPStatus.NOT_FOUND, *LATE_OR_AWAY)
WRITES = (HTTPStatus.FORBIDDEN, *LATE_OR_AWAY)
FINDS_AND_WRITES = (HTTPStatus.FORBIDDEN, *FINDS)

REPORT = {"status": Health, "version": str, "components": Mapping[str, Component]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`answer` is a type, or the members of an object with their types.

    `problems` are the statuses of the problems that it may answer with, besides a 400 for what
    `query` and `body` refuse. `unwell` is what a 503 may say instead of a problem. An answer that
    is `kept` for a few seconds says its age.
    """

    tag: str
    answer: Any
    query: type[Query] | None = None
    body: type[Body] | None = None
    problems: Sequence[HTTPStatus] = ()
    unwell: Any = None
    kept: bool = False
    anonymous: bool = False


TAGS = {
    "health": "Is it alive, is it ready, is all well?",
    "jobs": "Jobs and their tasks.",
    "failures": "What fails, what is stuck, and another try.",
    "kpis": "What is checked, how it stands, and how it stood.",
    "server": "What the server of the jobs database knows, and does.",
    "status": "Services, by their heartbeats.",
    "document": "This document.",
}

OPERATIONS: Mapping[str, Operation] = {
    "get_livez": Operation(tag="health", answer={"status": Literal["alive"]}, anonymous=True),
    "get_readyz": Operation(
        tag="health",
        answer={"status": Literal["ready"]},
        unwell={"status": Literal["not ready"]},
        problems=[HTTPStatus.SERVICE_UNAVAILABLE],
        anonymous=True,
    ),
    "get_health": Operation(
        tag="health",
        query=health.HealthQuery,
        answer=REPORT,
        unwell=REPORT,
        problems=[HTTPStatus.SERVICE_UNAVAILABLE],
        kept=True,
    ),
    "get_health_database": Operation(
        tag="health",
        query=FreshQuery,
        answer=REPORT,
        unwell=REPORT,
        problems=[HTTPStatus.SERVICE_UNAVAILABLE],
        kept=True,
    ),
    "list_services": Operation(
        tag="status",
        query=status.ServicesQuery,
        answer={"services": list[ServiceState]},
        problems=READS,
    ),
    "post_heartbeat": Operation(
        tag="status",
        query=status.ServiceQuery,
        body=status.HeartbeatBody,
        answer={"service": ServiceState},
        problems=WRITES,
    ),
    "list_kpis": Operation(
        tag="kpis", query=kpis.KpisQuery, answer={"kpis": list[Kpi]}, problems=READS
    ),
    "get_kpi": Operation(tag="kpis", query=kpis.KpiQuery, answer={"kpi": Kpi}, problems=FINDS),
    "list_kpi_results": Operation(
        tag="kpis",
        query=kpis.ResultsQuery,
        answer={"results": list[StoredResult]},
        problems=FINDS,
    ),
    "run_kpi": Operation(
        tag="kpis",
        query=kpis.KpiQuery,
        answer={"result": Result},
        problems=FINDS_AND_WRITES,
    ),
    "list_jobs": Operation(
        tag="jobs", query=jobs.JobsQuery, answer={"jobs": list[Job]}, problems=READS
    ),
    "get_job": Operation(tag="jobs", query=jobs.JobQuery, answer={"job": Job}, problems=FINDS),
    "list_tasks": Operation(
        tag="jobs", query=jobs.TasksQuery, answer={"tasks": list[Task]}, problems=READS
    ),
    "list_tasks_of_job": Operation(
        tag="jobs",
        query=jobs.JobTasksQuery,
        answer={"tasks": list[Task], "stages": list[Stage]},
        problems=FINDS,
    ),
    "debug_job": Operation(tag="jobs", query=jobs.JobQuery, answer=DebugReport, problems=FINDS),
    "get_health_jobs": Operation(
        tag="health",
        query=FreshQuery,
        answer=REPORT,
        unwell=REPORT,
        problems=[HTTPStatus.SERVICE_UNAVAILABLE],
        kept=True,
    ),
    "list_errors": Operation(
        tag="failures",
        query=failures.ErrorsQuery,
        answer={"groups": list[ErrorGroup], "totals": ErrorTotals},
        problems=READS,
        kept=True,
    ),
    "get_poison": Operation(
        tag="failures",
        query=failures.PoisonQuery,
        answer=PoisonReport,
        problems=READS,
        kept=True,
    ),
    "retry_job": Operation(
        tag="failures",
        query=retries.RetryJobQuery,
        body=retries.RetryJobBody,
        answer=JobRetry,
        problems=[HTTPStatus.CONFLICT, *FINDS_AND_WRITES],
    ),
    "retry_errors": Operation(
        tag="failures",
        query=retries.RetryGroupQuery,
        body=retries.RetryGroupBody,
        answer=GroupRetry,
        problems=[HTTPStatus.CONFLICT, *FINDS_AND_WRITES],
    ),
    "test_functions": Operation(
        tag="server",
        query=FreshQuery,
        answer=FunctionTrial,
        problems=[HTTPStatus.CONFLICT, *READS],
        kept=True,
    ),
    "get_statistics": Operation(
        tag="server", query=FreshQuery, answer=DatabaseStatistics, problems=READS, kept=True
    ),
    "get_activity": Operation(
        tag="server", query=server.ActivityQuery, answer=Activity, problems=READS
    ),
    "get_performance": Operation(
        tag="server",
        query=server.PerformanceQuery,
        answer=Performance,
        problems=READS,
        kept=True,
    ),
    "get_openapi": Operation(tag="document", query=Query, answer=dict[str, Any]),
}
