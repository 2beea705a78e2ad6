"""What the server of the jobs database knows, does, and how long things take on it."""

from collections.abc import Callable
from typing import Annotated, Literal, Self

import azure.functions as func
from pydantic import Field, model_validator

from services import Services
from triggers.boundary import Reply, age_of, endpoint
from triggers.queries import PLAIN, FreshQuery, Query

LONGEST_MS = 604_800_000
KEPT_HOURS = 168


class ActivityQuery(Query):
    """`min_ms` leaves out the statements that run for less; a second where `type` is slow."""

    type: Literal["running", "slow", "locks", "connections"] = "running"
    min_ms: Annotated[int, Field(ge=0, le=LONGEST_MS), PLAIN] | None = None
    limit: Annotated[int, Field(ge=1, le=1000), PLAIN] = 100

    @model_validator(mode="after")
    def _only_statements_run(self) -> Self:
        if self.min_ms is not None and self.type not in ("running", "slow"):
            raise ValueError("min_ms: only for the types running and slow")
        return self


class PerformanceQuery(FreshQuery):
    """The window, which is compared with as many hours before it."""

    hours: Annotated[int, Field(ge=1, le=KEPT_HOURS), PLAIN] = 24


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("db/stats", methods=["GET"])
    @endpoint
    def get_statistics(req: func.HttpRequest) -> object:
        """GET /db/stats?fresh=: sizes, scans, counters, and which indexes are missing."""
        statistics = services().statistics.statistics(fresh=FreshQuery.read(req).fresh)
        return Reply(statistics.value, headers=age_of(statistics))

    @bp.route("db/activity", methods=["GET"])
    @endpoint
    def get_activity(req: func.HttpRequest) -> object:
        """GET /db/activity?type=&min_ms=&limit=: what the server does now, and who blocks whom."""
        query = ActivityQuery.read(req)
        return services().activity.activity(query.type, min_ms=query.min_ms, limit=query.limit)

    @bp.route("db/performance", methods=["GET"])
    @endpoint
    def get_performance(req: func.HttpRequest) -> object:
        """GET /db/performance?hours=&fresh=: how long things took, now and in the window before."""
        query = PerformanceQuery.read(req)
        performance = services().performance.performance(hours=query.hours, fresh=query.fresh)
        return Reply(performance.value, headers=age_of(performance))

    return bp
