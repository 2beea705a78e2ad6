"""Which jobs a run is made of."""

import hashlib
import json
from collections.abc import Sequence
from itertools import cycle, islice

from devhost.demo.check_python import CHECK_PYTHON
from devhost.demo.compress_files import COMPRESS_FILES
from devhost.demo.count_lines import COUNT_LINES
from devhost.demo.export_listings import ARCHIVE, EXPORT_LISTINGS, STORAGE
from devhost.demo.files import find_files
from devhost.demo.hash_files import HASH_FILES
from devhost.demo.workload import Job, JobType, Values

Order = tuple[JobType, Values]

APP = ["triggers", "services", "repositories", "devhost"]
NO_PYTHON = ["Makefile", "sql/postgres/jobs.sql", "requirements.txt"]
FEWEST = 5


def make_jobs(run: int, count: int, *, inbox: Sequence[str], at_most: int) -> list[Job]:
    """At least FEWEST jobs: one of each type, then more of those that end well.

    `at_most` bounds the files of each folder, `inbox` are the files of the first `hash_files`.
    """
    orders = [*_one_of_each(inbox, at_most), *islice(cycle(_plain(at_most)), count - FEWEST)]
    return [
        _make_job(job_type, {"demo_run": run, "number": number, **parameters})
        for number, (job_type, parameters) in enumerate(orders, start=1)
    ]


def first_of(jobs: Sequence[Job], job_type: JobType) -> Job:
    return next(job for job in jobs if job.job_type is job_type)


def _one_of_each(inbox: Sequence[str], at_most: int) -> list[Order]:
    listed = find_files("sql/postgres", at_most=at_most)
    secret = {"archive_url": ARCHIVE, "storage_connection_string": STORAGE}
    return [
        (COUNT_LINES, {"folders": [*APP, "sql"], "at_most": at_most}),
        (CHECK_PYTHON, {"folders": ["services"], "at_most": at_most, "also": NO_PYTHON}),
        (HASH_FILES, {"files": [*inbox]}),
        (COMPRESS_FILES, {"files": listed}),
        (EXPORT_LISTINGS, {"folders": ["sql", "triggers"], "at_most": at_most, **secret}),
    ]


def _plain(at_most: int) -> list[Order]:
    return [
        (COUNT_LINES, {"folders": ["tests"], "at_most": at_most}),
        (CHECK_PYTHON, {"folders": ["triggers"], "at_most": at_most, "also": []}),
        (HASH_FILES, {"files": find_files("devhost", at_most=at_most)}),
    ]


def _make_job(job_type: JobType, parameters: Values) -> Job:
    named = json.dumps([job_type.name, parameters], sort_keys=True).encode()
    return Job(hashlib.sha256(named).hexdigest(), job_type, parameters)
