"""Run the demo on the store that STORE_URL names: `python -m devhost.demo [--jobs N] [--quick]`."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator

from devhost.console import complain, say
from devhost.demo.board import Board, open_board
from devhost.demo.check_python import CHECK_PYTHON
from devhost.demo.compress_files import COMPRESS_FILES
from devhost.demo.crew import WORKERS
from devhost.demo.export_listings import EXPORT_LISTINGS
from devhost.demo.files import ROOT
from devhost.demo.hash_files import HASH_FILES
from devhost.demo.orders import FEWEST, first_of
from devhost.demo.performance import NotMigrated, Run, perform, prepared_run
from devhost.refusal import Refused
from devhost.run import Failed, served_port
from devhost.settings import apply_local_settings
from repositories.errors import BadUrl, StorageError
from repositories.postgres.faults import translated
from repositories.urls import DatabaseUrl, parse

JOBS, QUICK_JOBS = 8, FEWEST
FILES, QUICK_FILES = 40, 3


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # A lost connection is told below, in one line.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    try:
        apply_local_settings(ROOT)
        _demonstrate(_store_url(), options)
    except (Failed, NotMigrated, Refused) as problem:
        complain(str(problem))
        return 1
    except StorageError as error:
        code = f" ({error.code})" if error.code else ""
        complain(f"the demo cannot use the store that STORE_URL names: {error}{code}")
        return 1
    except KeyboardInterrupt:
        complain("stopped: the jobs of this run are removed")
        return 130
    return 0


def _demonstrate(url: DatabaseUrl, options: argparse.Namespace) -> None:
    count = options.jobs or (QUICK_JOBS if options.quick else JOBS)
    at_most = QUICK_FILES if options.quick else FILES
    with translated(), open_board(url) as board:
        with prepared_run(url, board, count, at_most=at_most) as (run, inbox):
            say(f"Run {run.number}: {count} jobs for {WORKERS} workers, one of whom will be lost")
            began = time.monotonic()
            conflicts = perform(url, board, run, inbox)
            seconds = time.monotonic() - began
        for line in _outcomes(board, run):
            say(line)
        say(f"{seconds:.1f} s; {conflicts} transactions conflicted and were made again")
        say("\nTo look at, where make run serves the app:")
        for line in _addresses(run):
            say(line)


def _outcomes(board: Board, run: Run) -> Iterator[str]:
    told = {"failed": "failed", "recovered": "completed when tried again", "processing": "hangs"}
    for found in board.outcomes(run.job_ids):
        counts = [f"{found['tasks']} tasks"]
        counts += [f"{found[name]} {words}" for name, words in told.items() if found[name]]
        what = f"{found['jobs']} {found['job_type']}"
        yield f"  {what:18}  {found['status']:21}  {', '.join(counts)}"


def _addresses(run: Run) -> Iterator[str]:
    site = f"http://localhost:{served_port()}/api"
    hanging, exporting = first_of(run.jobs, COMPRESS_FILES), first_of(run.jobs, EXPORT_LISTINGS)
    checking, hashing = first_of(run.jobs, CHECK_PYTHON), first_of(run.jobs, HASH_FILES)
    for meaning, path in {
        "all jobs": "db/jobs",
        "the job that hangs: its worker is gone": f"db/jobs/{hanging.job_id}",
        "the task that it waits for": f"db/tasks/{hanging.job_id}?status=processing",
        "the job that failed, its secrets masked": f"db/jobs/{exporting.job_id}",
        "what failed, and why": f"db/tasks/{checking.job_id}?status=failed",
        "a task that succeeded when tried again": f"db/tasks/{hashing.job_id}",
        "the KPI that sees the hanging one, soon": "kpis/stuck_tasks/results",
    }.items():
        yield f"  {meaning:39}  {site}/{path}"


def _store_url() -> DatabaseUrl:
    text = os.environ.get("STORE_URL")
    if not text:
        raise Failed("STORE_URL is not set: make demo uses the store that make run has started")
    try:
        url = parse(text)
    except BadUrl as error:
        raise Failed(f"STORE_URL: {error}") from error
    if url.engine != "postgres":
        raise Failed("the demo needs a store on PostgreSQL, and STORE_URL names a SQL Server")
    return url


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devhost.demo")
    parser.add_argument("--jobs", type=_count, help=f"how many ({FEWEST} or more; {JOBS})")
    parser.add_argument("--quick", action="store_true", help="few jobs on few files")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < FEWEST:
        raise argparse.ArgumentTypeError(f"give a number from {FEWEST}: one job of each type")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
