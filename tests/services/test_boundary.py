"""From an error to an answer and a log line: what each may say."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest

from repositories.errors import Conflict, NotConfigured, StatementTimeout, Unavailable
from services.errors import Fault, Forbidden, InvalidRequest, NotFound
from triggers.boundary import Reply, Text, endpoint, executions, probe
from triggers.logs import MaskingFormatter

SECRET = "postgresql://me:sesame@db.internal/x"
REQUEST = func.HttpRequest("GET", "http://localhost/api/x?code=abc", body=b"")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the host would get of the app's log."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(MaskingFormatter())
    logger = logging.getLogger("triggers.boundary")
    logger.addHandler(handler)
    yield text
    logger.removeHandler(handler)


def answer(error: Exception) -> tuple[int, dict[str, Any]]:
    def handler(req: func.HttpRequest) -> object:
        raise error from ConnectionError(f"cannot reach {SECRET}")

    response = endpoint(handler)(REQUEST)
    assert response.mimetype == "application/problem+json"
    return response.status_code, json.loads(response.get_body())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest([Fault("limit", "too large")]), 400),
        (Forbidden(), 403),
        (NotFound("no job 1"), 404),
        (Conflict(), 409),
        (Unavailable(), 503),
        (NotConfigured("STORE_URL is not set"), 503),
        (StatementTimeout(), 504),
    ],
)
def test_each_error_has_its_status_and_says_no_more_than_its_own_words(
    error: Exception, status: int
) -> None:
    code, problem = answer(error)
    assert (code, problem["status"]) == (status, status)
    assert problem["detail"] == str(error)
    assert problem["instance"] == "/api/x"
    assert "db.internal" not in json.dumps(problem)


def test_an_error_that_nobody_foresaw_is_500_without_a_word_of_it(log: io.StringIO) -> None:
    code, problem = answer(RuntimeError(f"unexpected at {SECRET}"))
    assert (code, problem["type"]) == (500, "urn:watchkeeper:problem:InternalError")
    assert "unexpected" not in json.dumps(problem)
    assert "RuntimeError: unexpected at" in json.loads(log.getvalue())["traceback"]


def test_the_log_names_the_cause_of_an_outage_under_the_callers_correlation_id(
    log: io.StringIO,
) -> None:
    _, problem = answer(Unavailable())
    line = json.loads(log.getvalue())
    assert line["correlation_id"] == problem["correlation_id"]
    assert re.fullmatch(r"[-0-9]{10}T[:.0-9]+Z", line["time"])
    assert (line["level"], line["status"], line["path"]) == ("ERROR", 503, "/api/x")
    assert "cannot reach" in line["cause"]


def test_no_secret_reaches_the_log(log: io.StringIO) -> None:
    answer(Unavailable())
    answer(RuntimeError(f"password=hunter2 at {SECRET}"))
    lines = log.getvalue()
    assert len(lines.splitlines()) == 2
    assert "sesame" not in lines
    assert "hunter2" not in lines
    assert "***" in lines


def test_what_the_caller_did_wrong_is_no_error_of_ours(log: io.StringIO) -> None:
    answer(NotFound())
    assert log.getvalue() == ""


@pytest.mark.parametrize(
    ("error", "successes", "failures", "is_typical"),
    [(None, 1, 0, True), (NotFound(), 1, 0, False), (RuntimeError(), 0, 1, False)],
)
def test_each_request_is_counted_and_only_a_fault_of_ours_is_a_failure(
    error: Exception | None, successes: int, failures: int, is_typical: bool
) -> None:
    def count_me(req: func.HttpRequest) -> object:
        if error:
            raise error
        return {}

    executions.take()
    endpoint(count_me)(REQUEST)
    taken = executions.take()
    (runs,) = executions.runs(taken.counts)
    assert (runs.job_id, runs.successes, runs.failures) == (
        "http:count_me",
        successes,
        failures,
    )
    assert 0 < runs.total_duration_ms < 1000
    assert bool(taken.slowest) is is_typical


def test_a_probe_is_counted_and_has_nothing_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_livez(req: func.HttpRequest) -> object:
        return {}

    reports: list[str] = []
    executions.take()
    monkeypatch.setattr(executions, "_report", lambda: reports.append("probe"))
    monkeypatch.setattr(executions, "_report_at", 0.0)
    asyncio.run(probe(get_livez)(REQUEST))  # type: ignore[arg-type]
    assert reports == []
    assert executions.take().counts.keys() == {"http:get_livez"}


def test_text_is_answered_as_it_is_under_its_own_type() -> None:
    def handler(req: func.HttpRequest) -> object:
        return Reply(Text('a{b="password=x"} 1'), headers={"content-type": "text/plain; version=0"})

    response = endpoint(handler)(REQUEST)
    assert response.get_body() == b'a{b="password=x"} 1'
    assert response.headers["content-type"] == "text/plain; version=0"
