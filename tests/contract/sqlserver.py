"""Databases on the SQL Server of TEST_SQLSERVER_URL, for tests."""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from repositories.errors import NotConfigured
from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.urls import parse
from tests.contract.tables import TABLES

if TYPE_CHECKING:
    import pyodbc

numbers = itertools.count(1)
DROP_SECONDS = 10.0
SESSIONS_IN = "SELECT session_id FROM sys.dm_exec_sessions WHERE database_id = DB_ID(?)"


@contextmanager
def scratch_database() -> Iterator[str]:
    """The URL of an empty database, which is dropped afterwards; skips where there is no server."""
    server = server_url()
    name = f"watchkeeper_{os.getpid()}_{next(numbers)}"
    with closing(connect(parse(server))) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield database_url(server, name)
    finally:
        with closing(connect(parse(server))) as connection:
            drop_database(connection, name)


def drop_database(connection: "pyodbc.Connection", name: str) -> None:
    """Whoever is still in it is sent away first, however long the server takes to do that."""
    until = time.monotonic() + DROP_SECONDS
    while True:
        send_others_away(connection, name)
        try:
            connection.execute(f"DROP DATABASE {name}")
            return
        except load_driver().Error:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def send_others_away(connection: "pyodbc.Connection", name: str) -> None:
    """Not every server knows the first way; a session may end by itself before the second."""
    with suppress(load_driver().Error):
        connection.execute(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    for (session,) in connection.execute(SESSIONS_IN, name).fetchall():
        with suppress(load_driver().Error):
            connection.execute(f"KILL {session}")


def obeys_hints(connection: "pyodbc.Connection") -> bool:
    """Whether the server locks as it is told to; Babelfish takes that as mere advice."""
    return "Babelfish" not in str(connection.execute("SELECT @@VERSION").fetchval())


def reads_json(connection: "pyodbc.Connection") -> bool:
    """Whether a text out of JSON comes without its escapes; not every Babelfish does that."""
    asked = r"""SELECT JSON_VALUE(N'{"a": "\"\n"}', '$.a')"""
    return bool(connection.execute(asked).fetchval() == '"\n')


def server_url() -> str:
    url = os.environ.get("TEST_SQLSERVER_URL")
    if not url:
        pytest.skip("SQL Server: TEST_SQLSERVER_URL is not set")
    try:
        load_driver()
    except NotConfigured as error:
        pytest.skip(f"SQL Server: {error}")
    return url


def database_url(server: str, name: str) -> str:
    if "://" in server:
        return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    return with_attribute(server, f"Database={name}")


def with_attribute(server: str, attribute: str) -> str:
    """Of two of one name ODBC takes the first, ADO.NET the last."""
    return f"{attribute};{server.rstrip('; ')};{attribute}"


def at_port(server: str, port: int) -> str:
    """The same login at another server of this machine."""
    if "://" not in server:
        return with_attribute(server, f"Server=127.0.0.1,{port}")
    parts = urlsplit(server)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))


def with_wrong_password(server: str) -> str:
    if "://" not in server:
        return with_attribute(server, "PWD=wrong")
    parts = urlsplit(server)
    return urlunsplit(
        parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}")
    )


def empty_tables(connection: "pyodbc.Connection") -> None:
    for table in TABLES:
        connection.execute(f"DELETE FROM {pascal_case(table)}")  # noqa: S608
    connection.execute("DELETE FROM monitoring.Config WHERE ModifiedBy <> 'migration'")
    connection.execute("UPDATE monitoring.MonitoringRollup SET RolledUntil = '19700101'")


def pascal_case(name: str) -> str:
    """monitoring.system_status is monitoring.SystemStatus there, last_heartbeat LastHeartbeat."""
    schema, _, rest = name.rpartition(".")
    words = "".join(word.capitalize() for word in rest.split("_"))
    return f"{schema}.{words}" if schema else words
