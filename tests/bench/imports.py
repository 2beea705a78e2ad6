"""What the import of the app costs, against the libraries that it cannot do without."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row
from tests.bench.surroundings import plain_environment
from tests.bench.timing import Measure, take_turns

ROOT = Path(__file__).parents[2]
LIBRARIES = "azure.functions, psycopg, psycopg_pool, pydantic"
LIMIT = 1.3
RUNS = 15


def measure_imports() -> Sequence[Row]:
    timings = take_turns(
        {"app": fresh_import("function_app"), "libraries": fresh_import(LIBRARIES)}, runs=RUNS
    )
    return [
        Row("import_ratio", timings.ratio("app", "libraries"), LIMIT),
        Row("import_function_app_ms", timings.median_ms("app")),
        Row("import_libraries_ms", timings.median_ms("libraries")),
    ]


def fresh_import(modules: str) -> Measure:
    """Import in a process of its own, which takes the time itself.

    Wall time less that of an empty process would count the interpreter's end as well, and be the
    difference of two figures that each vary by more than what is looked for.
    """
    code = (
        "from time import perf_counter as now; started = now();"
        f" import {modules}; print(now() - started)"
    )
    command = [sys.executable, "-c", code]

    def measure() -> float:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=plain_environment(),
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return float(done.stdout)

    return measure
