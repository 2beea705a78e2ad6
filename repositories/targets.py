"""Which kind of target a URL leads to, and what is known of it."""

import time
from dataclasses import dataclass

from repositories.contracts import Target
from repositories.records import ResultType
from repositories.statements import ROOT, sections
from repositories.urls import GuestUrl, parse_target


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """The server that answered, and how long it took to connect and ask it.

    `connections` and `max_connections` are None where the server does not tell every login.
    """

    version: str
    database_name: str | None
    connections: int | None
    max_connections: int | None
    connection_time_ms: float


def open_target(url: str, *, connect_seconds: int) -> Target:
    """Connects to nothing yet; each engine's module is imported for the first URL of it.

    Raises BadUrl where there is no engine for it.
    """
    address = parse_target(url)
    if isinstance(address, GuestUrl):
        return _open_guest(address, connect_seconds)
    if address.engine == "sqlserver":
        from repositories.sqlserver.target import SqlServerTarget

        return SqlServerTarget(address, connect_seconds=connect_seconds)
    from repositories.postgres.target import PostgresTarget

    return PostgresTarget(address, connect_seconds=connect_seconds)


def look_at(url: str, *, connect_seconds: int, timeout_seconds: int) -> TargetFacts:
    """Raises BadUrl, or what kept it from answering."""
    statement = _server_statement(parse_target(url).engine)
    started = time.perf_counter()
    answer = open_target(url, connect_seconds=connect_seconds).ask(
        statement, result_type=ResultType.DATA_SET, timeout_seconds=timeout_seconds, keep=1
    )
    elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
    version, database_name, connections, max_connections = answer.rows[0]
    return TargetFacts(
        version=str(version),
        database_name=None if database_name is None else str(database_name),
        connections=_count(connections),
        max_connections=_count(max_connections),
        connection_time_ms=elapsed_ms,
    )


def _server_statement(engine: str) -> str:
    """The same that a store is asked: version, database_name, connections, max_connections."""
    statements = dict(sections((ROOT / engine / "health.sql").read_text("utf-8")))
    return statements["server"].strip().rstrip(";")


def _count(value: object) -> int | None:
    return None if value is None else int(str(value))


def _open_guest(url: GuestUrl, connect_seconds: int) -> Target:
    if url.engine == "oracle":
        from repositories.oracle import OracleTarget

        return OracleTarget(url, connect_seconds=connect_seconds)
    from repositories.mysql import MySqlTarget

    return MySqlTarget(url, connect_seconds=connect_seconds)
