"""One host on one store for all HTTP tests; its timers stand still."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.hosts import LocalHost, running_host


@pytest.fixture(scope="session")
def http_store(make_database: Callable[..., str], migrated: str) -> str:
    return make_database(migrated)


@pytest.fixture(scope="session")
def host(http_store: str) -> Iterator[LocalHost]:
    with running_host(http_store, "--no-timers", env={"CACHE_SECONDS": "0"}) as running:
        yield running


@pytest.fixture
def rows(http_store: str) -> Callable[..., list[Any]]:
    """Ask or change the store itself, past the app."""

    def ask(statement: str, *values: object) -> list[Any]:
        with psycopg.connect(http_store, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return ask
