"""A jobs database of any size, the same each time, in minutes."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from repositories.statements import Statement, compile_statement, sections

SCRIPT = Path(__file__).with_name("volume.sql")
BIG_JOB = hashlib.sha256(b"job 0").hexdigest()
WORKERS = 2
LATEST = timedelta(minutes=6)
OPTIONS = "-c maintenance_work_mem=1GB -c max_parallel_maintenance_workers=1"


def fill_jobs(url: str, jobs: int, *, big: int) -> None:
    """So many jobs over 30 days with ten times as many tasks, and one job with `big` tasks.

    The tables are those of a migrated database, empty. Their keys and indexes are made anew behind
    the rows, which is several times as fast.
    """
    indexes, keys = _take_off(url)
    _load(url, jobs, big)
    _at_once(url, indexes)
    for key in keys:
        _at_once(url, [key])
    _at_once(url, ["VACUUM (ANALYZE) app.tasks", "VACUUM (ANALYZE) app.jobs"])


def _load(url: str, jobs: int, big: int) -> None:
    texts = dict(sections(SCRIPT.read_text("utf-8")))
    found = {name: compile_statement(text, "%s", {}) for name, text in texts.items()}
    now = datetime.now(UTC) - LATEST  # so that nothing is in the future
    values = {"jobs": jobs, "now": now, "big": big}
    _run(url, found["big_job"], {"now": now})
    _run(url, found["tasks"], {**values, "first": 0, "last": 0})
    step = max(jobs // 20, 1)

    def load(first: int) -> None:
        part = {**values, "first": first, "last": min(first + step - 1, jobs)}
        _run(url, found["jobs"], {name: value for name, value in part.items() if name != "big"})
        _run(url, found["tasks"], part)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(load, range(1, jobs + 1, step)))


def _run(url: str, statement: Statement, values: dict[str, object]) -> None:
    text, bound = statement.bind(values)
    with psycopg.connect(url, autocommit=True) as connection:
        psycopg.ClientCursor(connection).execute(text.encode(), bound)


def _take_off(url: str) -> tuple[Sequence[str], Sequence[str]]:
    """Without keys, indexes and a log of changes; what makes the indexes and the keys again."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        keys = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
            "  FROM pg_constraint"
            " WHERE contype IN ('p', 'f', 'u')"
            "   AND (conrelid IN ('app.jobs'::regclass, 'app.tasks'::regclass)"
            "        OR confrelid IN ('app.jobs'::regclass, 'app.tasks'::regclass))"
            " ORDER BY contype DESC"
        ).fetchall()
        for table, name, _ in sorted(keys, key=lambda key: key[2].startswith("PRIMARY")):
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE schemaname = 'app' AND tablename IN ('jobs', 'tasks')"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX app.{name}".encode())
        for table in ("app.tasks", "app.jobs"):
            connection.execute(f"ALTER TABLE {table} SET UNLOGGED".encode())
    return [definition for _, definition in indexes], [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        for table, name, definition in keys
    ]


def _at_once(url: str, commands: Sequence[str]) -> None:
    def run(command: str) -> None:
        with psycopg.connect(url, autocommit=True, options=OPTIONS) as connection:
            connection.execute(command.encode())

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run, commands))
