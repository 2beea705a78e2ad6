"""Database URLs: which engine they name, and with whose credentials.

Forms: `postgresql://user:password@host:port/database?…`, `mssql://user:password@host:port/database?…`,
or an ODBC connection string (`Driver=…;Server=…;…`) as Azure shows it. `auth=entra` in the query
string means no password: a token from azure-identity for each new connection.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from repositories.errors import BadUrl

EngineName = Literal["postgres", "sqlserver"]

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
    if "://" not in text:
        return _odbc(text)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise BadUrl("the database URL cannot be read: its host or port is malformed") from None
    if parts.scheme not in SCHEMES:
        raise BadUrl(f"no engine for {parts.scheme}:// (postgresql:// or mssql:// are known)")
    if not parts.hostname and not parts.query:
        raise BadUrl("the database URL names no host")
    query = parse_qsl(parts.query, keep_blank_values=True)
    auth = [value for name, value in query if name == "auth"]
    if any(value != "entra" for value in auth):
        raise BadUrl("auth= in a database URL can only be entra")
    rest = urlencode([pair for pair in query if pair[0] != "auth"])
    engine = SCHEMES[parts.scheme]
    scheme = "postgresql" if engine == "postgres" else "mssql"
    address = urlunsplit((scheme, parts.netloc, parts.path, rest, ""))
    return DatabaseUrl(engine, SecretStr(address), entra=bool(auth))


def _odbc(text: str) -> DatabaseUrl:
    words = {part.partition("=")[0].strip().lower() for part in text.split(";") if "=" in part}
    if not words & {"server", "data source", "address", "addr"}:
        raise BadUrl("the database URL is neither postgresql://, mssql:// nor an ODBC string")
    return DatabaseUrl("sqlserver", SecretStr(text))
