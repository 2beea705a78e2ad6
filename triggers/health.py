"""Is it alive, is it ready, is all well?"""

from collections.abc import Callable
from http import HTTPStatus

import azure.functions as func

from services import Services
from services.reports import Health, Report
from services.version import VERSION
from triggers.boundary import Reply, endpoint, probe
from triggers.queries import Query


class HealthQuery(Query):
    """`quick` asks only whether the store answers; `fresh` takes nothing from the cache."""

    quick: bool = False
    fresh: bool = False


class FreshQuery(Query):
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
        """GET /health?quick=&fresh="""
        query = HealthQuery.read(req)
        health = services().health
        if query.quick:
            return _reply(health.quick(), 0)
        full = health.full(fresh=query.fresh)
        return _reply(full.value, full.age_seconds)

    @bp.route("health/database", methods=["GET"])
    @endpoint
    def get_health_database(req: func.HttpRequest) -> object:
        """GET /health/database?fresh="""
        database = services().health.database(fresh=FreshQuery.read(req).fresh)
        return _reply(database.value, database.age_seconds)

    return bp


def _reply(report: Report, age_seconds: float) -> Reply:
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
        {"age": str(int(age_seconds))},
    )
