"""Targets that do not answer, and how long the KPIs of the others take beside them."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial

import psycopg

from services.kpis import KpiService
from tests.bench.app import load_services
from tests.bench.due_kpis import DueKpis
from tests.bench.report import Row
from tests.bench.stores import configure, copy_of, migrated_server
from tests.bench.timing import take_turns
from tests.hosts import wait_until

TARGETS = 50
HANGING = 10
KPIS_EACH = 20
THREADS = 8
RUNS = 5
LIMIT = 1.2
LONGEST_SECONDS = 120.0
TIMEOUT_SECONDS = 30
LOOKING_SECONDS = 0.01
STATEMENT = "SELECT 17 AS value FROM pg_sleep(0.05)"
ENDLESS = "SELECT 17 AS value FROM pg_sleep(3600)"


class SilentServer:
    """Takes connections and never says a word, until it is told to hang up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: list[socket.socket] = []
        self.hangs_up = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"postgresql://bench:bench@127.0.0.1:{self._listener.getsockname()[1]}/bench"

    def hang_up(self) -> None:
        self.hangs_up = True
        while self._open:
            self._open.pop().close()

    def close(self) -> None:
        self.hang_up()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                if self.hangs_up:
                    taken.close()
                else:
                    self._open.append(taken)


def measure_hanging() -> Iterator[Row]:
    """The targets that answer are beside the store."""
    with migrated_server(durable=True) as server:
        configure(server, durable=True, max_connections=TARGETS * THREADS + 100)
        yield from _measure(server.url)


def _measure(store_url: str) -> Iterator[Row]:
    url, target_url = (copy_of(store_url, f"bench_hanging_{name}") for name in ("store", "target"))
    with (
        closing(psycopg.connect(url, autocommit=True)) as store,
        closing(SilentServer()) as silent,
    ):
        kpis = DueKpis(store)
        _add_targets(kpis, target_url, silent.url)
        os.environ["KPIMONITORING__MAXPARALLELKPIS"] = str(THREADS)
        service = load_services(url).kpis
        service.run_due()
        timings = take_turns(
            {
                "alone": partial(_run_alone, service, kpis),
                "beside": partial(_run_beside, service, kpis, silent, target_url),
            },
            runs=RUNS,
        )
    yield Row("hanging_ratio", timings.ratio("beside", "alone"), LIMIT)
    yield Row("hanging_alone_s", timings.median_ms("alone") / 1e3)
    yield Row("hanging_beside_s", timings.median_ms("beside") / 1e3)


def _add_targets(kpis: DueKpis, target_url: str, silent_url: str) -> None:
    """Of those that hang every other one takes connections and no more; the rest run for hours."""
    for number in range(TARGETS - HANGING):
        kpis.add(f"well {number}", target_url, STATEMENT, kpis=KPIS_EACH)
    for number in range(HANGING):
        url = silent_url if number % 2 else target_url
        kpis.add(f"hanging {number}", url, ENDLESS, kpis=KPIS_EACH, timeout_seconds=TIMEOUT_SECONDS)


def _run_alone(service: KpiService, kpis: DueKpis) -> float:
    kpis.settle()
    return _seconds_of_the_others(service, kpis, lambda running: None)


def _run_beside(service: KpiService, kpis: DueKpis, silent: SilentServer, target_url: str) -> float:
    """Those that hang have been due for longer, and so are the first to be taken."""
    kpis.settle()
    kpis.make_due("hanging", HANGING * KPIS_EACH, for_seconds=120)
    silent.hangs_up = False
    return _seconds_of_the_others(
        service, kpis, lambda running: _cut_off(running, silent, target_url)
    )


def _seconds_of_the_others(
    service: KpiService, kpis: DueKpis, end: Callable[[threading.Thread], None]
) -> float:
    """From the beginning of a round until all that they found is stored; then it is ended."""
    number = (TARGETS - HANGING) * KPIS_EACH
    kpis.make_due("well", number)
    running = threading.Thread(target=service.run_due)
    started = time.perf_counter()
    running.start()
    wait_until(
        lambda: kpis.count_results("well %") == number,
        within=LONGEST_SECONDS,
        every=LOOKING_SECONDS,
    )
    seconds = time.perf_counter() - started
    end(running)
    running.join()
    return seconds


def _cut_off(running: threading.Thread, silent: SilentServer, target_url: str) -> None:
    """What hangs need not be waited for: it fails now, one after the other."""
    with closing(psycopg.connect(target_url, autocommit=True)) as target:
        while running.is_alive():
            silent.hang_up()
            target.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()"
            )
            running.join(0.1)
