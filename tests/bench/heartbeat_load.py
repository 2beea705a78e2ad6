"""Heartbeats over HTTP, next to an endpoint that answers {}, both through the local host."""

from collections.abc import Iterator
from functools import partial

from tests.bench.load import EMPTY_APP, Call, hammer
from tests.bench.report import Row
from tests.bench.stores import migrated_store
from tests.bench.timing import Measure, take_turns
from tests.hosts import running_host

FLOOR = 0.4
CONNECTIONS = (16, 64)
SECONDS = 2.0
RUNS = 5
BODY = '{"status": "running", "current_task": "tile 17 of 480"}'
PATH = "/api/status/bench-{connection}/heartbeat"


def measure_heartbeat_load() -> Iterator[Row]:
    """A service of its own on each connection."""
    with (
        migrated_store() as store_url,
        running_host(None, app=EMPTY_APP) as empty,
        running_host(store_url, "--no-timers") as host,
    ):
        beat, nothing = Call(host.url, PATH, BODY), Call(empty.url, "/api/empty")
        for connections in CONNECTIONS:
            timings = take_turns(
                {"beat": _repeat(beat, connections), "empty": _repeat(nothing, connections)},
                runs=RUNS,
            )
            name = f"heartbeat_load_{connections}"
            yield Row(f"{name}_ratio", timings.ratio("empty", "beat"), FLOOR, is_floor=True)
            yield Row(f"{name}_rps", 1e3 / timings.median_ms("beat"))
            yield Row(f"{name}_empty_rps", 1e3 / timings.median_ms("empty"))


def _repeat(call: Call, connections: int) -> Measure:
    return partial(_seconds_each, call, connections)


def _seconds_each(call: Call, connections: int) -> float:
    """Of the host's time, not of a connection's: the inverse of the requests a second."""
    return SECONDS / len(hammer(call, connections=connections, seconds=SECONDS))
