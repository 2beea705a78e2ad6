"""Is it alive, is it ready, is all well?"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

import azure.functions as func

from services import Services
from services.reports import Health, Report
from services.version import VERSION
from triggers.boundary import Reply, age_of, endpoint, probe
from triggers.queries import FreshQuery, Query


class HealthQuery(Query):
    """`quick` asks only whether the store answers; `fresh` takes nothing from the cache."""

    quick: bool = False
    fresh: bool = False


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("livez", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @probe
    def get_livez(req: func.HttpRequest) -> object:
        """GET /livez: this process answers; no I/O."""
        return {"status": "alive"}

    @bp.route("readyz", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @probe
    def get_readyz(req: func.HttpRequest) -> object:
        """GET /readyz: the store answers within two seconds."""
        if services().health.ready():
            return {"status": "ready"}
        return Reply({"status": "not ready"}, HTTPStatus.SERVICE_UNAVAILABLE)

    @bp.route("health", methods=["GET"])
    @endpoint
    def get_health(req: func.HttpRequest) -> object:
        """GET /health?quick=&fresh=: every part of the app, and why where one is not well

        503 where a part is unhealthy.
        """
        query = HealthQuery.read(req)
        health = services().health
        if query.quick:
            return reply_of(health.quick(), {})
        full = health.full(fresh=query.fresh)
        return reply_of(full.value, age_of(full))

    @bp.route("health/database", methods=["GET"])
    @endpoint
    def get_health_database(req: func.HttpRequest) -> object:
        """GET /health/database?fresh=: the databases, with what ran in the last 24 hours"""
        database = services().health.database(fresh=FreshQuery.read(req).fresh)
        return reply_of(database.value, age_of(database))

    return bp


def reply_of(report: Report, headers: Mapping[str, str]) -> Reply:
    """200 where it is healthy or degraded, 503 where it is not."""
    body = {
        "status": report.status,
        "version": VERSION,
        "components": {name: part.as_dict() for name, part in report.components.items()},
    }
    well = report.status is not Health.UNHEALTHY
    return Reply(
        body,
        HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE,
        headers,
    )
