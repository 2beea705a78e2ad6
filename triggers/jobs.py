"""Jobs and their tasks, read only."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import azure.functions as func
from pydantic import AwareDatetime, Field, TypeAdapter

from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.queries import Hours, PageQuery, Query, Words

JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TypeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]
StageNumber = Annotated[int, Field(ge=1, le=100)]
Id = Annotated[str, Field(max_length=100)]


class JobQuery(Query):
    job_id: JobId


class NewestQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[AwareDatetime, Id])

    status: Words | None = None
    hours: Hours | None = None


class JobsQuery(NewestQuery):
    job_type: TypeName | None = None


class TasksQuery(NewestQuery):
    stage: StageNumber | None = None
    task_type: TypeName | None = None


class JobTasksQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[int, Id])

    job_id: JobId
    status: Words | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("db/jobs", methods=["GET"])
    @endpoint
    def list_jobs(req: func.HttpRequest) -> object:
        """GET /db/jobs?status=&job_type=&hours=&limit=&cursor="""
        query = JobsQuery.read(req)
        jobs = services().jobs
        watch = Stopwatch.start()
        page = jobs.newest(
            statuses=query.status,
            job_type=query.job_type,
            hours=query.hours,
            before=query.after(),
            limit=query.limit,
        )
        return listing("jobs", query, page, watch)

    @bp.route("db/jobs/{job_id}", methods=["GET"])
    @endpoint
    def get_job(req: func.HttpRequest) -> object:
        """GET /db/jobs/{job_id}"""
        return {"job": services().jobs.get(JobQuery.read(req).job_id)}

    @bp.route("db/tasks", methods=["GET"])
    @endpoint
    def list_tasks(req: func.HttpRequest) -> object:
        """GET /db/tasks?status=&stage=&task_type=&hours=&limit=&cursor="""
        query = TasksQuery.read(req)
        jobs = services().jobs
        watch = Stopwatch.start()
        page = jobs.newest_tasks(
            statuses=query.status,
            stage=query.stage,
            task_type=query.task_type,
            hours=query.hours,
            before=query.after(),
            limit=query.limit,
        )
        return listing("tasks", query, page, watch)

    @bp.route("db/tasks/{job_id}", methods=["GET"])
    @endpoint
    def list_tasks_of_job(req: func.HttpRequest) -> object:
        """GET /db/tasks/{job_id}?status=&limit=&cursor=: with the progress of each stage."""
        query = JobTasksQuery.read(req)
        watch = Stopwatch.start()
        page, stages = services().jobs.tasks_of(
            query.job_id, statuses=query.status, after=query.after(), limit=query.limit
        )
        return listing("tasks", query, page, watch, stages=stages)

    return bp
