"""Which kind of target a URL leads to."""

from repositories.contracts.databases import Target
from repositories.urls import DatabaseUrl, GuestUrl, parse_target


def read_target(url: str) -> DatabaseUrl | GuestUrl:
    """As parse_target, where the driver too understands it. Raises BadUrl."""
    address = parse_target(url)
    if address.engine == "postgres":
        from repositories.postgres.addresses import check_address

        check_address(address)
    return address


def open_target(url: str, *, connect_seconds: int, size: int = 1) -> Target:
    """With `size` connections at most; connects to nothing yet.

    Each engine's module is imported for the first URL of it. Raises BadUrl where
    there is no engine for it.
    """
    address = read_target(url)
    if isinstance(address, GuestUrl):
        return _open_guest(address, connect_seconds, size)
    if address.engine == "sqlserver":
        from repositories.sqlserver.target import SqlServerTarget

        return SqlServerTarget(address, connect_seconds=connect_seconds, size=size)
    from repositories.postgres.target import PostgresTarget

    return PostgresTarget(address, connect_seconds=connect_seconds, size=size)


def _open_guest(url: GuestUrl, connect_seconds: int, size: int) -> Target:
    if url.engine == "oracle":
        from repositories.oracle import OracleTarget

        return OracleTarget(url, connect_seconds=connect_seconds)
    from repositories.mysql import MySqlTarget

    return MySqlTarget(url, connect_seconds=connect_seconds, size=size)
