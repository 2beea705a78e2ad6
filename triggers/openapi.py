"""The OpenAPI document of the whole app."""

from typing import Any

import azure.functions as func

from triggers.boundary import endpoint
from triggers.lazy import Lazy
from triggers.queries import Query


def blueprint() -> func.Blueprint:
    bp = func.Blueprint()
    document = Lazy(_build)

    @bp.route("openapi.json", methods=["GET"])
    @endpoint
    def get_openapi(req: func.HttpRequest) -> object:
        """GET /openapi.json: what can be asked here, as OpenAPI 3.1"""
        Query.read(req)
        return document()

    return bp


def _build() -> dict[str, Any]:
    """The types of all answers are imported here, not with the app. See ADR 11."""
    from triggers.document import build_document

    return build_document()
