"""What each HTTP function takes and answers, by the function's name; imported when it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from repositories.records.executions import WorkerJob
from repositories.records.jobs import Job, Stage, Task
from repositories.records.kpis import Kpi, Result, StoredResult
from repositories.records.overviews import DatabaseSummary, Series, WorkerOverview
from repositories.records.speeds import JobFigures
from repositories.records.trouble import DeadLetter
from services.activity import Activity
from services.connection_tests import ConnectionTest
from services.dead_letters import LetterRetry, LettersRetry
from services.debugging import DebugReport
from services.definitions.views import ConnectionView, KpiView, QueryView
from services.failures import ErrorGroup, ErrorTotals
from services.kpis import Tried
from services.metrics.exposition import OPENMETRICS
from services.performance import Performance
from services.poison import PoisonReport
from services.reports import Component, Health
from services.retries import GroupRetry, JobRetry
from services.statistics import DatabaseStatistics
from services.statuses import ServiceState
from services.trials import FunctionTrial
from triggers import (
    connections,
    dead_letters,
    failures,
    health,
    jobs,
    kpi_queries,
    kpis,
    managing,
    metrics,
    overviews,
    retries,
    series,
    server,
    status,
)
from triggers.queries import Body, FreshQuery, Query

LATE_OR_AWAY = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
READS = LATE_OR_AWAY
FINDS = (HTTPStatus.NOT_FOUND, *LATE_OR_AWAY)
WRITES = (HTTPStatus.FORBIDDEN, *LATE_OR_AWAY)
FINDS_AND_WRITES = (HTTPStatus.FORBIDDEN, *FINDS)
PUTS = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED, *WRITES)
REMOVES = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT, *FINDS_AND_WRITES)

REMOVED = {"removed": str}
REPORT = {"status": Health, "version": str, "components": Mapping[str, Component]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`answer` is a type, or the members of an object with their types.

    `problems` are the statuses of the problems that it may answer with, besides a 400 for what
    `query` and `body` refuse. `unwell` is what a 503 may say instead of a problem. An answer that
    is `kept` for a few seconds says its age. It may be one of the `texts` (their types) instead.
    202 is one of the `successes` where something is only begun. What is `versioned` has an ETag,
    and whoever changes it says which one it had; `known_by_tag` also who reads it, and may be told
    that it is still that.
    """

    tag: str
    answer: Any
    query: type[Query] | None = None
    body: type[Body] | None = None
    problems: Sequence[HTTPStatus] = ()
    successes: Sequence[HTTPStatus] = (HTTPStatus.OK,)
    unwell: Any = None
    kept: bool = False
    texts: Sequence[str] = ()
    anonymous: bool = False
    versioned: bool = False
    known_by_tag: bool = False


TAGS = {
    "health": "Is it alive, is it ready, is all well?",
    "jobs": "Jobs and their tasks.",
    "failures": "What fails, what is stuck, and another try.",
    "dead_letters": "What failed for good, and waits for another try.",
    "kpis": "What is checked, how it stands, and how it stood.",
    "overviews": "Databases and processes at a glance.",
    "connections": "Where KPIs run.",
    "queries": "What KPIs run, and how the answer is judged.",
    "server": "What the server of the jobs database knows, and does.",
    "metrics": "How often everything ran, and how fast.",
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
    "get_kpi": Operation(
        tag="kpis",
        query=managing.KnownQuery,
        answer={"kpi": KpiView},
        problems=FINDS,
        versioned=True,
    ),
    "put_kpi": Operation(
        tag="kpis",
        query=managing.NewQuery,
        body=kpis.KpiBody,
        answer={"kpi": KpiView},
        problems=(HTTPStatus.CONFLICT, *PUTS),
        versioned=True,
        successes=(HTTPStatus.OK, HTTPStatus.CREATED),
    ),
    "delete_kpi": Operation(
        tag="kpis",
        query=managing.KnownQuery,
        answer=REMOVED,
        problems=REMOVES,
        versioned=True,
    ),
    "run_unsaved_kpi": Operation(
        tag="kpis",
        query=Query,
        body=kpis.UnsavedBody,
        answer={"result": Tried},
        problems=FINDS_AND_WRITES,
    ),
    "list_connections": Operation(
        tag="connections",
        query=connections.ConnectionsQuery,
        answer={"connections": list[ConnectionView]},
        problems=READS,
    ),
    "get_connection": Operation(
        tag="connections",
        query=managing.KnownQuery,
        answer={"connection": ConnectionView},
        problems=FINDS,
        versioned=True,
        known_by_tag=True,
    ),
    "put_connection": Operation(
        tag="connections",
        query=managing.NewQuery,
        body=connections.ConnectionBody,
        answer={"connection": ConnectionView},
        problems=PUTS,
        versioned=True,
        successes=(HTTPStatus.OK, HTTPStatus.CREATED),
    ),
    "delete_connection": Operation(
        tag="connections",
        query=managing.KnownQuery,
        answer=REMOVED,
        problems=REMOVES,
        versioned=True,
    ),
    "test_connection": Operation(
        tag="connections",
        query=managing.KnownQuery,
        answer={"test": ConnectionTest},
        problems=FINDS,
    ),
    "list_queries": Operation(
        tag="queries",
        query=kpi_queries.QueriesQuery,
        answer={"queries": list[QueryView]},
        problems=READS,
    ),
    "get_query": Operation(
        tag="queries",
        query=managing.KnownQuery,
        answer={"query": QueryView},
        problems=FINDS,
        versioned=True,
        known_by_tag=True,
    ),
    "put_query": Operation(
        tag="queries",
        query=managing.NewQuery,
        body=kpi_queries.QueryBody,
        answer={"query": QueryView},
        problems=PUTS,
        versioned=True,
        successes=(HTTPStatus.OK, HTTPStatus.CREATED),
    ),
    "delete_query": Operation(
        tag="queries",
        query=managing.KnownQuery,
        answer=REMOVED,
        problems=REMOVES,
        versioned=True,
    ),
    "list_kpi_results": Operation(
        tag="kpis",
        query=kpis.ResultsQuery,
        answer={"results": list[StoredResult]},
        problems=FINDS,
    ),
    "run_kpi": Operation(
        tag="kpis",
        query=managing.KnownQuery,
        answer={"result": Result},
        problems=FINDS_AND_WRITES,
    ),
    "get_kpi_series": Operation(
        tag="kpis", query=series.SeriesQuery, answer={"series": Series}, problems=FINDS
    ),
    "list_databases": Operation(
        tag="overviews",
        query=overviews.DatabasesQuery,
        answer={"databases": list[DatabaseSummary]},
        problems=READS,
    ),
    "list_workers": Operation(
        tag="overviews",
        query=overviews.WorkersQuery,
        answer={"workers": list[WorkerOverview]},
        problems=READS,
    ),
    "list_jobs_of_worker": Operation(
        tag="overviews",
        query=overviews.WorkerJobsQuery,
        answer={"jobs": list[WorkerJob]},
        problems=FINDS,
    ),
    "list_metrics": Operation(
        tag="metrics",
        query=metrics.MetricsQuery,
        answer={"metrics": list[JobFigures]},
        problems=FINDS,
        kept=True,
        texts=[OPENMETRICS],
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
    "list_dead_letters": Operation(
        tag="dead_letters",
        query=dead_letters.DeadLettersQuery,
        answer={"dead_letters": list[DeadLetter]},
        problems=READS,
    ),
    "get_dead_letter": Operation(
        tag="dead_letters",
        query=dead_letters.DeadLetterQuery,
        answer={"dead_letter": DeadLetter},
        problems=FINDS,
    ),
    "retry_dead_letter": Operation(
        tag="dead_letters",
        query=dead_letters.DeadLetterQuery,
        body=retries.RetryBody,
        answer=LetterRetry,
        problems=[HTTPStatus.CONFLICT, *FINDS_AND_WRITES],
        successes=[HTTPStatus.OK, HTTPStatus.ACCEPTED],
    ),
    "retry_dead_letters": Operation(
        tag="dead_letters",
        query=Query,
        body=dead_letters.RetryLettersBody,
        answer=LettersRetry,
        problems=WRITES,
        successes=[HTTPStatus.OK, HTTPStatus.ACCEPTED],
    ),
    "discard_dead_letter": Operation(
        tag="dead_letters",
        query=dead_letters.DeadLetterQuery,
        body=dead_letters.DiscardBody,
        answer={"dead_letter": DeadLetter},
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
