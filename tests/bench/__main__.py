"""Measure, print, keep and judge: `python -m tests.bench [TARGET]`.

`bench-jobs` takes a number of jobs (1,000,000) behind it, for a quick try.
"""

import sys
from collections.abc import Callable, Iterator

from tests.bench.heartbeats import measure_heartbeats
from tests.bench.imports import measure_imports
from tests.bench.investigation import measure_investigation
from tests.bench.jobs_listing import measure_jobs_listing
from tests.bench.liveness import measure_liveness
from tests.bench.report import Row, publish
from tests.bench.stores import migrated_store
from tests.bench.surroundings import forget_settings


def measure_app() -> Iterator[Row]:
    yield from measure_imports()
    with migrated_store() as store_url:
        yield from measure_jobs_listing(store_url)
        yield from measure_liveness(store_url)
        yield from measure_heartbeats(store_url)


TARGETS: dict[str, Callable[..., Iterator[Row]]] = {
    "bench": measure_app,
    "bench-jobs": measure_investigation,
}
SIZED = "bench-jobs"


def main(arguments: list[str]) -> int:
    """0 all within their limits; 1 one is over; 2 called wrongly."""
    target, *size = arguments or ["bench"]
    usable = not size or (target == SIZED and len(size) == 1 and size[0].isdecimal())
    if target not in TARGETS or not usable:
        sys.stderr.write(f"usage: python -m tests.bench [{' | '.join(TARGETS)} [JOBS]]\n")
        return 2
    forget_settings()
    rows = []
    for row in TARGETS[target](*map(int, size)):
        sys.stderr.write(f"{row.name} {row.value:.3f}\n")
        rows.append(row)
    return publish(target, rows, sys.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
