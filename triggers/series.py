"""How a KPI's values went, for a chart."""

from collections.abc import Callable
from typing import Annotated

import azure.functions as func
from pydantic import Field

from services import Services
from triggers.boundary import endpoint
from triggers.managing import KnownQuery
from triggers.queries import PLAIN, Hours


class SeriesQuery(KnownQuery):
    """`points` is the most buckets that there may be."""

    hours: Hours = 24
    points: Annotated[int, Field(ge=10, le=1000, description="Buckets, at most."), PLAIN] = 200


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("kpis/{name}/series", methods=["GET"])
    @endpoint
    def get_kpi_series(req: func.HttpRequest) -> object:
        """GET /kpis/{name}/series?hours=&points=: least, greatest, mean and worst, by bucket

        Buckets without results are left out; `bucket_seconds` says how long each is. Of more than
        a week they are whole hours.
        """
        query = SeriesQuery.read(req)
        overviews = services().overviews
        return {"series": overviews.series(query.name, hours=query.hours, points=query.points)}

    return bp
