"""How often everything ran and how fast, for people and for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, ClassVar, Self

import azure.functions as func
from pydantic import Field, TypeAdapter, model_validator

from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import Reply, age_of, endpoint, listing
from triggers.boundary import Text as PlainText
from triggers.queries import Fresh, Line, PageQuery, Text

JSON = "application/json"
OPENMETRICS = "application/openmetrics-text"
PLAIN = "text/plain"
OLD_FORMAT = "0.0.4"


class Prefix(StrEnum):
    KPI = "kpi"
    HTTP = "http"
    TIMER = "timer"


class Format(StrEnum):
    JSON = "json"
    PROMETHEUS = "prometheus"


class MetricsQuery(PageQuery):
    """`prometheus` is all of it at once, in the OpenMetrics format or, where only that is accepted,
    in the older text format; an `Accept` for one of them asks for it too. It is kept for a few
    seconds, `fresh` takes nothing from there.
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
    format: Format | None = None
    fresh: Fresh = False

    @property
    def is_chosen(self) -> bool:
        """Whether it asks for some of the jobs, which only JSON can."""
        return any((self.job_id, self.prefix, self.cursor))

    def filters(self) -> dict[str, object]:
        found = {"jobId": self.job_id, "prefix": self.prefix}
        return {name: value for name, value in found.items() if value is not None}

    @model_validator(mode="after")
    def _prometheus_takes_all(self) -> Self:
        if self.format is Format.PROMETHEUS and self.is_chosen:
            raise ValueError("format: prometheus is of everything, without jobId, prefix or cursor")
        if self.job_id is not None and self.prefix is not None:
            raise ValueError("prefix: not together with jobId")
        return self


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("metrics", methods=["GET"])
    @endpoint
    def list_metrics(req: func.HttpRequest) -> object:
        """GET /metrics?jobId=&prefix=&format=&limit=&cursor=: how often everything ran, how fast

        Jobs are KPIs (`kpi:name`), HTTP functions (`http:name`) and timers (`timer:name`), each
        with its normal speed and the newest execution that was far from it.
        """
        query = MetricsQuery.read(req)
        app = services()
        app.recorder.flush()
        accepted = _accepted(req.headers.get("accept", ""))
        if _wants_prometheus(query, accepted):
            return _exposed(app, accepted, fresh=query.fresh)
        watch = Stopwatch.start()
        (after,) = query.after() or (None,)
        if query.job_id is not None:
            page = app.metrics.job(query.job_id)
        else:
            prefix = f"{query.prefix}:" if query.prefix else None
            page = app.metrics.jobs(prefix=prefix, after=after, limit=query.limit)
        return Reply(listing("metrics", query, page, watch), headers={"vary": "accept"})

    return bp


def _exposed(app: Services, accepted: dict[str, float], *, fresh: bool) -> Reply:
    from services.metrics.exposition import OPENMETRICS as NEWER
    from services.metrics.exposition import PLAIN_TEXT as OLDER

    content_type = OLDER if _prefers(accepted, PLAIN, OPENMETRICS) else NEWER
    found = app.exposition.text(content_type, fresh=fresh)
    headers = {"content-type": content_type, "vary": "accept", **age_of(found)}
    return Reply(PlainText(found.value), headers=headers)


def _wants_prometheus(query: MetricsQuery, accepted: dict[str, float]) -> bool:
    if query.format is not None or query.is_chosen:
        return query.format is Format.PROMETHEUS
    return _prefers(accepted, OPENMETRICS, JSON) or _prefers(accepted, PLAIN, JSON)


def _prefers(accepted: dict[str, float], one: str, other: str) -> bool:
    return accepted.get(one, 0.0) > accepted.get(other, 0.0)


def _accepted(header: str) -> dict[str, float]:
    """How much each type is wanted. Plain text counts in the version that Prometheus asks for:
    browsers and others take any text, and mean none in particular.
    """
    wanted: dict[str, float] = {}
    for kind, parameters in _parts(header):
        if kind == PLAIN and parameters.get("version") != OLD_FORMAT:
            continue
        wanted[kind] = max(wanted.get(kind, 0.0), _weight(parameters.get("q", "1")))
    return wanted


def _parts(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    for part in header.lower().split(","):
        kind, *rest = (piece.strip() for piece in part.split(";"))
        yield kind, dict(piece.partition("=")[::2] for piece in rest)


def _weight(text: str) -> float:
    """What is no number is no wish."""
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
