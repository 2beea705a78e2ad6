"""A migrated database with some 20,000 jobs and 200,000 tasks."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.bench.volumes import fill_jobs

JOBS, TASKS_OF_BIG_JOB = 20_000, 2_000


@pytest.fixture(scope="session")
def filled_url(make_database: Callable[..., str], migrated: str) -> str:
    url = make_database(migrated)
    fill_jobs(url, JOBS, big=TASKS_OF_BIG_JOB)
    return url


@pytest.fixture(scope="session")
def filled(filled_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(filled_url, autocommit=True)) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield connection
