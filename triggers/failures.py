"""What fails, what is stuck, and how the jobs as a whole are doing."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import azure.functions as func
from pydantic import Field, TypeAdapter

from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import Reply, age_of, endpoint, listing
from triggers.health import reply_of
from triggers.jobs import TypeName
from triggers.queries import PLAIN, FreshQuery, Hours, PageQuery

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Count = Annotated[int, Field(ge=1)]


class ErrorsQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[Count, Fingerprint])

    hours: Hours = 24
    job_type: TypeName | None = None
    task_type: TypeName | None = None
    limit: Annotated[int, Field(ge=1, le=200), PLAIN] = 50
    fresh: bool = False

    def filters(self) -> dict[str, object]:
        return self.model_dump(exclude={"limit", "cursor", "fresh"}, exclude_none=True)


class PoisonQuery(FreshQuery):
    limit: Annotated[int, Field(ge=1, le=200), PLAIN] = 20
    hours: Hours | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("db/errors", methods=["GET"])
    @endpoint
    def list_errors(req: func.HttpRequest) -> object:
        """GET /db/errors?hours=&job_type=&task_type=&limit=&cursor=&fresh=: what fails alike"""
        query = ErrorsQuery.read(req)
        failures = services().failures
        watch = Stopwatch.start()
        found = failures.groups(
            hours=query.hours,
            job_type=query.job_type,
            task_type=query.task_type,
            after=query.after(),
            limit=query.limit,
            fresh=query.fresh,
        )
        page = found.value
        body = listing("groups", query, page.groups, watch, totals=page.totals)
        return Reply(body, headers=age_of(found))

    @bp.route("db/poison", methods=["GET"])
    @endpoint
    def get_poison(req: func.HttpRequest) -> object:
        """GET /db/poison?limit=&hours=&fresh=: what is stuck, tried again and again, or lost"""
        query = PoisonQuery.read(req)
        found = services().poison.report(limit=query.limit, hours=query.hours, fresh=query.fresh)
        return Reply(found.value, headers=age_of(found))

    @bp.route("health/jobs", methods=["GET"])
    @endpoint
    def get_health_jobs(req: func.HttpRequest) -> object:
        """GET /health/jobs?fresh=: the jobs as a whole, against what is normal for them"""
        jobs = services().job_health.report(fresh=FreshQuery.read(req).fresh)
        return reply_of(jobs.value, age_of(jobs))

    return bp
