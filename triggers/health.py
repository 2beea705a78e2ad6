"""Is it alive, is it ready, is all well?"""

from collections.abc import Callable
from http import HTTPStatus

import azure.functions as func

from services import Services
from services.caching import Aged
from services.health import Health, Report
from services.version import VERSION
from triggers.boundary import Reply, endpoint
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
    @endpoint
    def get_livez(req: func.HttpRequest) -> object:
        """GET /livez: this process answers; no I/O."""
        return {"status": "alive"}

    @bp.route("readyz", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @endpoint
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
        return _reply(Aged(health.quick(), 0) if query.quick else health.full(fresh=query.fresh))

    @bp.route("health/database", methods=["GET"])
    @endpoint
    def get_health_database(req: func.HttpRequest) -> object:
        """GET /health/database?fresh="""
        return _reply(services().health.database(fresh=FreshQuery.read(req).fresh))

    return bp


def _reply(answer: Aged[Report]) -> Reply:
    """200 where it is healthy or degraded, 503 where it is not."""
    report = answer.value
    body = {
        "status": report.status,
        "version": VERSION,
        "components": {name: part.as_dict() for name, part in report.components.items()},
    }
    well = report.status is not Health.UNHEALTHY
    return Reply(
        body,
        HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE,
        {"age": str(int(answer.age_seconds))},
    )
