"""Which kind of target a URL leads to."""

from repositories.contracts.databases import Target
from repositories.urls import GuestUrl, parse_target


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


def _open_guest(url: GuestUrl, connect_seconds: int) -> Target:
    if url.engine == "oracle":
        from repositories.oracle import OracleTarget

        return OracleTarget(url, connect_seconds=connect_seconds)
    from repositories.mysql import MySqlTarget

    return MySqlTarget(url, connect_seconds=connect_seconds)
