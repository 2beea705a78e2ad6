"""A page of jobs from the app, against the same statement through the driver alone."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import azure.functions as func
import psycopg
from psycopg.rows import dict_row

from repositories import statements
from repositories.layouts import EVERYTHING, flags_of
from tests.bench.app import answer_of, load_handlers
from tests.bench.report import Row
from tests.bench.stores import copy_of, fill
from tests.bench.timing import Timings, take_turns, timed

LIMIT = 1.5
PAGE = 100
RUNS = 25
CALLS = 10
REQUEST = func.HttpRequest(
    method="GET", url=f"/api/db/jobs?limit={PAGE}", params={"limit": str(PAGE)}, body=b""
)


def measure_jobs_listing(store_url: str) -> Sequence[Row]:
    """`store_url` is of a migrated store; the bench works on copies of it."""
    plain_url = copy_of(store_url, "bench_jobs")
    fill(plain_url, "jobs.sql")
    secret_url = copy_of(plain_url, "bench_secrets")
    fill(secret_url, "secrets.sql")
    with closing(psycopg.connect(plain_url, autocommit=True, row_factory=dict_row)) as connection:
        return _rows(_measure(connection, plain_url, secret_url))


def _measure(
    connection: psycopg.Connection[dict[str, Any]], plain_url: str, secret_url: str
) -> Timings:
    handler = load_handlers(plain_url)["list_jobs"]
    masking_handler = load_handlers(secret_url)["list_jobs"]
    text, values = _newest()

    def ask() -> list[dict[str, Any]]:
        return connection.execute(text.encode(), values).fetchall()

    _refuse_other_jobs(json.loads(answer_of(handler, REQUEST))["jobs"], ask())
    _refuse_open_secrets(json.loads(answer_of(masking_handler, REQUEST))["jobs"])
    calls = {
        "handler": lambda: answer_of(handler, REQUEST),
        "bare": lambda: json.dumps(ask(), default=str),
        "masking": lambda: answer_of(masking_handler, REQUEST),
    }
    return take_turns({name: timed(call, calls=CALLS) for name, call in calls.items()}, runs=RUNS)


def _rows(timings: Timings) -> Sequence[Row]:
    return [
        Row("jobs_ratio", timings.ratio("handler", "bare"), LIMIT),
        Row("jobs_ratio_masking", timings.ratio("masking", "bare"), LIMIT),
        Row("jobs_handler_ms", timings.median_ms("handler")),
        Row("jobs_masking_ms", timings.median_ms("masking")),
        Row("jobs_bare_ms", timings.median_ms("bare")),
    ]


def _newest() -> tuple[str, list[object]]:
    """The app's own statement without filters, as its driver gets it."""
    ours = statements.load("postgres", "%s", {"schema": "app"}).relations(flags_of(EVERYTHING))
    statement = statements.load("postgres", "%s", ours)["jobs.newest"]
    absent = dict.fromkeys(statement.parameters | statement.flags)
    return statement.bind({**absent, "limit": PAGE})


def _refuse_other_jobs(
    ours: Sequence[Mapping[str, Any]], bare: Sequence[Mapping[str, Any]]
) -> None:
    if [job["job_id"] for job in ours] != [row["job_id"] for row in bare] or len(ours) != PAGE:
        raise RuntimeError("the app and the bare driver answer different jobs")
    if ours[0]["parameters"] != bare[0]["parameters"]:
        raise RuntimeError("the app and the bare driver answer different parameters")


def _refuse_open_secrets(jobs: Sequence[Mapping[str, Any]]) -> None:
    if any(job["parameters"]["api_token"] != "***" for job in jobs):
        raise RuntimeError("a secret among the parameters is not masked")
