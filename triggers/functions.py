"""The three functions that move jobs on, tried."""

from collections.abc import Callable

import azure.functions as func

from services import Services
from triggers.boundary import Reply, age_of, endpoint
from triggers.queries import FreshQuery


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("db/functions/test", methods=["GET"])
    @endpoint
    def test_functions(req: func.HttpRequest) -> object:
        """GET /db/functions/test?fresh=: each function tried on rows that are made for it."""
        query = FreshQuery.read(req)
        tried = services().trials.try_functions(fresh=query.fresh)
        return Reply(tried.value, headers=age_of(tried))

    return bp
