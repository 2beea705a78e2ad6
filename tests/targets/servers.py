"""Servers that KPIs are run against, and the same questions in the words of each."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest

from repositories.contracts.databases import Answer
from repositories.errors import NotConfigured
from repositories.records.kpis import ResultType
from repositories.targets import open_target
from tests.contract.sqlserver import at_port, scratch_database, with_wrong_password

NOTES = "CREATE TABLE notes (id int NOT NULL PRIMARY KEY)"


@dataclass(frozen=True)
class Server:
    """A database of the test's own, with an empty table `notes`, and statements for it."""

    provider: str
    url: str
    hangs: str
    rows: str
    """{count} rows of two columns, n and word."""
    unreachable: str
    wrong_password: str

    def change(self, sql: str) -> int:
        return self._ask(sql, ResultType.NON_QUERY).row_count

    def count_notes(self) -> int:
        answer = self._ask("SELECT count(*) FROM notes", ResultType.SCALAR)
        return int(str(answer.rows[0][0]))

    def _ask(self, sql: str, result_type: ResultType) -> Answer:
        with closing(open_target(self.url, connect_seconds=5)) as target:
            return target.ask(sql, result_type=result_type, timeout_seconds=20, keep=1)


def postgres(url: str) -> Server:
    return Server(
        provider="PostgreSQL",
        url=url,
        hangs="SELECT pg_sleep(60)",
        rows="SELECT n, 'word' AS word FROM generate_series(1, {count}) AS n",
        unreachable=_with_port(url, 1),
        wrong_password=_with_password(url, "wrong"),
    )


@contextmanager
def sqlserver() -> Iterator[Server]:
    with scratch_database() as url:
        yield Server(
            provider="SqlServer",
            url=url,
            hangs="SELECT count(*) FROM sys.all_columns a, sys.all_columns b,"
            " (SELECT TOP 20 column_id FROM sys.all_columns) c",
            rows="SELECT TOP {count} a.column_id AS n, 'word' AS word"
            " FROM sys.all_columns a, sys.all_columns b",
            unreachable=at_port(url, 1),
            wrong_password=with_wrong_password(url),
        )


@contextmanager
def mysql() -> Iterator[Server]:
    """In a database of its own; skips where there is no server."""
    url = os.environ.get("TEST_MYSQL_URL")
    if not url:
        pytest.skip("MySQL: TEST_MYSQL_URL is not set")
    from repositories.mysql import load_driver

    try:
        load_driver()
    except NotConfigured as error:
        pytest.skip(f"MySQL: {error}")
    name = f"watchkeeper_{os.getpid()}"
    _ask_mysql(url, f"CREATE DATABASE {name}")
    try:
        yield Server(
            provider="MySQL",
            url=urlunsplit(urlsplit(url)._replace(path=f"/{name}")),
            hangs="SELECT sleep(60)",
            rows="WITH RECURSIVE digits AS (SELECT 0 AS d UNION ALL SELECT d + 1 FROM digits"
            " WHERE d < 9) SELECT a.d AS n, 'word' AS word FROM digits a, digits b, digits c,"
            " digits d, digits e, digits f LIMIT {count}",
            unreachable=_with_port(url, 1),
            wrong_password=_with_password(url, "wrong"),
        )
    finally:
        _ask_mysql(url, f"DROP DATABASE {name}")


def _ask_mysql(url: str, sql: str) -> None:
    with closing(open_target(url, connect_seconds=5)) as target:
        target.ask(sql, result_type=ResultType.NON_QUERY, timeout_seconds=20, keep=0)


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}")
    )
