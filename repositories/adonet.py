"""Connection strings of ADO.NET, which the Azure portal shows first, in the words of ODBC.

Both are `Name=value;…`, and many names are the same. A string is ODBC's where it names a driver, or
says nothing that only ADO.NET would.
"""

import re
from collections.abc import Iterator

from repositories.attributes import attributes_of, join_attributes
from repositories.errors import BadUrl

# A value in quotes holds its own quotes twice; braces are nothing special here.
PAIR = re.compile(
    r"[\s;]*([^=;]+?)\s*=\s*(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|(?![\"'])[^;]*?)\s*(?:;[\s;]*|$)"
)
KEYWORD = re.compile(r"[A-Za-z][A-Za-z _]{0,40}")
DRIVERS = {"driver", "dsn", "filedsn"}
# By what ODBC calls it, what else ADO.NET does. A keyword is known with its spaces and without.
SYNONYMS = {
    "Server": "data source, addr, address, network address",
    "Database": "initial catalog",
    "UID": "user id, user",
    "PWD": "password",
    "Authentication": "",
    "Trusted_Connection": "integrated security",
    "Encrypt": "",
    "TrustServerCertificate": "trust server certificate",
    "HostnameInCertificate": "host name in certificate",
    "ServerCertificate": "server certificate",
    "ServerSPN": "server spn",
    "ApplicationIntent": "application intent",
    "MultiSubnetFailover": "multi subnet failover",
    "Failover_Partner": "failover partner",
    "IpAddressPreference": "ip address preference",
    "ConnectRetryCount": "connect retry count",
    "ConnectRetryInterval": "connect retry interval",
    "PacketSize": "packet size",
    "APP": "application name",
    "WSID": "workstation id",
    "Language": "current language",
}
# Watchkeeper's own affair, or nothing outside .NET.
LEFT_OUT = (
    "connection timeout, connect timeout, timeout, command timeout, persist security info,"
    " multiple active result sets, pooling, min pool size, max pool size, pool blocking period,"
    " connection lifetime, load balance timeout, connection reset, enlist, replication,"
    " transaction binding, type system version, transparent network ip resolution"
)
SWITCHES = {"Encrypt", "TrustServerCertificate", "Trusted_Connection", "MultiSubnetFailover"}
SWITCHED = {
    **dict.fromkeys(("true", "yes", "mandatory", "sspi"), "yes"),
    **dict.fromkeys(("false", "no", "optional"), "no"),
    "strict": "strict",
}
ENTRA = "entra"
AUTHENTICATIONS = {
    "active directory default": ENTRA,
    "active directory managed identity": "ActiveDirectoryMsi",
    "active directory msi": "ActiveDirectoryMsi",
    "active directory password": "ActiveDirectoryPassword",
    "active directory service principal": "ActiveDirectoryServicePrincipal",
    "sql password": "",
}


def is_ado_net(text: str) -> bool:
    said = {name.lower(): value.lower() for name, value in attributes_of(text)}
    if said.keys() & DRIVERS:
        return False
    return bool(said.keys() & ADO_NET_ONLY) or not {"true", "false"}.isdisjoint(said.values())


def to_odbc(text: str) -> tuple[str, bool]:
    """The string for ODBC, and whether an Entra token stands for the login.

    Of two values for one thing the last one counts. BadUrl names a keyword that is unknown, or
    whose value cannot be used, and repeats no value.
    """
    found: dict[str, str] = {}
    for name, value in _pairs(text):
        word = WORDS.get(_spelling(name))
        if word is None:
            raise BadUrl(f"the ADO.NET connection string has an unknown keyword{_shown(name)}")
        if word:
            found[word] = _value(word, value)
    entra = found.get("Authentication") == ENTRA
    left_out = {"Authentication", "UID", "PWD"} if entra else set()
    kept = ((word, value) for word, value in found.items() if value and word not in left_out)
    return join_attributes(kept), entra


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    end = 0
    while end < len(text):
        match = PAIR.match(text, end)
        if match is None:
            raise BadUrl(
                "the ADO.NET connection string cannot be read: a value with ; or quotes in it"
                " stands in quotes"
            )
        yield match[1], _unquoted(match[2])
        end = match.end()


def _unquoted(value: str) -> str:
    quote = value[:1]
    return value[1:-1].replace(quote * 2, quote) if quote in ("'", '"') else value


def _shown(name: str) -> str:
    """What is no word may be part of a password that stands without its quotes."""
    return f": {name}" if KEYWORD.fullmatch(name) else ""


def _value(word: str, value: str) -> str:
    """As ODBC has it; empty where it says nothing."""
    if word == "Authentication":
        known: dict[str, str] = AUTHENTICATIONS
    elif word in SWITCHES:
        known = SWITCHED
    else:
        return value
    if not value:
        return ""
    if value.lower() not in known:
        raise BadUrl(f"the ADO.NET connection string has a value for {word} that is not known")
    return known[value.lower()]


def _spelling(name: str) -> str:
    return "".join(name.lower().split())


def _words() -> dict[str, str]:
    """What ODBC calls each keyword; nothing where it is left out."""
    named = {
        _spelling(synonym): word
        for word, synonyms in SYNONYMS.items()
        for synonym in (word, *synonyms.split(","))
        if synonym
    }
    return {**named, **{_spelling(name): "" for name in LEFT_OUT.split(",")}}


WORDS = _words()
ADO_NET_ONLY = {
    name.strip()
    for names in (*SYNONYMS.values(), LEFT_OUT)
    for name in names.split(",")
    if name.strip() not in ("", "addr", "address", "replication")
} | {"multipleactiveresultsets", "persistsecurityinfo"}
