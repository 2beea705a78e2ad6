"""Measure, print, keep and judge: `python -m tests.bench [TARGET]`.

`bench-jobs` takes a number of jobs (1,000,000) behind it, `bench-kpis` one of rows of history.
"""

import sys
from collections.abc import Callable, Iterator

from tests.bench.hanging import measure_hanging
from tests.bench.heartbeat_load import measure_heartbeat_load
from tests.bench.heartbeats import measure_heartbeats
from tests.bench.imports import measure_imports
from tests.bench.investigation import measure_investigation
from tests.bench.jobs_listing import measure_jobs_listing
from tests.bench.liveness import measure_liveness
from tests.bench.report import Row, publish
from tests.bench.retention import ROWS, measure_history
from tests.bench.rounds import measure_rounds
from tests.bench.stores import migrated_store
from tests.bench.surroundings import forget_settings


def measure_app() -> Iterator[Row]:
    yield from measure_imports()
    with migrated_store() as store_url:
        yield from measure_jobs_listing(store_url)
        yield from measure_liveness(store_url)
        yield from measure_heartbeats(store_url)


def measure_kpis(rows: int = ROWS) -> Iterator[Row]:
    with migrated_store(durable=True) as store_url:
        yield from measure_rounds(store_url)
    yield from measure_hanging()
    yield from measure_heartbeat_load()
    yield from measure_history(rows)


TARGETS: dict[str, Callable[..., Iterator[Row]]] = {
    "bench": measure_app,
    "bench-jobs": measure_investigation,
    "bench-kpis": measure_kpis,
}
SIZED = {"bench-jobs", "bench-kpis"}


def main(arguments: list[str]) -> int:
    """0 all within their limits; 1 one is over; 2 called wrongly."""
    target, *size = arguments or ["bench"]
    usable = not size or (target in SIZED and len(size) == 1 and size[0].isdecimal())
    if target not in TARGETS or not usable:
        sys.stderr.write(f"usage: python -m tests.bench [{' | '.join(TARGETS)} [SIZE]]\n")
        return 2
    forget_settings()
    rows = []
    for row in TARGETS[target](*map(int, size)):
        sys.stderr.write(f"{row.name} {row.value:.3f}\n")
        rows.append(row)
    return publish(target, rows, sys.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
