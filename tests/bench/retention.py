"""Writing to a long history, and removing a day of it while others write."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from repositories.postgres.engine import PostgresDatabase
from repositories.records.kpis import Check, Connection, Result, Rule, Verdict
from repositories.store import SqlStore
from repositories.urls import parse
from tests.bench.histories import (
    HEARTBEAT_DAYS,
    RESULT_DAYS,
    Histories,
    filled_histories,
    kpi_id,
)
from tests.bench.report import Row
from tests.bench.timing import FEWEST_RUNS, take_turns, timed
from tests.hosts import LocalHost, running_host, wait_until

ROWS = 20_000_000
BATCH = 100
GROWTH = 1.2
LONGEST_MS = 50.0
RUNS = 11
BEATS, BATCHES = 200, 10
WRITERS = 4
BEAT_PAUSE, RESULTS_PAUSE = 0.01, 0.1
FEWEST_SECONDS = 5.0
LONGEST_CLEAN_UP = 400.0
CLEANED = ("system_status_history", "database_monitoring_results")
CHECK = Check(
    indicator_id="",
    name="bench",
    schedule="60",
    slot_at=None,
    claimed_at=datetime.now(UTC),
    connection=Connection(
        connection_id="",
        name="bench",
        provider="PostgreSQL",
        environment="bench",
        address="setting:STORE_URL",
        is_encrypted=False,
        timeout_seconds=5,
    ),
    sql="SELECT 1",
    timeout_seconds=5,
    rule=Rule(),
)


class Writing:
    """Heartbeats and results as the app writes them, each by another service or KPI."""

    def __init__(self, url: str, sources: int) -> None:
        self._database = PostgresDatabase(
            parse(url), size=WRITERS + 1, timeout_seconds=30, names={"schema": "app"}
        )
        self._store = SqlStore(self._database)
        self._sources, self._beats, self._slots = sources, count(), count()

    def close(self) -> None:
        self._database.close()

    def beat(self) -> None:
        service = f"service-{next(self._beats) % self._sources}"
        with self._store.single() as work:
            work.heartbeats.beat(service, status="running", current_task="tile 17 of 480")

    def add_results(self) -> None:
        """A batch in one transaction; slots are a microsecond apart, so that each is a new one."""
        now = datetime.now(UTC)
        batch = [self._checked(next(self._slots), now) for _ in range(BATCH)]
        with self._store.work() as work:
            if work.results.add(batch, worker_instance_id=None) != BATCH:
                raise RuntimeError("results of new slots are not stored")

    def _checked(self, number: int, now: datetime) -> tuple[Check, Result]:
        slot_at = now + timedelta(microseconds=number)
        result = Result(
            status=Verdict.HEALTHY,
            value=Decimal(number),
            message="no threshold reached",
            error_type=None,
            duration_ms=3.5,
            checked_at=now,
        )
        return replace(CHECK, indicator_id=kpi_id(number % self._sources), slot_at=slot_at), result


@dataclass(frozen=True, slots=True)
class Wait:
    """One write: when it began and ended, by time.monotonic."""

    began: float
    ended: float

    @property
    def ms(self) -> float:
        return 1e3 * (self.ended - self.began)

    def is_within(self, start: float, end: float) -> bool:
        return self.began > start and self.ended < end

    def overlaps(self, start: float, end: float) -> bool:
        return self.began < end and self.ended > start


@dataclass(slots=True)
class Waits:
    """What each kind of write took, while nothing was removed and while something was."""

    quiet: list[float] = field(default_factory=list)
    pruning: list[float] = field(default_factory=list)


def measure_history(rows: int = ROWS) -> Iterator[Row]:
    """`rows` in all, half of them heartbeats and half results."""
    with filled_histories(rows) as histories:
        yield Row("history_rows", rows)
        yield Row("history_filled_s", histories.filled_seconds)
        yield from _measure_growth(histories)
        yield from _measure_pruning(histories, rows // 2)


def _measure_growth(histories: Histories) -> Iterator[Row]:
    """The same writes at full size and at a hundredth of it."""
    full = Writing(histories.full, histories.sources)
    hundredth = Writing(histories.hundredth, histories.sources)
    for name, act, calls in (
        ("heartbeat", Writing.beat, BEATS),
        ("results", Writing.add_results, BATCHES),
    ):
        timings = take_turns(
            {
                "full": timed(lambda act=act: act(full), calls=calls),  # type: ignore[misc]
                "hundredth": timed(lambda act=act: act(hundredth), calls=calls),  # type: ignore[misc]
            },
            runs=RUNS,
        )
        yield Row(f"history_{name}_growth", timings.ratio("full", "hundredth"), GROWTH)
        yield Row(f"history_{name}_ms", timings.median_ms("full"))


def _measure_pruning(histories: Histories, rows: int) -> Iterator[Row]:
    """A day's rows of both tables in each of five runs; as long a time without that before each."""
    waits = {"heartbeat": Waits(), "results": Waits()}
    seconds = []
    quiet_seconds = FEWEST_SECONDS
    for run in range(FEWEST_RUNS):
        with (
            _host_that_keeps(histories.full, days_less=run + 1) as host,
            _written(histories) as written,
        ):
            start = time.monotonic()
            time.sleep(quiet_seconds)
            began = time.monotonic()
            _clean_up(host, rows)
            ended = time.monotonic()
        for name, found in written.items():
            waits[name].quiet += [
                one.ms for one in found if start < one.began and one.ended < began
            ]
            waits[name].pruning += [one.ms for one in found if one.overlaps(began, ended)]
        seconds.append(ended - began)
        quiet_seconds = max(ended - began, FEWEST_SECONDS)
    yield Row("prune_s", sorted(seconds)[len(seconds) // 2])
    for name, waited in waits.items():
        yield from _rows(name, waited)


def _rows(name: str, waits: Waits) -> Iterator[Row]:
    """Beside them what is waited for without pruning, which is none of its making."""
    quiet, pruning = sorted(waits.quiet), sorted(waits.pruning)
    yield Row(f"prune_{name}_longest_ms", pruning[-1], LONGEST_MS)
    yield Row(f"prune_{name}_p999_ms", _p999(pruning))
    yield Row(f"prune_{name}_long_of_1000", _long_of_1000(pruning))
    yield Row(f"prune_{name}_writes", len(pruning))
    yield Row(f"quiet_{name}_longest_ms", quiet[-1])
    yield Row(f"quiet_{name}_p999_ms", _p999(quiet))
    yield Row(f"quiet_{name}_long_of_1000", _long_of_1000(quiet))


def _p999(sorted_ms: Sequence[float]) -> float:
    return sorted_ms[len(sorted_ms) * 999 // 1000]


def _long_of_1000(found_ms: Sequence[float]) -> float:
    return 1000 * sum(ms > LONGEST_MS for ms in found_ms) / len(found_ms)


@contextmanager
def _host_that_keeps(url: str, *, days_less: int) -> Iterator[LocalHost]:
    """So many days less than there are rows of."""
    settings = {
        "ScheduledTasks__StatusHistoryRetentionDays": str(HEARTBEAT_DAYS - days_less),
        "ScheduledTasks__HistoricalDataRetentionDays": str(RESULT_DAYS - days_less),
    }
    with running_host(url, "--no-timers", env=settings) as host:
        host.get("/api/readyz").raise_for_status()
        yield host


def _clean_up(host: LocalHost, rows: int) -> None:
    """One run of the app's own; RuntimeError where it did not remove a day."""
    host.fire("clean_up")
    wait_until(lambda: bool(_ticks(host)), within=LONGEST_CLEAN_UP)
    (tick,) = _ticks(host)
    for table, days in zip(CLEANED, (HEARTBEAT_DAYS, RESULT_DAYS), strict=True):
        removed = tick["outcome"][table]
        if not 0.9 < removed * days / rows < 1.1:
            raise RuntimeError(f"{removed} rows of {table} were removed, which is not a day's")


def _ticks(host: LocalHost) -> Sequence[Mapping[str, Any]]:
    return [line for line in host.logged("tick", timer="clean_up") if line["message"] == "tick"]


@contextmanager
def _written(histories: Histories) -> Iterator[Mapping[str, Sequence[Wait]]]:
    """What is written while the block runs, each write with how long it took."""
    writing = Writing(histories.full, histories.sources)
    over = threading.Event()
    found: Mapping[str, list[Wait]] = {"heartbeat": [], "results": []}

    def write(name: str, act: Callable[[], None], pause: float) -> None:
        while not over.wait(pause):
            began = time.monotonic()
            act()
            found[name].append(Wait(began, time.monotonic()))

    work = [("heartbeat", writing.beat, BEAT_PAUSE)] * WRITERS
    work.append(("results", writing.add_results, RESULTS_PAUSE))
    threads = [threading.Thread(target=write, args=one) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join()
        writing.close()
