import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.attributes import attribute_names, quoted
from repositories.sqlserver.odbc import odbc_string, tcp_address
from repositories.urls import parse

DRIVER = "driver=ODBC%20Driver%2018%20for%20SQL%20Server"
AZURE = (
    "Driver={ODBC Driver 18 for SQL Server};Server=tcp:x.database.windows.net,1433;Database=store;"
    "Uid=someone;Pwd={a;b}}c};Encrypt=yes;TrustServerCertificate=no;Connection Timeout=30;"
)


def attributes(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.lower(): value for name, _, value in reversed([*pairs])}


def test_a_url_becomes_an_odbc_string() -> None:
    text = odbc_string(parse(f"mssql://sa:secret@db.example:1444/store?{DRIVER}"))
    assert attributes(text) == {
        "driver": "{ODBC Driver 18 for SQL Server}",
        "server": "db.example,1444",
        "database": "store",
        "uid": "sa",
        "pwd": "secret",
        "encrypt": "yes",
        "app": "watchkeeper",
        "connectretrycount": "0",
    }


def test_it_is_encrypted_unless_it_says_otherwise() -> None:
    url = f"mssql://sa:x@db/store?{DRIVER}"
    assert attributes(odbc_string(parse(url)))["encrypt"] == "yes"
    assert attributes(odbc_string(parse(f"{url}&Encrypt=no")))["encrypt"] == "no"
    assert attributes(odbc_string(parse(f"{url}&encrypt=strict")))["encrypt"] == "strict"


def test_a_certificate_is_trusted_unseen_only_where_that_is_said() -> None:
    url = f"mssql://sa:x@db/store?{DRIVER}"
    assert "trust" not in odbc_string(parse(url)).lower()
    said = odbc_string(parse(f"{url}&TrustServerCertificate=yes"))
    assert attributes(said)["trustservercertificate"] == "yes"


def test_what_azure_shows_is_used_as_it_is() -> None:
    text = odbc_string(parse(AZURE))
    assert text.startswith(AZURE)
    assert text.count("Driver=") == text.count("Encrypt=") == 1


def test_reading_asks_for_a_replica_unless_the_string_says_otherwise() -> None:
    assert "ApplicationIntent=ReadOnly" in odbc_string(parse(AZURE), read_only=True)
    assert "ApplicationIntent" not in odbc_string(parse(AZURE))
    chosen = parse(f"{AZURE}ApplicationIntent=ReadWrite")
    assert "ReadOnly" not in odbc_string(chosen, read_only=True)


def test_an_entra_url_names_neither_user_nor_password() -> None:
    names = attribute_names(odbc_string(parse(f"mssql://db/store?auth=entra&{DRIVER}")))
    assert not names & {"uid", "pwd", "auth", "authentication"}


@pytest.mark.parametrize("password", ["a;b", "}{", "p@ss:w/rd", "x=y", " lead", "Driver=evil;"])
def test_a_password_of_any_characters_stays_one_value(password: str) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in password.encode())
    text = odbc_string(parse(f"mssql://sa:{escaped}@db/store?{DRIVER}"))
    assert f"PWD={quoted(password)};" in text
    assert attribute_names(text) == attribute_names(
        odbc_string(parse(f"mssql://sa:x@db/store?{DRIVER}"))
    )


@given(st.text(string.printable))
def test_whatever_is_quoted_is_read_as_one_value(value: str) -> None:
    assert attribute_names(f"a={quoted(value)};b=1") == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Server=db,1433;Database=x", ("db", 1433)),
        ("Database=x;SERVER={tcp:db.example, 1444};", ("db.example", 1444)),
        ("Data Source=tcp:db,1", ("db", 1)),
        ("Server=db;Database=x", None),
        ("Server=db\\instance,1433", None),
        ("DSN=store", None),
    ],
)
def test_a_host_and_port_are_known_where_they_are_said(
    text: str, address: tuple[str, int] | None
) -> None:
    assert tcp_address(text) == address
