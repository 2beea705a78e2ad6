"""A real PostgreSQL for the whole run, a migrated database for each test, and a closing word."""

import itertools
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from devhost.postgres import scratch_postgres
from repositories.migrations.__main__ import main as migrate

numbers = itertools.count(1)
LONGEST = {"resilience", "worker", "local"}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server whose login may make databases."""
    with scratch_postgres(in_memory=True) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def make_database(postgres_server: str) -> Callable[..., str]:
    """Makes a database, empty or as a copy of another, and gives its URL."""

    def make(template: str = "template0") -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))

    return make


@pytest.fixture(scope="session")
def migrated(make_database: Callable[..., str]) -> str:
    """The name of a database with all migrations, to be copied."""
    url = make_database()
    assert migrate(["--url", url, "up"]) == 0
    return urlsplit(url).path.lstrip("/")


@pytest.fixture
def store_url(make_database: Callable[..., str], migrated: str) -> str:
    """The URL of a store of the test's own."""
    return make_database(migrated)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, or it is what the last process ends with."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what this run could not test, once each."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped}
    for reason in sorted(reasons):
        terminalreporter.write_line(f"not tested: {reason}")
