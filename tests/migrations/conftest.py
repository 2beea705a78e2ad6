"""Real servers, a fresh database for each test, and the commands as a user calls them."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from repositories.migrations.__main__ import main
from repositories.sqlserver.connections import connect
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database
from tests.migrations.samples import Command, Folder, Outcome, fresh_database


@pytest.fixture
def database(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def notes(folder: Folder) -> Folder:
    """Two migrations that work."""
    folder.write(
        "0001_notes",
        "CREATE TABLE monitoring.notes (id integer PRIMARY KEY, body text);\n"
        "INSERT INTO monitoring.notes VALUES (1, '100 %s of it :sure; yes');\n",
        "DROP TABLE monitoring.notes;\n",
    )
    folder.write(
        "0002_tags",
        "ALTER TABLE monitoring.notes ADD COLUMN tags text[] NOT NULL DEFAULT '{}';\n"
        "CREATE INDEX ix_notes_tags ON monitoring.notes (body) WHERE body IS NOT NULL;\n",
        "DROP INDEX monitoring.ix_notes_tags;\nALTER TABLE monitoring.notes DROP COLUMN tags;\n",
    )
    return folder


@pytest.fixture
def real(database: str, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command on the repository's own migrations."""
    return _command(["--url", database], capsys)


@pytest.fixture
def command(folder: Folder, database: str, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command on the sample migrations."""
    return _command(["--url", database, "--folder", str(folder.path)], capsys)


def _command(common: list[str], capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main([*common, *arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


@pytest.fixture
def rows(database: str) -> Callable[[str], list[Any]]:
    """Ask the database itself, past the code under test."""

    def ask(statement: str) -> list[Any]:
        with psycopg.connect(database, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return ask


@pytest.fixture
def plain_login(database: str, rows: Callable[[str], list[Any]]) -> Iterator[str]:
    """The URL of a login without any rights but to connect."""
    rows("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    try:
        yield re.sub("//.*@", "//plain:plain@", database)
    finally:
        rows("DROP OWNED BY plain CASCADE; DROP ROLE plain")


@pytest.fixture
def sqlserver() -> Iterator[str]:
    """The URL of an empty database on a SQL Server."""
    with scratch_database() as url:
        yield url


@pytest.fixture
def on_sqlserver(sqlserver: str, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command on the repository's own migrations for SQL Server."""
    return _command(["--url", sqlserver], capsys)


@pytest.fixture
def sample_on_sqlserver(
    folder: Folder, sqlserver: str, capsys: pytest.CaptureFixture[str]
) -> Command:
    """A command on sample migrations."""
    return _command(["--url", sqlserver, "--folder", str(folder.path)], capsys)


@pytest.fixture
def ask(sqlserver: str) -> Iterator[Callable[..., list[Any]]]:
    """Ask SQL Server itself, past the code under test; each row as a tuple."""
    with closing(connect(parse(sqlserver))) as connection:

        def ask(statement: str, *values: object) -> list[Any]:
            cursor = connection.execute(statement, *values)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        yield ask
