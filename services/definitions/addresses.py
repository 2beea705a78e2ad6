"""Where a connection leads: what may be stored, and what of it may be shown.

An address is a database URL, or says where one stands: `setting:NAME` in an app setting,
`keyvault:https://VAULT/secrets/NAME` in Azure Key Vault. What may hold a secret is never shown.
"""

import re
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from repositories.errors import BadUrl
from repositories.key_vault import NO_REFERENCE, is_reference
from repositories.targets import read_target
from repositories.urls import parse_target
from services.definitions.documents import LONGEST_ADDRESS

STORED = "(stored)"
PROVIDERS = {
    "postgres": "PostgreSQL",
    "sqlserver": "SqlServer",
    "mysql": "MySQL",
    "oracle": "Oracle",
}
SETTING = re.compile(r"setting:[A-Za-z_][A-Za-z0-9_]{0,99}")
_WORDS = r"pass|pwd|secret|token|key|sig|credential"
SECRETIVE = re.compile(_WORDS, re.IGNORECASE)
GIVEN = re.compile(rf"(?:{_WORDS})\w*=", re.IGNORECASE)
CUSTOM = re.compile(r"\w\.\w+\s*=")
"""A setting of an extension or of nobody, given to a session: it may hold anything."""


class AddressKind(StrEnum):
    URL = "url"
    SETTING = "setting"
    KEY_VAULT = "keyvault"


class Sealer(Protocol):
    """Makes what is stored of an address that holds a secret."""

    def seal(self, address: str) -> tuple[str, bool]:
        """What is to be stored, and whether that is encrypted. NotConfigured where it must be and
        there is no key.
        """
        ...

    def unseal(self, stored: str) -> str:
        """The address again; a StorageError where there is no key that fits."""
        ...

    def known_url(self, address: str) -> str | None:
        """What an app setting says, where one is named and set; nobody else is asked."""
        ...


def kind_of(address: str) -> AddressKind:
    if address.startswith("setting:"):
        return AddressKind.SETTING
    return AddressKind.KEY_VAULT if address.startswith("keyvault:") else AddressKind.URL


def shown(address: str, *, is_encrypted: bool) -> str:
    """The address where there can be no secret in it."""
    return STORED if is_encrypted or holds_secret(address) else address


def holds_secret(address: str) -> bool:
    """Whether it may: a URL with a password, what seems to give one its value, and what is neither
    a reference nor the address of a database.
    """
    if SETTING.fullmatch(address) or is_reference(address):
        return False
    if GIVEN.search("".join(unquote(address).split())):  # ADO.NET takes Pass Word for Password
        return True
    if "://" not in address:
        return not _is_understood(address)
    try:
        parts = urlsplit(address)
        login, _, _ = parts.netloc.rpartition("@")
        options = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return True
    is_plain = ":" not in unquote(login) and "@" not in parts.path
    return not is_plain or any(
        SECRETIVE.search(name) or CUSTOM.search(value) for name, value in options
    )


def _is_understood(address: str) -> bool:
    """Where it is not, nobody knows what in it is the password."""
    try:
        parse_target(address)
    except BadUrl:
        return False
    return True


def find_fault(address: str, provider: str) -> str | None:
    """Why it cannot be stored; never a part of it."""
    if len(address.encode(errors="replace")) > LONGEST_ADDRESS:
        return f"longer than {LONGEST_ADDRESS} bytes in UTF-8"
    kind = kind_of(address)
    if kind is AddressKind.SETTING:
        return None if SETTING.fullmatch(address) else "names no app setting: setting:NAME"
    if kind is AddressKind.KEY_VAULT:
        return None if is_reference(address) else NO_REFERENCE
    try:
        read_target(address)
    except BadUrl as error:
        return str(error)
    return find_other_provider(address, provider)


def find_other_provider(url: str, provider: str) -> str | None:
    """Where it leads to another kind of database than its provider makes; never a part of it."""
    try:
        found = PROVIDERS[parse_target(url).engine]
    except BadUrl:
        return None
    if found == provider:
        return None
    return f"leads to {found}, and the provider is {provider}"
