"""Failed tasks, put back as queued."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import azure.functions as func
from pydantic import Field

from services import Services
from triggers.boundary import endpoint
from triggers.callers import caller_of
from triggers.jobs import JobId
from triggers.logs import correlation_id
from triggers.queries import Body, Hours, Query, read_both

if TYPE_CHECKING:
    from services.retries import Order

TaskId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class RetryJobQuery(Query):
    job_id: JobId


class RetryGroupQuery(Query):
    fingerprint: Fingerprint


class RetryBody(Body):
    """A dry run says what would be done; the reason is kept with each failure."""

    dry_run: bool = False
    reason: Reason


class RetryJobBody(RetryBody):
    """`task_ids` are the only ones to be put back; all failed ones where it is left out."""

    task_ids: Annotated[tuple[TaskId, ...], Field(min_length=1, max_length=1000)] | None = None


class RetryGroupBody(RetryBody):
    hours: Hours = 24
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("jobs/{job_id}/retry", methods=["POST"])
    @endpoint
    def retry_job(req: func.HttpRequest) -> object:
        """POST /jobs/{job_id}/retry {"dry_run", "reason", "task_ids"}: its failures, once more"""
        query, body = read_both(req, RetryJobQuery, RetryJobBody)
        retries = services().for_writing().retries
        return retries.retry_job(query.job_id, body.task_ids, _order(req, body))

    @bp.route("db/errors/{fingerprint}/retry", methods=["POST"])
    @endpoint
    def retry_errors(req: func.HttpRequest) -> object:
        """POST /db/errors/{fingerprint}/retry {"dry_run", "reason", "hours", "limit"}: all alike"""
        query, body = read_both(req, RetryGroupQuery, RetryGroupBody)
        retries = services().for_writing().retries
        return retries.retry_group(
            query.fingerprint, hours=body.hours, limit=body.limit, order=_order(req, body)
        )

    return bp


def _order(req: func.HttpRequest, body: RetryBody) -> "Order":
    from services.retries import Order  # what it comes with is not needed to index the app

    return Order(
        actor=caller_of(req),
        reason=body.reason,
        correlation_id=correlation_id(),
        dry_run=body.dry_run,
    )
