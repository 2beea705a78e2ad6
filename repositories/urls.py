"""Database URLs: which engine they name, and with whose credentials.

Forms: `postgresql://user:password@host:port/database?…`, `mssql://user:password@host:port/database?…`,
or a connection string as Azure shows it, of ODBC (`Driver=…;Server=…;…`) or ADO.NET
(`Server=…;Initial Catalog=…;…`). `auth=entra` in the query string, and in a string of ADO.NET
`Authentication=Active Directory Default`, means no password: a token from azure-identity for each
new connection.

A target of KPIs may also be `mysql://user:password@host:port/database?tls=…` or
`oracle://user:password@host:port/service?tls=…`. `tls` is verify (the server's certificate must be
valid), yes (any certificate will do; MySQL only) or no; MySQL's default is verify, Oracle's no.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from repositories.adonet import is_ado_net, to_odbc
from repositories.attributes import attribute_names
from repositories.errors import BadUrl

EngineName = Literal["postgres", "sqlserver"]
GuestName = Literal["mysql", "oracle"]
Tls = Literal["verify", "yes", "no"]

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
SCHEMES: dict[str, EngineName] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mssql": "sqlserver",
    "sqlserver": "sqlserver",
}
GUESTS: dict[str, GuestName] = {"mysql": "mysql", "mariadb": "mysql", "oracle": "oracle"}
GUEST_PORTS: dict[GuestName, int] = {"mysql": 3306, "oracle": 1521}
GUEST_TLS: dict[GuestName, tuple[Tls, ...]] = {
    "mysql": ("verify", "yes", "no"),
    "oracle": ("no", "verify"),
}
"""The first of each is the default. A listener of Oracle's speaks TLS on a port of its own."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A checked URL; `address` is what the driver takes, without Watchkeeper's own `auth=`."""

    engine: EngineName
    address: SecretStr
    entra: bool = False


@dataclass(frozen=True, slots=True)
class GuestUrl:
    """A database that can be a target and nothing else, in the parts that its driver takes."""

    engine: GuestName
    host: str
    port: int
    user: str
    password: SecretStr
    database: str
    tls: Tls


def parse(url: str) -> DatabaseUrl:
    """Raises BadUrl, whose message never repeats the URL: it may hold a password."""
    text = url.strip()
    if not SCHEME.match(text):
        return _of_string(text)
    parts = _split(text)
    if parts.scheme in GUESTS:
        raise BadUrl(
            f"no engine for {parts.scheme}:// here: such a database can only be a target of checks"
        )
    if parts.scheme not in SCHEMES:
        raise BadUrl(f"no engine for {parts.scheme}:// (postgresql:// or mssql:// are known)")
    if not parts.hostname and not parts.query:
        raise BadUrl("the database URL names no host")
    options = parts.query.split("&")
    auth = [option for option in options if option.partition("=")[0].lower() == "auth"]
    if any(option != "auth=entra" for option in auth):
        raise BadUrl("auth= in a database URL can only be entra, in small letters")
    rest = "&".join(option for option in options if option not in auth)
    engine = SCHEMES[parts.scheme]
    scheme = "postgresql" if engine == "postgres" else "mssql"
    address = f"{scheme}://{_quoted_login(parts.netloc)}{parts.path}" + (f"?{rest}" if rest else "")
    return DatabaseUrl(engine, SecretStr(address), entra=bool(auth))


def parse_target(url: str) -> DatabaseUrl | GuestUrl:
    """As parse, and the databases that only KPIs run against."""
    text = url.strip()
    if text.partition("://")[0].lower() not in GUESTS:
        return parse(text)
    parts = _split(text)
    engine = GUESTS[parts.scheme]
    database = unquote(parts.path.lstrip("/"))
    if not parts.hostname or not parts.username:
        raise BadUrl(f"a {parts.scheme}:// URL names a user and a host")
    if engine == "oracle" and not database:
        raise BadUrl("an oracle:// URL names a service: oracle://user:password@host:port/service")
    return GuestUrl(
        engine=engine,
        host=parts.hostname,
        port=parts.port or GUEST_PORTS[engine],
        user=unquote(parts.username),
        password=SecretStr(unquote(parts.password or "")),
        database=database,
        tls=_tls(engine, parts),
    )


def _tls(engine: GuestName, parts: SplitResult) -> Tls:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    choices = GUEST_TLS[engine]
    tls = options.pop("tls", choices[0])
    if options or tls not in choices:
        known = " or ".join(f"tls={choice}" for choice in choices)
        raise BadUrl(f"a {parts.scheme}:// URL has no option but {known}")
    return tls


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _check_ports(parts.netloc)
    except ValueError:
        raise BadUrl("the database URL cannot be read: its host or port is malformed") from None
    if "#" in text:
        raise BadUrl("the database URL holds a #, which is written %23 there")
    return parts


def _check_ports(netloc: str) -> None:
    """Raises ValueError; PostgreSQL takes several hosts, with commas between them."""
    for host in netloc.rpartition("@")[2].split(","):
        _ = urlsplit(f"//{host}").port


def _quoted_login(netloc: str) -> str:
    """An @ in a password as %40: drivers end the password at the first one."""
    login, at, hosts = netloc.rpartition("@")
    return login.replace("@", "%40") + at + hosts


def _of_string(text: str) -> DatabaseUrl:
    if not attribute_names(text) & {"server", "data source", "address", "addr", "network address"}:
        raise BadUrl(
            "the database URL is neither postgresql://, mssql:// nor an ODBC string,"
            " nor one of ADO.NET"
        )
    if not is_ado_net(text):
        return DatabaseUrl("sqlserver", SecretStr(text))
    address, entra = to_odbc(text)
    return DatabaseUrl("sqlserver", SecretStr(address), entra=entra)
