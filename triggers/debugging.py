"""What is wrong with one job."""

from collections.abc import Callable

import azure.functions as func

from services import Services
from triggers.boundary import endpoint
from triggers.jobs import JobQuery


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("db/debug/{job_id}", methods=["GET"])
    @endpoint
    def debug_job(req: func.HttpRequest) -> object:
        """GET /db/debug/{job_id}: its timeline, where its time went, what failed, what to do."""
        return services().debugging.explain(JobQuery.read(req).job_id)

    return bp
