"""A jobs database of any size, the same each time, in minutes."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from tests.bench.bulk import WORKERS, run_at_once, run_statement, statements_in, without_indexes

SCRIPT = Path(__file__).with_name("volume.sql")
BIG_JOB = hashlib.sha256(b"job 0").hexdigest()
TABLES = ("app.tasks", "app.jobs")
LATEST = timedelta(minutes=6)


def fill_jobs(url: str, jobs: int, *, big: int) -> None:
    """So many jobs over 30 days with ten times as many tasks, and one job with `big` tasks.

    The tables are those of a migrated database, empty. Their keys and indexes are made anew behind
    the rows, which is several times as fast.
    """
    with without_indexes(url, TABLES):
        _leave_out_of_the_log(url)
        _load(url, jobs, big)
    run_at_once(url, [f"VACUUM (ANALYZE) {table}" for table in TABLES])


def _leave_out_of_the_log(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} SET UNLOGGED".encode())


def _load(url: str, jobs: int, big: int) -> None:
    found = statements_in(SCRIPT)
    now = datetime.now(UTC) - LATEST  # so that nothing is in the future
    values = {"jobs": jobs, "now": now, "big": big}
    run_statement(url, found["big_job"], {"now": now})
    run_statement(url, found["tasks"], {**values, "first": 0, "last": 0})
    step = max(jobs // 20, 1)

    def load(first: int) -> None:
        part = {**values, "first": first, "last": min(first + step - 1, jobs)}
        jobs_of_it = {name: value for name, value in part.items() if name != "big"}
        run_statement(url, found["jobs"], jobs_of_it)
        run_statement(url, found["tasks"], part)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(load, range(1, jobs + 1, step)))
