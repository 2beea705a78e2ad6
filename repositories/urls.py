"""Database URLs: which engine they name, and with whose credentials.

Forms: `postgresql://user:password@host:port/database?…`, `mssql://user:password@host:port/database?…`,
or an ODBC connection string (`Driver=…;Server=…;…`) as Azure shows it. `auth=entra` in the query
string means no password: a token from azure-identity for each new connection.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from repositories.errors import BadUrl

EngineName = Literal["postgres", "sqlserver"]

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
SCHEMES: dict[str, EngineName] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mssql": "sqlserver",
    "sqlserver": "sqlserver",
}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A checked URL; `address` is what the driver takes, without Watchkeeper's own `auth=`."""

    engine: EngineName
    address: SecretStr
    entra: bool = False


def parse(url: str) -> DatabaseUrl:
    """Raises BadUrl, whose message never repeats the URL: it may hold a password."""
    text = url.strip()
    if not SCHEME.match(text):
        return _odbc(text)
    try:
        parts = urlsplit(text)
        _check_ports(parts.netloc)
    except ValueError:
        raise BadUrl("the database URL cannot be read: its host or port is malformed") from None
    if "#" in text:
        raise BadUrl("the database URL holds a #, which is written %23 there")
    if parts.scheme not in SCHEMES:
        raise BadUrl(f"no engine for {parts.scheme}:// (postgresql:// or mssql:// are known)")
    if not parts.hostname and not parts.query:
        raise BadUrl("the database URL names no host")
    options = parts.query.split("&")
    auth = [option for option in options if option.partition("=")[0] == "auth"]
    if any(option != "auth=entra" for option in auth):
        raise BadUrl("auth= in a database URL can only be entra")
    rest = "&".join(option for option in options if option not in auth)
    engine = SCHEMES[parts.scheme]
    scheme = "postgresql" if engine == "postgres" else "mssql"
    address = f"{scheme}://{_quoted_login(parts.netloc)}{parts.path}" + (f"?{rest}" if rest else "")
    return DatabaseUrl(engine, SecretStr(address), entra=bool(auth))


def _check_ports(netloc: str) -> None:
    """Raises ValueError; PostgreSQL takes several hosts, with commas between them."""
    for host in netloc.rpartition("@")[2].split(","):
        _ = urlsplit(f"//{host}").port


def _quoted_login(netloc: str) -> str:
    """An @ in a password as %40: drivers end the password at the first one."""
    login, at, hosts = netloc.rpartition("@")
    return login.replace("@", "%40") + at + hosts


def _odbc(text: str) -> DatabaseUrl:
    words = {part.partition("=")[0].strip().lower() for part in text.split(";") if "=" in part}
    if not words & {"server", "data source", "address", "addr"}:
        raise BadUrl("the database URL is neither postgresql://, mssql:// nor an ODBC string")
    return DatabaseUrl("sqlserver", SecretStr(text))
