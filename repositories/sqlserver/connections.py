"""How a connection to SQL Server is made."""

import socket
import struct
from typing import TYPE_CHECKING

from repositories.entra import entra_token
from repositories.errors import Unavailable
from repositories.sqlserver.driver import load_driver
from repositories.sqlserver.odbc import odbc_string, tcp_address
from repositories.sqlserver.values import SQL_DATETIMEOFFSET, utc_of_offset
from repositories.urls import DatabaseUrl

if TYPE_CHECKING:
    import pyodbc

ENTRA_SCOPE = "https://database.windows.net/.default"
SQL_COPT_SS_ACCESS_TOKEN = 1256
CONNECT_SECONDS = 5
KNOCK_SECONDS = 1.0


def connect(
    url: DatabaseUrl,
    *,
    read_only: bool = False,
    connect_seconds: int = CONNECT_SECONDS,
    name: str = "watchkeeper",
) -> "pyodbc.Connection":
    """One connection outside any pool: in autocommit, or never committing where it is to read."""
    text = odbc_string(url, read_only=read_only, name=name)
    _knock(text)
    connection: pyodbc.Connection = load_driver().connect(
        text,
        autocommit=not read_only,
        timeout=connect_seconds,
        attrs_before={SQL_COPT_SS_ACCESS_TOKEN: access_token()} if url.entra else {},
    )
    connection.add_output_converter(SQL_DATETIMEOFFSET, utc_of_offset)
    return connection


def _knock(text: str) -> None:
    """Unavailable where the server's host refuses at once: the driver would try until its timeout.

    Whatever else goes wrong here is left to the driver, which may know another way.
    """
    address = tcp_address(text)
    if address is None:
        return
    try:
        socket.create_connection(address, timeout=KNOCK_SECONDS).close()
    except ConnectionRefusedError as error:
        raise Unavailable from error
    except OSError:
        return


def access_token() -> bytes:
    """A token in the form that the driver takes."""
    token = entra_token(ENTRA_SCOPE).encode("utf-16-le")
    return struct.pack(f"<I{len(token)}s", len(token), token)
