from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def connection(store_url: str) -> Iterator[psycopg.Connection[Any]]:
    """To the test's own store."""
    with psycopg.connect(store_url, autocommit=True) as connection:
        yield connection
