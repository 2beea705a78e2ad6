"""A round of due KPIs, against the same statements by the driver alone."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from services.kpis import KpiService
from tests.bench.app import load_services
from tests.bench.due_kpis import DueKpis
from tests.bench.report import Row
from tests.bench.stores import copy_of
from tests.bench.surroundings import plain_environment
from tests.bench.timing import take_turns

KPIS = 10_000
FEW = 100
FEWER = 1000
THREADS = 8
RUNS = 5
SPEED = 0.9
GROWTH = 1.3
MEMORY_MB = 32.0
STATEMENT = "SELECT 17 AS value"
INSERT = (
    b"INSERT INTO monitoring.database_monitoring_results"
    b" (indicator_id, slot_at, executed_at, status, value_number, message, duration_ms,"
    b"  environment, provider)"
    b" VALUES (%s, %s, now(), 'Healthy', %s, %s, %s, 'bench', 'PostgreSQL')"
)
ROOT = Path(__file__).parents[2]
GROUP = "bench"

Connection = psycopg.Connection[Any]


def measure_rounds(store_url: str) -> Iterator[Row]:
    """`store_url` is of a migrated store that waits for its disk; the target is beside it."""
    url = copy_of(store_url, "bench_rounds")
    target_url = copy_of(store_url, "bench_target")
    with closing(psycopg.connect(url, autocommit=True)) as store:
        kpis = DueKpis(store)
        kpis.add(GROUP, target_url, STATEMENT, kpis=KPIS, max_parallel=THREADS)
        round_of_ours = _app(url)
        timings = take_turns(
            {
                "app": partial(_run_round, round_of_ours, kpis, KPIS),
                "bare": partial(_run_bare, url, target_url, kpis),
                "few": partial(_run_round, round_of_ours, kpis, FEW),
            },
            runs=RUNS,
        )
        yield Row("kpis_rate_ratio", timings.ratio("bare", "app"), SPEED, is_floor=True)
        yield Row("kpis_a_second", 1e3 * KPIS / timings.median_ms("app"))
        yield Row("kpis_bare_a_second", 1e3 * KPIS / timings.median_ms("bare"))
        yield Row("kpis_cost_growth", timings.ratio("app", "few") * FEW / KPIS, GROWTH)
        yield Row("kpis_cost_of_few_ms", timings.median_ms("few") / FEW)
        yield Row("kpis_cost_of_many_ms", timings.median_ms("app") / KPIS)
        few, many = (_memory_of(url, kpis, number) for number in (FEWER, KPIS))
        yield Row("kpis_memory_mb", many)
        yield Row("kpis_memory_growth_mb", many - few, MEMORY_MB)


def _app(url: str) -> KpiService:
    """After its first round, which registers the checks that come with the app."""
    os.environ["KPIMONITORING__MAXPARALLELKPIS"] = str(THREADS)
    service = load_services(url).kpis
    service.run_due()
    return service


def _run_round(service: KpiService, kpis: DueKpis, number: int) -> float:
    """The seconds of a round with so many due."""
    kpis.settle()
    kpis.make_due(GROUP, number)
    started = time.perf_counter()
    summary = service.run_due().summary()
    seconds = time.perf_counter() - started
    if summary.get("Healthy") != number or kpis.count_results() != number:
        raise RuntimeError(f"a round of {number} KPIs came to {summary}")
    return seconds


def _run_bare(url: str, target_url: str, kpis: DueKpis) -> float:
    """The seconds of the same statements: an INSERT and its commit for each result."""
    kpis.settle()
    kpis.make_due(GROUP, KPIS)
    due = kpis.store.execute(
        "SELECT indicator_id, next_due_at FROM monitoring.indicators WHERE next_due_at < now()"
    ).fetchall()
    pairs = [(_connect(target_url), _connect(url)) for _ in range(THREADS)]
    threads = [
        threading.Thread(target=_run_each, args=(*pair, due[number::THREADS]))
        for number, pair in enumerate(pairs)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    for connection in (one for pair in pairs for one in pair):
        connection.close()
    if kpis.count_results() != KPIS:
        raise RuntimeError("the bare driver has not stored every result")
    return seconds


def _connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True)


def _run_each(target: Connection, store: Connection, due: Sequence[tuple[Any, Any]]) -> None:
    for indicator_id, slot_at in due:
        started = time.perf_counter()
        (value,) = target.execute(STATEMENT.encode()).fetchone() or (None,)
        took = 1e3 * (time.perf_counter() - started)
        store.execute(INSERT, [indicator_id, slot_at, value, "no threshold reached", took])


def _memory_of(url: str, kpis: DueKpis, number: int) -> float:
    """The most that a process holds (MB) that runs a round with so many due, and nothing else."""
    kpis.settle()
    kpis.make_due(GROUP, number)
    code = (
        "import resource, sys; from tests.bench.app import load_services;"
        "load_services(sys.argv[1]).kpis.run_due();"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, url],
        cwd=ROOT,
        env={**plain_environment(), "KpiMonitoring__MaxParallelKpis": str(THREADS)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    if kpis.count_results() != number:
        raise RuntimeError(f"a round of {number} KPIs has not stored every result")
    return float(done.stdout)
