"""The lists and reports about jobs, on as many of them as a large installation has.

Lists are measured against the same statements through the driver alone, their later pages against
the first, and everything on a tenth of the data as well.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import azure.functions as func
import psycopg
from psycopg.rows import dict_row

from repositories.jobs import SqlJobs
from repositories.records.filters import ChangeTime, JobFilter, Parameter, TaskFilter
from tests.bench.app import Handler, answer_of, load_routes, request_of
from tests.bench.asked import statements_of
from tests.bench.load import measure_load
from tests.bench.report import Row
from tests.bench.stores import copy_of, migrated_store
from tests.bench.surroundings import plain_environment
from tests.bench.timing import Timings, take_turns, timed
from tests.bench.volumes import BIG_JOB, fill_jobs
from triggers.jobs import JobsQuery, TasksQuery

JOBS = 1_000_000
BIG = 10_000
PAGE = 100
LARGEST_PAGE = 1000
RUNS = 11
CALLS = 5
SLOW_RUNS = 5
WALKED_PAGES = 300
COUNTED_PAGES = 30
MEMORY_MB = 200.0
ROOT = Path(__file__).parents[2]
REPORTS = {
    "errors": ("db/errors", {"hours": "24"}),
    "poison": ("db/poison", {}),
    "stats": ("db/stats", {"fresh": "true"}),
    "performance": ("db/performance", {"hours": "24", "fresh": "true"}),
    "health_jobs": ("health/jobs", {"fresh": "true"}),
}

Connection = psycopg.Connection[dict[str, Any]]
Routes = Mapping[str, Handler]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as it is asked for over HTTP, and the same question to the repository."""

    route: str
    asked: Mapping[str, str]
    question: Callable[[SqlJobs], object]


def lists() -> Mapping[str, Listed]:
    failed, customer = ("failed",), [Parameter(path=("customer",), value="42")]
    return {
        "list_jobs": Listed("db/jobs", {}, lambda jobs: jobs.newest(limit=PAGE)),
        "list_failed_jobs": Listed(
            "db/jobs",
            {"status": "failed"},
            lambda jobs: jobs.newest(JobFilter(statuses=failed), limit=PAGE),
        ),
        "list_jobs_by_update": Listed(
            "db/jobs",
            {"sort": "updated_at"},
            lambda jobs: jobs.newest(by=ChangeTime.UPDATED_AT, limit=PAGE),
        ),
        "list_jobs_by_duration": Listed(
            "db/jobs",
            {"sort": "duration"},
            lambda jobs: jobs.longest(as_of=datetime.now(UTC), limit=PAGE),
        ),
        "list_jobs_by_parameter": Listed(
            "db/jobs",
            {"parameter": "customer:42"},
            lambda jobs: jobs.newest(JobFilter(parameters=customer), limit=PAGE),
        ),
        "list_tasks": Listed("db/tasks", {}, lambda jobs: jobs.newest_tasks(limit=PAGE)),
        "list_failed_tasks": Listed(
            "db/tasks",
            {"status": "failed"},
            lambda jobs: jobs.newest_tasks(TaskFilter(statuses=failed), limit=PAGE),
        ),
        "list_tasks_by_update": Listed(
            "db/tasks",
            {"sort": "updated_at"},
            lambda jobs: jobs.newest_tasks(by=ChangeTime.UPDATED_AT, limit=PAGE),
        ),
    }


def measure_investigation(jobs: int = JOBS) -> Iterator[Row]:
    """`jobs` with ten times as many tasks, and a tenth of both beside them."""
    with migrated_store() as url:
        tenth_url, url = copy_of(url, "bench_tenth"), copy_of(url, "bench_jobs")
        fill_jobs(tenth_url, jobs // 10, big=BIG)
        started = time.monotonic()
        fill_jobs(url, jobs, big=BIG)
        yield Row("filled_s", time.monotonic() - started, 600)
        shipped = load_routes(url)
        os.environ["CACHE_SECONDS"] = "0"
        routes, tenth = load_routes(url), load_routes(tenth_url)
        with closing(psycopg.connect(url, autocommit=True, row_factory=dict_row)) as connection:
            yield from _measure_lists(routes, tenth, connection)
            yield from _measure_later_pages(routes)
            yield from _measure_walk(routes)
            yield from _measure_walk_of_a_job(shipped["db/tasks/{job_id}"], connection)
            yield from _measure_debug(routes["db/debug/{job_id}"], connection)
        yield Row("debug_memory_mb", _memory_of_debug(url), MEMORY_MB)
        yield from _measure_reports(routes, tenth)
        yield from measure_load(url, "/api/db/jobs?limit=100")


def _measure_lists(routes: Routes, tenth: Routes, connection: Connection) -> Iterator[Row]:
    for name, listed in lists().items():
        request = request_of(listed.route, limit=str(PAGE), **listed.asked)
        handler, smaller = routes[listed.route], tenth[listed.route]
        asked = statements_of(listed.question)
        _refuse_other_rows(
            json.loads(answer_of(handler, request)), _ask(connection, asked), listed.route
        )
        timings = _take_turns(
            {
                "handler": partial(answer_of, handler, request),
                "bare": partial(_dump, connection, asked),
                "tenth": partial(answer_of, smaller, request),
            }
        )
        yield Row(f"{name}_ratio", timings.ratio("handler", "bare"), 1.0)
        yield Row(f"{name}_growth", timings.ratio("handler", "tenth"), 1.25)
        yield Row(f"{name}_ms", timings.median_ms("handler"))
        yield Row(f"{name}_bare_ms", timings.median_ms("bare"))


def _measure_later_pages(routes: Routes) -> Iterator[Row]:
    """A page near the end of each walk, by a cursor to there, against the first."""
    early = datetime.now(UTC) - timedelta(days=29, hours=20)
    now = datetime.now(UTC)
    queries = {
        "list_jobs": JobsQuery(limit=PAGE),
        "list_jobs_by_update": JobsQuery.model_validate({"sort": "updated_at"}),
        "list_tasks": TasksQuery(limit=PAGE),
        "list_tasks_by_update": TasksQuery.model_validate({"sort": "updated_at"}),
    }
    positions: dict[str, tuple[object, ...]] = dict.fromkeys(queries, (early, "t"))
    queries["list_jobs_by_duration"] = JobsQuery.model_validate({"sort": "duration"})
    positions["list_jobs_by_duration"] = (now, 65_500_000, "t")
    for name, query in queries.items():
        listed = lists()[name]
        cursor = query.cursor_at(positions[name]) or ""
        first = request_of(listed.route, limit=str(PAGE), **listed.asked)
        later = request_of(listed.route, limit=str(PAGE), cursor=cursor, **listed.asked)
        handler = routes[listed.route]
        _refuse_short_pages(json.loads(answer_of(handler, later)), listed.route)
        timings = _take_turns(
            {
                "first": partial(answer_of, handler, first),
                "later": partial(answer_of, handler, later),
            }
        )
        yield Row(f"{name}_last_page_ratio", timings.ratio("later", "first"), 1.2)


def _measure_walk(routes: Routes) -> Iterator[Row]:
    """The last pages of a walk that follows the cursors, against its first ones."""
    for route, name in (("db/jobs", "list_jobs"), ("db/tasks", "list_tasks")):
        seconds: list[float] = []
        cursor = None
        while len(seconds) < WALKED_PAGES and (cursor or not seconds):
            asked: dict[str, str] = {"cursor": cursor} if cursor else {}
            started = time.perf_counter()
            body = answer_of(routes[route], request_of(route, limit=str(PAGE), **asked))
            seconds.append(time.perf_counter() - started)
            cursor = json.loads(body)["next_cursor"]
        first, last = seconds[1 : COUNTED_PAGES + 1], seconds[-COUNTED_PAGES - 1 : -1]
        yield Row(f"{name}_walk_ratio", median(last) / median(first), 1.2)


def _measure_walk_of_a_job(handler: Handler, connection: Connection) -> Iterator[Row]:
    """All 10,000 tasks of a job, page by page, with the cache as the app ships it."""
    asked = statements_of(lambda jobs: (jobs.tasks_of(BIG_JOB, limit=BIG), jobs.stages(BIG_JOB)))
    page = request_of("db/tasks/{job_id}", job_id=BIG_JOB)
    timings = _take_single_turns(
        {
            "walk": lambda: _walk_tasks(handler),
            "bare": lambda: _dump(connection, asked),
            "page": lambda: answer_of(handler, page),
        }
    )
    yield Row("job_tasks_ratio", timings.ratio("walk", "bare"), 0.8)
    yield Row("job_tasks_walk_ms", timings.median_ms("walk"))
    yield Row("job_tasks_page_ms", timings.median_ms("page"))
    yield Row("job_tasks_bare_ms", timings.median_ms("bare"))


def _measure_debug(handler: Handler, connection: Connection) -> Iterator[Row]:
    """What is said of a job with 10,000 tasks, with nothing known from before."""
    whole = statements_of(lambda jobs: (jobs.find(BIG_JOB), jobs.tasks_of(BIG_JOB, limit=BIG)))
    request = request_of("db/debug/{job_id}", job_id=BIG_JOB)
    timings = _take_single_turns(
        {
            "debug": lambda: answer_of(handler, request),
            "bare": lambda: _dump(connection, whole),
        }
    )
    yield Row("debug_ratio", timings.ratio("debug", "bare"), 1.5)
    yield Row("debug_ms", timings.median_ms("debug"))
    yield Row("debug_bare_ms", timings.median_ms("bare"))


def _walk_tasks(handler: Handler) -> int:
    found, cursor = 0, None
    while cursor or not found:
        asked: dict[str, str] = {"cursor": cursor} if cursor else {}
        request = request_of("db/tasks/{job_id}", job_id=BIG_JOB, limit=str(LARGEST_PAGE), **asked)
        body = answer_of(handler, request)
        cursor = _cursor_of(body)
        found += LARGEST_PAGE
    return found


def _cursor_of(body: bytes) -> str | None:
    """Without reading the whole answer, which no caller's time is to count for."""
    rest = body.rpartition(b'"next_cursor":')[2]
    return rest.split(b'"')[1].decode() if rest.startswith(b'"') else None


def _measure_reports(routes: Routes, tenth: Routes) -> Iterator[Row]:
    for name, (route, asked) in REPORTS.items():
        if route not in routes:
            continue
        try:
            timings = _measure_report(routes[route], tenth[route], request_of(route, **asked))
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            yield Row(f"{name}_failed", 1, 0)
            continue
        yield Row(f"{name}_s", timings.median_ms("all") / 1e3)
        yield Row(f"{name}_tenth_s", timings.median_ms("tenth") / 1e3)
        yield Row(f"{name}_growth", timings.ratio("all", "tenth"))


def _measure_report(whole: Handler, tenth: Handler, request: func.HttpRequest) -> Timings:
    return take_turns(
        {
            "all": timed(lambda: answer_of(whole, request), calls=1),
            "tenth": timed(lambda: answer_of(tenth, request), calls=1),
        },
        runs=SLOW_RUNS,
    )


def _memory_of_debug(url: str) -> float:
    """The most that a process of its own holds (MB) that answers this and nothing else."""
    code = (
        "import resource, sys; from tests.bench.app import *;"
        "answer_of(load_routes(sys.argv[1])['db/debug/{job_id}'],"
        " request_of('db/debug/{job_id}', job_id=sys.argv[2]));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, url, BIG_JOB],
        cwd=ROOT,
        env=plain_environment(),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return float(done.stdout)


def _take_turns(calls: Mapping[str, Callable[[], object]]) -> Timings:
    return take_turns({name: timed(call, calls=CALLS) for name, call in calls.items()}, runs=RUNS)


def _take_single_turns(calls: Mapping[str, Callable[[], object]]) -> Timings:
    return take_turns({name: timed(call, calls=1) for name, call in calls.items()}, runs=RUNS)


def _ask(
    connection: Connection, asked: Sequence[tuple[bytes, Sequence[object]]]
) -> list[list[dict[str, Any]]]:
    return [connection.execute(text, values).fetchall() for text, values in asked]


def _dump(connection: Connection, asked: Sequence[tuple[bytes, Sequence[object]]]) -> str:
    return json.dumps(_ask(connection, asked), default=str)


def _refuse_other_rows(
    answer: Any, bare: Sequence[Sequence[Mapping[str, Any]]], route: str
) -> None:
    kind, key = ("jobs", "job_id") if route == "db/jobs" else ("tasks", "task_id")
    if [one[key] for one in answer[kind]] != [row[key] for row in bare[0]]:
        raise RuntimeError(f"the app and the bare driver answer different {kind}")


def _refuse_short_pages(answer: Any, route: str) -> None:
    found = len(answer["jobs" if route == "db/jobs" else "tasks"])
    if found != PAGE:
        raise RuntimeError(f"{route} has {found} on a page, not {PAGE}: too few to compare")
