"""What of a connection's address may be stored and shown."""

import pytest

from services.definitions.addresses import (
    STORED,
    AddressKind,
    find_fault,
    holds_secret,
    kind_of,
    shown,
)

OPEN = {
    "setting:ORDERS_URL": AddressKind.SETTING,
    "keyvault:https://vault.vault.azure.net/secrets/orders": AddressKind.KEY_VAULT,
    "keyvault:https://v.example/secrets/orders/0123456789abcdef0123456789abcdef": (
        AddressKind.KEY_VAULT
    ),
    "postgresql://db.example/x": AddressKind.URL,
    "postgresql://me@db.example:5432/x?auth=entra&sslmode=require": AddressKind.URL,
    "mssql://db.example/x?auth=entra": AddressKind.URL,
}
SECRET = (
    "postgresql://me:secret@db/x",
    "postgresql://:secret@db/x",
    "postgresql://me@db/x?password=secret",
    "postgresql://db/x?user=me&PASSWORD=secret",
    "postgresql://me@a,me:secret@b/x",
    "postgresql://me:p%40ss@db/x",
    "postgresql://me/secret@db/x",
    "mysql://me:secret@db/x",
    "oracle://me:secret@db/x",
    "mssql://sa:secret@db/x",
    "Server=db;UID=sa;PWD=secret",
    "Server=db;Authentication=Active Directory Default;Pass Word=x",
    "host=db password=secret",
    "setting:A secret",
    "keyvault:secret",
    "nonsense",
    "//me:secret@db",
    "http://[",
)


@pytest.mark.parametrize("address", OPEN)
def test_an_address_without_a_secret_is_shown(address: str) -> None:
    assert shown(address, is_encrypted=False) == address
    assert kind_of(address) is OPEN[address]


@pytest.mark.parametrize("address", SECRET)
def test_an_address_that_may_hold_a_secret_is_not_shown(address: str) -> None:
    assert holds_secret(address)
    assert shown(address, is_encrypted=False) == STORED


def test_what_is_encrypted_is_not_shown_whatever_it_looks_like() -> None:
    assert shown("setting:X", is_encrypted=True) == STORED


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("setting:X", "Oracle"),
        ("postgresql://me:secret@db/x", "PostgreSQL"),
        ("postgresql://me@a:1,b:2/x?target_session_attrs=read-only&sslmode=require", "PostgreSQL"),
        ("postgresql:///x?host=/run/postgresql&options=-c%20a%3Db", "PostgreSQL"),
        ("postgresql://me@db/x?sslmode=verify-full&sslrootcert=/etc/root.crt", "PostgreSQL"),
        ("mssql://me:secret@db/x", "SqlServer"),
        ("Server=db;UID=sa;PWD=secret", "SqlServer"),
        ("mysql://me:secret@db/x", "MySQL"),
        ("mariadb://me:secret@db/x", "MySQL"),
        ("oracle://me:secret@db/service", "Oracle"),
    ],
)
def test_an_address_fits_its_provider(address: str, provider: str) -> None:
    assert find_fault(address, provider) is None


@pytest.mark.parametrize(
    ("address", "provider", "reason"),
    [
        ("mysql://me:secret@db/x", "PostgreSQL", "leads to MySQL, and the provider is PostgreSQL"),
        ("Server=db;PWD=secret", "Oracle", "leads to SqlServer"),
        ("setting:", "Oracle", "setting:NAME"),
        ("keyvault:https://v/secrets/a", "Oracle", "keyvault:"),
        ("http://me:secret@db", "PostgreSQL", "no engine"),
        ("postgresql://me:secret@h/x?secret=1", "PostgreSQL", "an option that PostgreSQL does not"),
        ("postgresql://me:secret%zz@h/x", "PostgreSQL", "an option that PostgreSQL does not know"),
        ("postgresql://h/x?sslmode=secret", "PostgreSQL", "an option whose value"),
        ("postgresql://h/x?target_session_attrs=secret", "PostgreSQL", "an option whose value"),
        ("postgresql://a:1,b:2/x?host=secret", "PostgreSQL", "an option whose value"),
        ("postgresql://h/x?AUTH=entra", "PostgreSQL", "in small letters"),
        ("mssql://h/x?Auth=entra", "SqlServer", "in small letters"),
        ("postgresql://me:" + "secret" * 200, "PostgreSQL", "longer than 650"),
    ],
)
def test_an_address_that_does_not_is_refused_without_being_repeated(
    address: str, provider: str, reason: str
) -> None:
    fault = find_fault(address, provider)
    assert fault is not None
    assert reason in fault
    assert "secret" not in fault.replace("/secrets/", "")
