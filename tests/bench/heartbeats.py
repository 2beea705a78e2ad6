"""A heartbeat through the app, against the same statement through the driver alone."""

import json
from collections.abc import Sequence
from contextlib import closing

import azure.functions as func
import psycopg
from psycopg.rows import dict_row

from repositories import statements
from tests.bench.app import answer_of, load_handlers
from tests.bench.report import Row
from tests.bench.stores import copy_of
from tests.bench.timing import take_turns, timed

RUNS = 25
CALLS = 50
BEAT = {"status": "running", "current_task": "tile 17 of 480"}
REQUEST = func.HttpRequest(
    method="POST",
    url="/api/status/bench-app/heartbeat",
    route_params={"service": "bench-app"},
    body=json.dumps(BEAT).encode(),
)


def measure_heartbeats(store_url: str) -> Sequence[Row]:
    """`store_url` is of a migrated store; the bench works on a copy of it."""
    url = copy_of(store_url, "bench_heartbeats")
    handler = load_handlers(url)["post_heartbeat"]
    text, values = _beat()
    with closing(psycopg.connect(url, autocommit=True, row_factory=dict_row)) as connection:

        def beat_barely() -> str:
            return json.dumps(connection.execute(text.encode(), values).fetchone(), default=str)

        timings = take_turns(
            {
                "handler": timed(lambda: answer_of(handler, REQUEST), calls=CALLS),
                "bare": timed(beat_barely, calls=CALLS),
            },
            runs=RUNS,
        )
    return [
        Row("heartbeat_ratio", timings.ratio("handler", "bare")),
        Row("heartbeat_handler_ms", timings.median_ms("handler")),
        Row("heartbeat_bare_ms", timings.median_ms("bare")),
    ]


def _beat() -> tuple[str, list[object]]:
    """The app's own statement, for a service of its own."""
    statement = statements.load("postgres", "%s", {"schema": "app"})["heartbeats.beat"]
    absent = dict.fromkeys(statement.parameters | statement.flags)
    return statement.bind({**absent, **BEAT, "service": "bench-bare"})
