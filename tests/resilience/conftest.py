from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from devhost.postgres import EmbeddedPostgres
from devhost.postgres.scratch import scratch_folder
from repositories.migrations.__main__ import main as migrate


@pytest.fixture
def connection(store_url: str) -> Iterator[psycopg.Connection[Any]]:
    """To the test's own store."""
    with psycopg.connect(store_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, with the store in it."""
    with scratch_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        postgres.start(durable=False)
        assert migrate(["--url", postgres.url, "up"]) == 0
        yield postgres
