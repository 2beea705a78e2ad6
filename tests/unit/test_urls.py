import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from repositories.errors import BadUrl
from repositories.urls import parse


def address(url: str) -> str:
    return parse(url).address.get_secret_value()


@pytest.mark.parametrize(
    ("url", "engine", "expected"),
    [
        ("postgresql://u:p@h:5432/db", "postgres", "postgresql://u:p@h:5432/db"),
        ("postgres://h/db", "postgres", "postgresql://h/db"),
        (" PostgreSQL://h/db\n", "postgres", "postgresql://h/db"),
        ("postgresql:///db?host=/run/pg", "postgres", "postgresql:///db?host=/run/pg"),
        ("postgresql://[::1]:5432/db", "postgres", "postgresql://[::1]:5432/db"),
        ("postgresql://u@a:1,b:2/db", "postgres", "postgresql://u@a:1,b:2/db"),
        ("mssql://sa:p@h:1433/db?encrypt=yes", "sqlserver", "mssql://sa:p@h:1433/db?encrypt=yes"),
        ("sqlserver://h/db", "sqlserver", "mssql://h/db"),
        ("Server=h;Database=d", "sqlserver", "Server=h;Database=d"),
        ("server=h;pwd=a://b", "sqlserver", "server=h;pwd=a://b"),
        ("data source=h;pwd=a://b", "sqlserver", "Server=h;PWD={a://b}"),
        ("Driver={x};SERVER=tcp:h,1433;", "sqlserver", "Driver={x};SERVER=tcp:h,1433;"),
    ],
)
def test_a_url_names_its_engine(url: str, engine: str, expected: str) -> None:
    found = parse(url)
    assert (found.engine, found.address.get_secret_value(), found.entra) == (
        engine,
        expected,
        False,
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@h/db?auth=entra", "postgresql://u@h/db"),
        ("postgresql://u@h/db?a=1&auth=entra&b=2", "postgresql://u@h/db?a=1&b=2"),
        ("mssql://h/db?auth=entra", "mssql://h/db"),
    ],
)
def test_entra_is_taken_out_of_the_address(url: str, expected: str) -> None:
    found = parse(url)
    assert found.entra
    assert found.address.get_secret_value() == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "neither postgresql://, mssql:// nor an ODBC string"),
        ("hunter2", "neither"),
        ("Database=hunter2;Uid=x", "neither"),
        ("host=h dbname=hunter2", "neither"),
        ("mysql://u:hunter2@h/db", "no engine for mysql://"),
        ("postgresql://", "names no host"),
        ("postgresql://u:hunter2@/db", "names no host"),
        ("postgresql://u:hunter2@h:port/db", "host or port is malformed"),
        ("postgresql://u:hunter2@h:99999/db", "host or port is malformed"),
        ("postgresql://u:hunter2@a:1,b:x/db", "host or port is malformed"),
        ("postgresql://u:hunter2@[::1/db", "host or port is malformed"),
        ("postgresql://u:hunter/2@h/db", "host or port is malformed"),
        ("postgresql://u:1#hunter2@h/db", "which is written %23"),
        ("postgresql://u:hunter2@h/db?auth=password", "can only be entra"),
        ("postgresql://u:hunter2@h/db?auth=entra&auth=", "can only be entra"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str, reason: str) -> None:
    with pytest.raises(BadUrl, match=reason) as refused:
        parse(url)
    assert "hunter" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("options=-c%20search_path%3Dapp", "-c search_path=app"),
        ("options=-c%20a%3D1%2B1", "-c a=1+1"),
        ("application_name=a+b", "a+b"),
        ("application_name=", ""),
    ],
)
def test_the_driver_gets_the_options_as_they_were_written(option: str, value: str) -> None:
    url = f"postgresql://h/db?{option}&auth=entra&connect_timeout=3"
    found = conninfo_to_dict(address(url))
    assert found["connect_timeout"] == "3"
    assert found.get(option.partition("=")[0], "") == value


def test_an_at_sign_in_a_password_belongs_to_the_password() -> None:
    found = conninfo_to_dict(address("postgresql://me:a@b:c@h:1/db"))
    assert (found["user"], found["password"], found["host"]) == ("me", "a@b:c", "h")


def test_a_password_does_not_show_in_the_repr() -> None:
    assert "hunter2" not in repr(parse("postgresql://u:hunter2@h/db"))


def test_the_driver_connects_to_what_was_parsed(postgres_server: str) -> None:
    url = f"{postgres_server}?options=-c%20search_path%3Dsomewhere"
    with psycopg.connect(address(url)) as connection:
        row = connection.execute("SHOW search_path").fetchone()
    assert row == ("somewhere",)
