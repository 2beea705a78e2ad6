"""Jobs and their tasks, read only."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import azure.functions as func
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    TypeAdapter,
    model_validator,
)

from repositories.records.filters import ChangeTime, JobFilter, Parameter, TaskFilter
from services import Services
from services.pages import Page
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.queries import PLAIN, Hours, PageQuery, Query, Text, Words, joined

if TYPE_CHECKING:
    from repositories.records.jobs import Job

JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0123456789abcdef" * 4])]
TypeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]
StageNumber = Annotated[int, Field(ge=1, le=100), PLAIN]
Id = Annotated[Text, Field(max_length=100)]
Instant = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(3000, 1, 1, tzinfo=UTC))
]
Microseconds = Annotated[int, Field(ge=-(10**16), le=10**16)]

_MEMBERS = r"[A-Za-z0-9_-]{1,100}(?:\.[A-Za-z0-9_-]{1,100}){0,9}"
_NEXT_PAIR = re.compile(rf",(?={_MEMBERS}:)")


def _pairs(value: object) -> object:
    """Several parameters of one name arrive with commas between them, which values may hold too."""
    text = joined(value)
    return _NEXT_PAIR.split(text) if isinstance(text, str) else text


def _each_once(pairs: Sequence[str]) -> Sequence[str]:
    paths = [pair.partition(":")[0] for pair in pairs]
    for one, other in combinations(sorted(paths), 2):
        if f"{other}.".startswith(f"{one}."):
            raise ValueError(f"{one} stands there twice")
    return pairs


Pairs = Annotated[
    tuple[Annotated[str, Field(pattern=rf"^{_MEMBERS}:[^\x00-\x1f\x7f]{{1,200}}$")], ...],
    Field(
        min_length=1,
        max_length=5,
        description="`member:value` or `outer.inner:value`, inside the job's parameters.",
    ),
    BeforeValidator(_pairs),
    AfterValidator(_each_once),
]
"""`member:value` or `outer.inner:value`; a comma begins another where `member:` follows it."""


class Order(StrEnum):
    DESC = "desc"
    ASC = "asc"


class JobSort(StrEnum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    DURATION = "duration"


class JobQuery(Query):
    job_id: JobId


class NewestQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[Instant, Id])

    status: Words | None = None
    hours: Hours | None = None
    order: Order = Order.DESC

    @property
    def ascending(self) -> bool:
        return self.order is Order.ASC


class JobsQuery(NewestQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(
        tuple[Instant, Id] | tuple[Instant, Microseconds, Id]
    )

    job_type: TypeName | None = None
    parameter: Pairs | None = None
    sort: JobSort = JobSort.CREATED_AT

    @model_validator(mode="after")
    def _cursor_is_of_this_sort(self) -> Self:
        place = self.after()
        if place and len(place) != (3 if self.sort is JobSort.DURATION else 2):
            raise ValueError("cursor: not one that this list has given")
        return self

    def chosen(self) -> JobFilter:
        return JobFilter(
            statuses=self.status,
            job_type=self.job_type,
            hours=self.hours,
            parameters=[_parameter(pair) for pair in self.parameter or ()],
        )


class TasksQuery(NewestQuery):
    stage: StageNumber | None = None
    task_type: TypeName | None = None
    sort: ChangeTime = ChangeTime.CREATED_AT

    def chosen(self) -> TaskFilter:
        return TaskFilter(
            statuses=self.status, stage=self.stage, task_type=self.task_type, hours=self.hours
        )


class JobTasksQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(
        tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], Id]
    )

    job_id: JobId
    status: Words | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("db/jobs", methods=["GET"])
    @endpoint
    def list_jobs(req: func.HttpRequest) -> object:
        """GET /db/jobs?status=&job_type=&hours=&parameter=&sort=&order=&limit=&cursor=: jobs

        Each has its duration and its tasks counted by status.
        """
        query = JobsQuery.read(req)
        ready = services()
        watch = Stopwatch.start()
        return listing("jobs", query, _jobs_page(ready, query), watch)

    @bp.route("db/jobs/{job_id}", methods=["GET"])
    @endpoint
    def get_job(req: func.HttpRequest) -> object:
        """GET /db/jobs/{job_id}: one job"""
        return {"job": services().jobs.get(JobQuery.read(req).job_id)}

    @bp.route("db/tasks", methods=["GET"])
    @endpoint
    def list_tasks(req: func.HttpRequest) -> object:
        """GET /db/tasks?status=&stage=&task_type=&hours=&sort=&order=&limit=&cursor=: tasks"""
        query = TasksQuery.read(req)
        jobs = services().jobs
        watch = Stopwatch.start()
        page = jobs.newest_tasks(
            query.chosen(),
            by=query.sort,
            oldest_first=query.ascending,
            after=query.after(),
            limit=query.limit,
        )
        return listing("tasks", query, page, watch)

    @bp.route("db/tasks/{job_id}", methods=["GET"])
    @endpoint
    def list_tasks_of_job(req: func.HttpRequest) -> object:
        """GET /db/tasks/{job_id}?status=&limit=&cursor=: a job's tasks, and its stages' progress"""
        query = JobTasksQuery.read(req)
        watch = Stopwatch.start()
        page, stages = services().jobs.tasks_of(
            query.job_id, statuses=query.status, after=query.after(), limit=query.limit
        )
        return listing("tasks", query, page, watch, stages=stages)

    return bp


def _jobs_page(services: Services, query: JobsQuery) -> "Page[Job]":
    if query.sort is JobSort.DURATION:
        return services.jobs.longest(
            query.chosen(),
            shortest_first=query.ascending,
            after=query.after(),
            limit=query.limit,
        )
    return services.jobs.newest(
        query.chosen(),
        by=ChangeTime(query.sort),
        oldest_first=query.ascending,
        after=query.after(),
        limit=query.limit,
    )


def _parameter(pair: str) -> Parameter:
    members, _, value = pair.partition(":")
    return Parameter(path=tuple(members.split(".")), value=value)
