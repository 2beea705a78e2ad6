"""Databases and processes at a glance."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import azure.functions as func
from pydantic import BeforeValidator, Field, TypeAdapter

from services import Services
from services.definitions.documents import Provider
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.jobs import Instant
from triggers.managing import DefinitionsQuery, Environment
from triggers.queries import PageQuery, Uuid, split_words

if TYPE_CHECKING:
    from services.overviews import WorkerFilter

Status = Literal["Starting", "Running", "Stopping", "Stopped", "Error"]
State = Literal["healthy", "stale", "down"]
JobState = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]
Several = Field(max_length=5, description="Any of these.", json_schema_extra={"minItems": 1})


class DatabasesQuery(DefinitionsQuery):
    environment: Environment | None = None
    provider: Provider | None = None


class WorkersQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[Instant, Uuid])

    environment: Environment | None = None
    status: Annotated[tuple[Status, ...], Several, BeforeValidator(split_words)] | None = None
    state: Annotated[tuple[State, ...], Several, BeforeValidator(split_words)] | None = None

    def chosen(self) -> "WorkerFilter":
        from services.overviews import WorkerFilter

        return WorkerFilter(self.environment, self.status, self.state)


class WorkerJobsQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[Instant, Uuid])

    worker_id: Uuid
    status: JobState | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("overview/databases", methods=["GET"])
    @endpoint
    def list_databases(req: func.HttpRequest) -> object:
        """GET /overview/databases?environment=&provider=&tag=&enabled=&limit=&cursor=: their week

        Each connection with its newest verdict and what its KPIs found in 168 whole hours and the
        one that is going on.
        """
        query = DatabasesQuery.read(req)
        (after,) = query.after() or (None,)
        overviews = services().overviews
        watch = Stopwatch.start()
        page = overviews.databases(query.chosen(), after=after, limit=query.limit)
        return listing("databases", query, page, watch)

    @bp.route("workers", methods=["GET"])
    @endpoint
    def list_workers(req: func.HttpRequest) -> object:
        """GET /workers?environment=&status=&state=&limit=&cursor=: processes, newest first"""
        query = WorkersQuery.read(req)
        overviews = services().overviews
        watch = Stopwatch.start()
        page = overviews.workers(query.chosen(), before=query.after(), limit=query.limit)
        return listing("workers", query, page, watch)

    @bp.route("workers/{worker_id}/jobs", methods=["GET"])
    @endpoint
    def list_jobs_of_worker(req: func.HttpRequest) -> object:
        """GET /workers/{worker_id}/jobs?status=&limit=&cursor=: what it ran, newest first"""
        query = WorkerJobsQuery.read(req)
        overviews = services().overviews
        watch = Stopwatch.start()
        page = overviews.jobs_of(
            query.worker_id, status=query.status, before=query.after(), limit=query.limit
        )
        return listing("jobs", query, page, watch)

    return bp
