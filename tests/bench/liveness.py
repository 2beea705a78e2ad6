"""What the app adds to a request that asks for nothing."""

from collections.abc import Sequence

import azure.functions as func

from tests.bench.app import answer_of, load_handlers
from tests.bench.report import Row
from tests.bench.timing import take_turns, timed

RUNS = 15
CALLS = 500
REQUEST = func.HttpRequest(method="GET", url="/api/livez", body=b"")


def measure_liveness(store_url: str) -> Sequence[Row]:
    handler = load_handlers(store_url)["get_livez"]
    livez = timed(lambda: answer_of(handler, REQUEST), calls=CALLS)
    timings = take_turns({"livez": livez}, runs=RUNS)
    return [Row("livez_us", 1e3 * timings.median_ms("livez"))]
