"""KPIs: how they stand, how they stood, and one run now."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, ClassVar

import azure.functions as func
from pydantic import AwareDatetime, Field, TypeAdapter

from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.queries import Hours, PageQuery, Query, Text

KpiName = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$", examples=["failed_jobs"]),
]


class KpisQuery(PageQuery):
    position: ClassVar[TypeAdapter[tuple[str]]] = TypeAdapter(tuple[Text])


class KpiQuery(Query):
    name: KpiName


class ResultsQuery(PageQuery):
    position: ClassVar[TypeAdapter[tuple[datetime, str]]] = TypeAdapter(
        tuple[AwareDatetime, Annotated[str, Field(pattern=r"^\d{1,18}$")]]
    )

    name: KpiName
    hours: Hours | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("kpis", methods=["GET"])
    @endpoint
    def list_kpis(req: func.HttpRequest) -> object:
        """GET /kpis?limit=&cursor=: every KPI with its newest verdict"""
        query = KpisQuery.read(req)
        (after,) = query.after() or (None,)
        kpis = services().kpis
        watch = Stopwatch.start()
        page = kpis.overview(after=after, limit=query.limit)
        return listing("kpis", query, page, watch)

    @bp.route("kpis/{name}", methods=["GET"])
    @endpoint
    def get_kpi(req: func.HttpRequest) -> object:
        """GET /kpis/{name}: one KPI with its newest verdict"""
        return {"kpi": services().kpis.get(KpiQuery.read(req).name)}

    @bp.route("kpis/{name}/results", methods=["GET"])
    @endpoint
    def list_kpi_results(req: func.HttpRequest) -> object:
        """GET /kpis/{name}/results?hours=&limit=&cursor=: how it stood, newest first"""
        query = ResultsQuery.read(req)
        kpis = services().kpis
        watch = Stopwatch.start()
        page = kpis.history(query.name, hours=query.hours, before=query.after(), limit=query.limit)
        return listing("results", query, page, watch)

    @bp.route("kpis/{name}/run", methods=["POST"])
    @endpoint
    def run_kpi(req: func.HttpRequest) -> object:
        """POST /kpis/{name}/run: run it now and keep the result; 200 whatever the verdict."""
        query = KpiQuery.read(req)
        return {"result": services().for_writing().kpis.run_now(query.name)}

    return bp
