"""What ODBC is told of a database: a URL as a connection string, or such a string completed."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from repositories.attributes import attribute_names, attributes_of, join_attributes
from repositories.sqlserver.driver import installed_driver
from repositories.urls import SCHEME, DatabaseUrl

DEFAULT_PORT = 1433
TCP_ADDRESS = re.compile(r"(?:tcp:)?([^,\\]+),\s*(\d+)", re.IGNORECASE)
ADDRESS = ("server", "data source", "address", "addr")


def odbc_string(url: DatabaseUrl, *, read_only: bool = False, name: str = "watchkeeper") -> str:
    """Everything that stands in the URL or string holds; what it leaves open is added.

    Encrypted unless it says otherwise, and to a certificate that is valid. `read_only` asks an
    availability group for a replica that may be read; it makes nothing read-only by itself.
    NotConfigured where it names no driver and none is installed.
    """
    address = url.address.get_secret_value()
    text = join_attributes(_of_url(address)) if SCHEME.match(address) else address.rstrip("; ")
    return f"{text};{join_attributes(_missing(text, read_only=read_only, name=name))}"


def _of_url(address: str) -> Iterator[tuple[str, str]]:
    """A login that is not there is left out: a token or the URL's own attributes stand for it."""
    parts = urlsplit(address)
    options = parse_qsl(parts.query)
    named = {key.lower() for key, _ in options}
    yield from options
    if not named & {*ADDRESS}:
        yield "Server", f"{unquote(parts.hostname or '')},{parts.port or DEFAULT_PORT}"
    for key, value in (
        ("Database", parts.path.lstrip("/")),
        ("UID", parts.username or ""),
        ("PWD", parts.password or ""),
    ):
        if value and key.lower() not in named:
            yield key, unquote(value)


def _missing(text: str, *, read_only: bool, name: str) -> Iterator[tuple[str, str]]:
    named = attribute_names(text)
    if not named & {"driver", "dsn", "filedsn"}:
        yield "Driver", installed_driver()
    wanted = {"Encrypt": "yes", "APP": name, "ConnectRetryCount": "0"}
    if read_only:
        wanted["ApplicationIntent"] = "ReadOnly"
    yield from ((key, value) for key, value in wanted.items() if key.lower() not in named)


def tcp_address(text: str) -> tuple[str, int] | None:
    """Host and port of an ODBC string; None where it leaves the port for the driver to find."""
    servers = (value for name, value in attributes_of(text) if name.lower() in ADDRESS)
    address = TCP_ADDRESS.fullmatch(next(servers, "").strip("{} "))
    return None if address is None else (address[1].strip(), int(address[2]))
