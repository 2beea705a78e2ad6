"""pyodbc and the ODBC driver under it: a machine may have neither and run all else."""

import re
from functools import cache
from types import ModuleType

from repositories.errors import NotConfigured

MICROSOFT = re.compile(r"ODBC Driver (\d+) for SQL Server")


@cache
def load_driver() -> ModuleType:
    """pyodbc, set up for this app. NotConfigured says in one line what to install."""
    try:
        import pyodbc
    except ImportError as error:
        raise NotConfigured(
            "SQL Server needs pyodbc and unixODBC:"
            " pip install pyodbc, apt-get install unixodbc msodbcsql18"
        ) from error
    pyodbc.pooling = False  # else unixODBC keeps connections that a pool here has closed
    pyodbc.native_uuid = True
    driver: ModuleType = pyodbc
    return driver


@cache
def installed_driver() -> str:
    """The newest of Microsoft's drivers here. NotConfigured where there is none."""
    versions = [match for name in load_driver().drivers() if (match := MICROSOFT.fullmatch(name))]
    if not versions:
        raise NotConfigured(
            "no ODBC driver for SQL Server is installed:"
            " install msodbcsql18, or name one by driver= in the URL"
        )
    return max(versions, key=lambda match: int(match[1]))[0]
