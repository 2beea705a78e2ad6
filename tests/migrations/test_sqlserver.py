"""What can be said of SQL Server without one."""

from importlib.util import find_spec

import pytest

from repositories.migrations.__main__ import main
from repositories.migrations.sqlserver import odbc_string
from repositories.urls import parse


def test_a_url_becomes_an_odbc_string() -> None:
    url = parse("mssql://sa:p%3Bw%7D@db.example:1444/store?TrustServerCertificate=yes")
    assert odbc_string(url) == (
        "TrustServerCertificate=yes;Driver={ODBC Driver 18 for SQL Server};"
        "Server=db.example,1444;Database=store;UID=sa;PWD={p;w}}}"
    )


def test_an_entra_url_names_neither_user_nor_password() -> None:
    assert "UID" not in odbc_string(parse("mssql://db.example/store?auth=entra"))


def test_an_odbc_string_stays_as_it_is() -> None:
    text = "Driver={any};Server=db;Database=store"
    assert odbc_string(parse(text)) == text


@pytest.mark.skipif(find_spec("pyodbc") is not None, reason="pyodbc is installed")
def test_without_pyodbc_the_message_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--url", "mssql://sa:hidden@db.example/store", "status"]) == 1
    assert capsys.readouterr().err.startswith("SQL Server needs pyodbc and unixODBC: ")
