"""What failed for good, and another try."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import azure.functions as func
from pydantic import Field, TypeAdapter

from services import Services
from services.stopwatch import Stopwatch
from triggers.boundary import Reply, endpoint, listing
from triggers.callers import caller_of
from triggers.jobs import Instant
from triggers.logs import correlation_id
from triggers.queries import Body, Hours, Line, PageQuery, Query, Uuid, read_both
from triggers.retries import Fingerprint, Reason, RetryBody

if TYPE_CHECKING:
    from services.dead_letters import LetterFilter, LetterRetry, LettersRetry
    from services.retries import Order

LetterStatus = Literal["PENDING", "PROCESSING", "SUCCEEDED", "FAILED"]


class DeadLettersQuery(PageQuery):
    position: ClassVar[TypeAdapter[Any]] = TypeAdapter(tuple[Instant, Uuid])

    status: LetterStatus | None = None
    fingerprint: Fingerprint | None = None
    job_id: Annotated[Line, Field(min_length=1, max_length=200, examples=["kpi:failed_jobs"])] | (
        None
    ) = None
    hours: Hours | None = None

    def chosen(self) -> "LetterFilter":
        from services.dead_letters import LetterFilter

        return LetterFilter(
            status=self.status, fingerprint=self.fingerprint, job_id=self.job_id, hours=self.hours
        )


class DeadLetterQuery(Query):
    dead_letter_id: Uuid


class RetryLettersBody(RetryBody):
    fingerprint: Fingerprint
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class DiscardBody(Body):
    """The reason is kept with the letter."""

    reason: Reason


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("dead-letters", methods=["GET"])
    @endpoint
    def list_dead_letters(req: func.HttpRequest) -> object:
        """GET /dead-letters?status=&fingerprint=&job_id=&hours=&limit=&cursor=: newest first"""
        query = DeadLettersQuery.read(req)
        letters = services().dead_letters
        watch = Stopwatch.start()
        page = letters.newest(query.chosen(), before=query.after(), limit=query.limit)
        return listing("dead_letters", query, page, watch)

    @bp.route("dead-letters/{dead_letter_id}", methods=["GET"])
    @endpoint
    def get_dead_letter(req: func.HttpRequest) -> object:
        """GET /dead-letters/{dead_letter_id}: one, with its input and its error"""
        query = DeadLetterQuery.read(req)
        return {"dead_letter": services().dead_letters.get(query.dead_letter_id)}

    @bp.route("dead-letters/{dead_letter_id}/retry", methods=["POST"])
    @endpoint
    def retry_dead_letter(req: func.HttpRequest) -> object:
        """POST /dead-letters/{dead_letter_id}/retry {"dry_run", "reason"}: run its KPI once more

        202 with the id of the execution, which the next round takes up.
        """
        query, body = read_both(req, DeadLetterQuery, RetryBody)
        letters = services().for_writing().dead_letters
        order = _order(req, body.reason, dry_run=body.dry_run)
        return _accepted(letters.retry(query.dead_letter_id, order), order)

    @bp.route("dead-letters/retry", methods=["POST"])
    @endpoint
    def retry_dead_letters(req: func.HttpRequest) -> object:
        """POST /dead-letters/retry {"fingerprint", "dry_run", "reason", "limit"}: all alike"""
        _, body = read_both(req, Query, RetryLettersBody)
        letters = services().for_writing().dead_letters
        order = _order(req, body.reason, dry_run=body.dry_run)
        outcome = letters.retry_alike(body.fingerprint, limit=body.limit, order=order)
        return _accepted(outcome, order)

    @bp.route("dead-letters/{dead_letter_id}/discard", methods=["POST"])
    @endpoint
    def discard_dead_letter(req: func.HttpRequest) -> object:
        """POST /dead-letters/{dead_letter_id}/discard {"reason"}: nobody tries it again"""
        query, body = read_both(req, DeadLetterQuery, DiscardBody)
        letters = services().for_writing().dead_letters
        order = _order(req, body.reason, dry_run=False)
        return {"dead_letter": letters.discard(query.dead_letter_id, order)}

    return bp


def _accepted(outcome: "LetterRetry | LettersRetry", order: "Order") -> Reply:
    is_under_way = bool(outcome.retried) and not order.dry_run
    return Reply(outcome, HTTPStatus.ACCEPTED if is_under_way else HTTPStatus.OK)


def _order(req: func.HttpRequest, reason: str, *, dry_run: bool) -> "Order":
    from services.retries import Order  # what it comes with is not needed to index the app

    return Order(
        actor=caller_of(req),
        reason=reason,
        correlation_id=correlation_id(),
        dry_run=dry_run,
    )
