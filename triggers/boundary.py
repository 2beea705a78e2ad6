"""Where Python meets HTTP: the only place a status code is chosen."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import azure.functions as func

from repositories import errors as storage
from services import errors as domain
from services.encoding import encode
from services.masking import mask_json
from services.metrics.tallies import Tally
from services.pages import Page
from services.stopwatch import Stopwatch
from triggers.logs import correlation
from triggers.queries import PageQuery

if TYPE_CHECKING:
    from services.caching import Aged

logger = logging.getLogger(__name__)

CORRELATION_HEADER = "x-correlation-id"
PROBLEM_JSON = "application/problem+json"

STATUS: dict[type[Exception], HTTPStatus] = {
    domain.InvalidRequest: HTTPStatus.BAD_REQUEST,
    domain.Forbidden: HTTPStatus.FORBIDDEN,
    domain.NotFound: HTTPStatus.NOT_FOUND,
    domain.Busy: HTTPStatus.CONFLICT,
    domain.WrongState: HTTPStatus.CONFLICT,
    domain.InUse: HTTPStatus.CONFLICT,
    domain.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    domain.PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    storage.Conflict: HTTPStatus.CONFLICT,
    storage.StatementTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    storage.StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Text:
    """A body that is no JSON and is sent as it is: whoever makes it masks what it shows."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A body with a status other than 200, or with headers of its own."""

    body: object
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryInfo:
    """How a list was asked for: its filters as understood, and how many items this page has."""

    filters: Mapping[str, object]
    limit: int
    returned: int
    execution_time_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """RFC 9457: what went wrong, under a `type` that stays the same while `detail` may change."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidParameters(Problem):
    """A problem with every parameter that cannot be used."""

    errors: Sequence[domain.Fault]


Handler = Callable[[func.HttpRequest], object]
WaitingHandler = Callable[[func.HttpRequest], Awaitable[object]]

docstrings: dict[str, str] = {}
"""What every endpoint says of itself, by the name of its function."""

executions = Tally()
"""What the HTTP functions of this process came to, and how long its timers took."""


def endpoint(
    handler: Handler, *, may_report: bool = True
) -> Callable[[func.HttpRequest], func.HttpResponse]:
    """Make an HTTP function of a handler that returns what is to be answered, or a Reply.

    It is counted; one that `may_report` has old counts told to the store.
    """
    docstrings[handler.__name__] = handler.__doc__ or ""
    job_id = f"http:{handler.__name__}"

    def call(req: func.HttpRequest) -> func.HttpResponse:
        with _exchange(req, job_id, may_report=may_report) as exchange:
            exchange.result = handler(req)
        return exchange.response

    call.__name__, call.__doc__ = handler.__name__, handler.__doc__
    return call


def waiting_endpoint(
    handler: WaitingHandler,
) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
    """The same of a handler on the event loop of the worker: it may wait, and must not block."""
    docstrings[handler.__name__] = handler.__doc__ or ""
    job_id = f"http:{handler.__name__}"

    async def call(req: func.HttpRequest) -> func.HttpResponse:
        with _exchange(req, job_id, may_report=False) as exchange:
            exchange.result = await handler(req)
        return exchange.response

    call.__name__, call.__doc__ = handler.__name__, handler.__doc__
    return call


def probe(handler: Handler) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
    """An endpoint that does not queue for a thread of the worker, which may all be busy."""
    answer = endpoint(handler, may_report=False)

    async def call(req: func.HttpRequest) -> func.HttpResponse:
        return await asyncio.to_thread(answer, req)

    call.__name__, call.__doc__ = handler.__name__, handler.__doc__
    return call


class _Exchange:
    """A request that is being answered: what the handler gave, and the answer made of it."""

    result: object
    response: func.HttpResponse


@contextmanager
def _exchange(req: func.HttpRequest, job_id: str, *, may_report: bool) -> Iterator[_Exchange]:
    """Whatever is raised inside becomes an answer."""
    exchange, started = _Exchange(), time.perf_counter()
    with correlation(req.headers.get(CORRELATION_HEADER)) as correlation_id:
        try:
            yield exchange
            result = exchange.result
            answer = result if isinstance(result, Reply) else Reply(result)
            exchange.response = _response(answer, correlation_id)
        except Exception as error:
            exchange.response = _response(_problem(error, req, correlation_id), correlation_id)
        _count(job_id, exchange.response.status_code, started, may_report)


def _count(job_id: str, status: int, started: float, may_report: bool) -> None:
    """What the caller did wrong is no failure, but nothing to learn a normal speed from either."""
    executions.note(
        job_id,
        succeeded=status < HTTPStatus.INTERNAL_SERVER_ERROR,
        duration_ms=(time.perf_counter() - started) * 1000,
        is_typical=status < HTTPStatus.BAD_REQUEST,
        may_report=may_report,
    )


def listing(
    name: str, query: PageQuery, page: Page[object], watch: Stopwatch, **also: object
) -> dict[str, object]:
    """A page under the plural of what it holds, with where the next one starts.

    `watch` was started before the page was asked for.
    """
    return {
        name: page.items,
        **also,
        "next_cursor": query.cursor_at(page.next),
        "query_info": QueryInfo(
            filters=query.filters(),
            limit=query.limit,
            returned=len(page.items),
            execution_time_ms=watch.elapsed_ms,
        ),
    }


def age_of(aged: Aged[Any]) -> dict[str, str]:
    """The header that says how many seconds ago an answer was computed."""
    return {"age": str(int(aged.age_seconds))}


def status_of(error: Exception) -> HTTPStatus:
    """The status of the nearest mapped ancestor; 500 for what nobody foresaw."""
    return next(
        (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _problem(error: Exception, req: func.HttpRequest, correlation_id: str) -> Reply:
    """RFC 9457, with every bad parameter; never the text of an error that nobody foresaw."""
    status = status_of(error)
    foreseen = status is not HTTPStatus.INTERNAL_SERVER_ERROR
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log(error, status, req, foreseen=foreseen)
    name = type(error).__name__ if foreseen else "InternalError"
    facts: dict[str, Any] = {
        "type": f"urn:watchkeeper:problem:{name}",
        "title": status.phrase,
        "status": status,
        "detail": str(error) if foreseen else "Something failed that nobody foresaw.",
        "instance": urlsplit(req.url).path,
        "correlation_id": correlation_id,
    }
    body = Problem(**facts)
    if isinstance(error, domain.InvalidRequest):
        body = InvalidParameters(**facts, errors=error.faults)
    return Reply(body, status, {"content-type": PROBLEM_JSON})


def _log(error: Exception, status: HTTPStatus, req: func.HttpRequest, *, foreseen: bool) -> None:
    """The log says what the answer must not: the driver's own words, or the traceback."""
    facts = {
        "path": urlsplit(req.url).path,
        "status": status,
        "detail": str(error),
        "cause": str(error.__cause__) if error.__cause__ else None,
    }
    logger.error(
        "request failed: %s",
        type(error).__name__,
        extra=facts,
        exc_info=None if foreseen else error,
    )


def _response(answer: Reply, correlation_id: str) -> func.HttpResponse:
    headers = {CORRELATION_HEADER: correlation_id, **answer.headers}
    if isinstance(answer.body, Text):
        return func.HttpResponse(answer.body.text, status_code=answer.status, headers=headers)
    return func.HttpResponse(
        mask_json(encode(answer.body).decode()),
        status_code=answer.status,
        headers=headers,
        mimetype=headers.pop("content-type", "application/json"),
    )
