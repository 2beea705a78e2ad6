"""Heartbeats in, states out."""

from collections.abc import Callable
from typing import Annotated, ClassVar

import azure.functions as func
from pydantic import Field, TypeAdapter

from repositories.records.processes import Beat
from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing, waiting_endpoint
from triggers.lazy import built
from triggers.queries import Body, PageQuery, Query, Text, read_both

ServiceName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["watchkeeper"])
]
Seconds = Annotated[int, Field(ge=1, le=31 * 86400)]


class ServicesQuery(PageQuery):
    position: ClassVar[TypeAdapter[tuple[str]]] = TypeAdapter(tuple[Text])


class ServiceQuery(Query):
    service: ServiceName


class HeartbeatBody(Body):
    """Interval and grace, where given, hold from now on."""

    status: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[^\x00-\x1f]*$")]
    current_task: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] | None = None
    interval_seconds: Seconds | None = None
    grace_seconds: Annotated[int, Field(ge=0, le=31 * 86400)] | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("status", methods=["GET"])
    @endpoint
    def list_services(req: func.HttpRequest) -> object:
        """GET /status?limit=&cursor=: which services are alive"""
        query = ServicesQuery.read(req)
        (after,) = query.after() or (None,)
        statuses = services().statuses
        watch = Stopwatch.start()
        page = statuses.services(after=after, limit=query.limit)
        return listing("services", query, page, watch)

    @bp.route("status/{service}/heartbeat", methods=["POST"])
    @waiting_endpoint
    async def post_heartbeat(req: func.HttpRequest) -> object:
        """POST /status/{service}/heartbeat {"status", "current_task"}: the service is alive"""
        query, body = read_both(req, ServiceQuery, HeartbeatBody)
        beat = Beat(service=query.service, **body.model_dump())
        app = await built(services)
        state = await app.for_writing().statuses.beat(beat)
        return {"service": state}

    return bp
