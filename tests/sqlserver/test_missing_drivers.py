"""A machine without what SQL Server needs runs all else, and says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
from repositories.engines import open_database
from repositories.errors import NotConfigured

database = open_database(
    "mssql://sa:secret@127.0.0.1:1/store",
    setting="STORE_URL", size=1, timeout_seconds=1, names={"schema": "app"},
)
try:
    database.ping()
except NotConfigured as error:
    print(error)
"""


def say(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
    )
    return done.stdout


@pytest.mark.parametrize("option", ["", "?driver=/some/driver.so"])
def test_without_pyodbc_every_use_says_what_to_install(option: str) -> None:
    ask = ASK.replace("/store", f"/store{option}")
    assert say(f"import sys; sys.modules['pyodbc'] = None\n{ask}") == (
        "STORE_URL: SQL Server needs pyodbc and unixODBC:"
        " pip install pyodbc, apt-get install unixodbc msodbcsql18\n"
    )


def test_without_an_odbc_driver_every_use_says_what_to_install(tmp_path: Path) -> None:
    pytest.importorskip(
        "pyodbc",
        reason="SQL Server: pyodbc or unixODBC is not installed",
        exc_type=ImportError,
    )
    (tmp_path / "odbcinst.ini").touch()
    assert say(ASK, ODBCSYSINI=str(tmp_path), ODBCINSTINI="odbcinst.ini", HOME=str(tmp_path)) == (
        "STORE_URL: no ODBC driver for SQL Server is installed:"
        " install msodbcsql18, or name one by driver= in the URL\n"
    )


def test_neither_driver_is_imported_before_its_engine_is_opened() -> None:
    loaded = say(
        "import sys, repositories.engines, repositories.sqlserver;"
        " print(sorted({'pyodbc', 'psycopg'} & set(sys.modules)))"
    )
    assert loaded == "[]\n"
