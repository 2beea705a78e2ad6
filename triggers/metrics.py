"""How often everything ran and how fast, for people and for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, ClassVar, Self

import azure.functions as func
from pydantic import Field, TypeAdapter, model_validator

from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import Reply, age_of, endpoint, listing
from triggers.boundary import Text as PlainText
from triggers.queries import Fresh, Hours, Line, PageQuery, Text

OPENMETRICS = "application/openmetrics-text"


class Prefix(StrEnum):
    KPI = "kpi"
    HTTP = "http"
    TIMER = "timer"


class Format(StrEnum):
    JSON = "json"
    PROMETHEUS = "prometheus"


class MetricsQuery(PageQuery):
    """`prometheus` is all of it at once, in the OpenMetrics format; an `Accept` that names
    `application/openmetrics-text` asks for it too. It is kept for a few seconds, `fresh` takes
    nothing from there.
    """

    position: ClassVar[TypeAdapter[tuple[str]]] = TypeAdapter(tuple[Text])

    job_id: Annotated[
        Line | None,
        Field(
            alias="jobId",
            min_length=1,
            max_length=200,
            description="The one.",
            examples=["timer:heartbeat"],
        ),
    ] = None
    prefix: Prefix | None = None
    regressed_hours: (
        Annotated[
            Hours,
            Field(description="Those of which an execution was far from normal so many hours ago."),
        ]
        | None
    ) = None
    format: Format | None = None
    fresh: Fresh = False

    @property
    def is_chosen(self) -> bool:
        """Whether it asks for some of the jobs, which only JSON can."""
        return not self.model_fields_set <= {"format", "fresh"}

    def filters(self) -> dict[str, object]:
        found = {
            "jobId": self.job_id,
            "prefix": self.prefix,
            "regressed_hours": self.regressed_hours,
        }
        return {name: value for name, value in found.items() if value is not None}

    @model_validator(mode="after")
    def _prometheus_takes_all(self) -> Self:
        if self.format is Format.PROMETHEUS and self.is_chosen:
            raise ValueError("format: prometheus is of everything, and takes only fresh besides")
        if self.job_id is not None and self.prefix is not None:
            raise ValueError("prefix: not together with jobId")
        if self.job_id is not None and self.regressed_hours is not None:
            raise ValueError("regressed_hours: not together with jobId")
        return self


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("metrics", methods=["GET"])
    @endpoint
    def list_metrics(req: func.HttpRequest) -> object:
        """GET /metrics?jobId=&prefix=&regressed_hours=&format=&limit=&cursor=: how often all ran

        Jobs are KPIs (`kpi:name`), HTTP functions (`http:name`) and timers (`timer:name`), each
        with its normal speed and the newest execution that was far from it. A failure is of a KPI
        an Error, of an HTTP function an answer of 500 or more, of a timer a run that raised one.
        """
        query = MetricsQuery.read(req)
        app = services()
        app.recorder.flush()
        if _wants_prometheus(query, req.headers.get("accept", "")):
            return _exposed(app, fresh=query.fresh)
        watch = Stopwatch.start()
        (after,) = query.after() or (None,)
        if query.job_id is not None:
            page = app.metrics.job(query.job_id)
        else:
            prefix = f"{query.prefix}:" if query.prefix else None
            page = app.metrics.jobs(
                prefix=prefix,
                regressed_hours=query.regressed_hours,
                after=after,
                limit=query.limit,
            )
        return Reply(listing("metrics", query, page, watch), headers={"vary": "accept"})

    return bp


def _exposed(app: Services, *, fresh: bool) -> Reply:
    from services.metrics.exposition import OPENMETRICS as CONTENT_TYPE

    found = app.exposition.text(fresh=fresh)
    headers = {"content-type": CONTENT_TYPE, "vary": "accept", **age_of(found)}
    return Reply(PlainText(found.value), headers=headers)


def _wants_prometheus(query: MetricsQuery, accept: str) -> bool:
    if query.format is not None or query.is_chosen:
        return query.format is Format.PROMETHEUS
    return any(_is_openmetrics(part) for part in accept.lower().split(","))


def _is_openmetrics(part: str) -> bool:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    return kind == OPENMETRICS and "q=0" not in parameters
