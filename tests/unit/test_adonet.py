import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.adonet import is_ado_net, to_odbc
from repositories.attributes import attribute_names, quoted
from repositories.errors import BadUrl
from repositories.urls import parse

PORTAL = (
    "Server=tcp:x.database.windows.net,1433;Initial Catalog=store;Persist Security Info=False;"
    "User ID=someone;Password=hunter2;MultipleActiveResultSets=False;Encrypt=True;"
    "TrustServerCertificate=False;Connection Timeout=30;"
)
PASSWORDLESS = (
    "Server=tcp:x.database.windows.net,1433;Initial Catalog=store;Encrypt=True;"
    'Authentication="Active Directory Default";User ID=someone;'
)
BASE = "Server=h;Initial Catalog=d"


def translated(rest: str) -> str:
    return to_odbc(f"{BASE};{rest}")[0].removeprefix("Server=h;Database=d").lstrip(";")


def test_what_the_portal_shows_becomes_an_odbc_string() -> None:
    url = parse(PORTAL)
    assert (url.engine, url.entra) == ("sqlserver", False)
    assert url.address.get_secret_value() == (
        "Server=tcp:x.database.windows.net,1433;Database=store;UID=someone;PWD=hunter2;"
        "Encrypt=yes;TrustServerCertificate=no"
    )


def test_the_default_of_active_directory_is_a_token_in_place_of_the_login() -> None:
    url = parse(PASSWORDLESS)
    assert url.entra
    assert attribute_names(url.address.get_secret_value()) == {"server", "database", "encrypt"}


@pytest.mark.parametrize(
    ("said", "odbc"),
    [
        ("User ID=u", "UID=u"),
        ("UserID = u ", "UID=u"),
        ("Uid=u;Pwd=p", "UID=u;PWD=p"),
        ("Encrypt=False", "Encrypt=no"),
        ("Encrypt=Strict", "Encrypt=strict"),
        ("encrypt=Mandatory", "Encrypt=yes"),
        ("Integrated Security=SSPI", "Trusted_Connection=yes"),
        ("Trust Server Certificate=True", "TrustServerCertificate=yes"),
        ("Application Name=my app", "APP={my app}"),
        ("Connect Timeout=5;Max Pool Size=10;Pooling=true", ""),
        ("Authentication=Sql Password", ""),
        (
            "Authentication=Active Directory Managed Identity;User Id=u",
            "Authentication=ActiveDirectoryMsi;UID=u",
        ),
        ("Password=", ""),
        ("Password=first;Password=last", "PWD=last"),
        ("Password=a=b", "PWD={a=b}"),
        ("Password='a;b''c'", "PWD={a;b'c}"),
        ('Password="a;b""c}"', 'PWD={a;b"c}}}'),
    ],
)
def test_each_keyword_has_its_word_in_odbc(said: str, odbc: str) -> None:
    assert translated(said) == odbc


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_password_in_quotes_arrives_whatever_it_holds(password: str) -> None:
    for quote in ('"', "'"):
        said = quote + password.replace(quote, quote * 2) + quote
        expected = f"PWD={quoted(password)}" if password else ""
        assert translated(f"Password={said}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Driver={ODBC Driver 18 for SQL Server};Server=h;Database=d;Uid=u;Pwd={p};"
        "Encrypt=yes;Connection Timeout=30;",
        "DSN=store;Server=h;User ID=u",
        "Server=h;Database=d;Uid=u;Pwd=p",
        "Server=h;Pwd={a;b=c};KeepAlive=30",
    ],
)
def test_what_odbc_could_have_said_is_left_as_it_is(text: str) -> None:
    assert not is_ado_net(text)
    assert parse(text).address.get_secret_value() == text


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("Colour=hunter2", "unknown keyword: Colour$"),
        ("Attach Db File=hunter2", "unknown keyword: Attach Db File$"),
        ("Password=a;hunter2}=b", "unknown keyword$"),
        ("Password=a;hunter2", "stands in quotes"),
        ("Password='hunter2", "stands in quotes"),
        ("Password='hunter'2", "stands in quotes"),
        ("Encrypt=hunter2", "value for Encrypt that is not known"),
        ("Authentication=hunter2", "value for Authentication that is not known"),
    ],
)
def test_what_is_not_understood_is_named_without_its_value(rest: str, reason: str) -> None:
    with pytest.raises(BadUrl, match=reason) as refused:
        parse(f"{BASE};{rest}")
    assert "hunter" not in str(refused.value)
