"""What can be said of SQL Server's migrations without a server."""

from dataclasses import dataclass
from importlib.util import find_spec

import pytest

from repositories.migrations.__main__ import main
from repositories.migrations.catalogue import Schema
from repositories.migrations.differences import compare_schemas, type_fits
from repositories.migrations.presence import ask_first
from repositories.migrations.sqlserver_catalogue import plain_default, type_name


@pytest.mark.skipif(find_spec("pyodbc") is not None, reason="pyodbc is installed")
def test_without_pyodbc_the_message_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--url", "mssql://sa:hidden@db.example/store", "status"]) == 2
    assert capsys.readouterr().err.startswith("SQL Server needs pyodbc and unixODBC: ")


def test_a_marked_batch_asks_whether_its_view_is_there() -> None:
    batch = "-- Views ---\n\n-- unless it is there\n-- Odd.\nCREATE VIEW app.odd AS SELECT 'x' a;"
    assert ask_first(batch, "0007") == (
        "IF OBJECT_ID(N'app.odd') IS NULL\n"
        "BEGIN\n"
        "    EXEC (N'-- Odd.\nCREATE VIEW app.odd AS SELECT ''x'' a;');\n"
        "    INSERT INTO monitoring.schema_made (revision, kind, owner, name)\n"
        "    VALUES (N'0007', N'view', N'', N'app.odd');\n"
        "END;"
    )


@pytest.mark.parametrize(
    "batch",
    [
        "CREATE VIEW app.odd AS SELECT 1 AS a;",
        "SELECT 1;\n-- unless it is there\nCREATE VIEW app.odd AS SELECT 1 AS a;",
    ],
)
def test_a_batch_that_does_not_begin_with_the_mark_runs_as_it_stands(batch: str) -> None:
    assert ask_first(batch, "0007") == batch


@pytest.mark.parametrize(
    ("definition", "plain"),
    [
        ("((5))", "5"),
        ("(N'Starting')", "'Starting'"),
        ("(newid())", "newid()"),
        ("(sysutcdatetime())", "sysutcdatetime()"),
        ("CAST(('Starting') AS nvarchar(8))", "'Starting'"),
        ("(N'{}')", "'{}'"),
    ],
)
def test_a_default_is_the_same_in_the_words_of_any_server(definition: str, plain: str) -> None:
    assert plain_default(definition) == plain


@pytest.mark.parametrize(
    ("ours", "theirs", "fits"),
    [
        ("int", "int", True),
        ("int", "bigint", False),
        ("nvarchar(100)", "nvarchar(255)", True),
        ("nvarchar(100)", "nvarchar(max)", True),
        ("nvarchar(100)", "nvarchar(99)", False),
        ("nvarchar(max)", "nvarchar(4000)", False),
        ("nvarchar(100)", "varchar(100)", False),
        ("decimal(18, 4)", "decimal(20, 6)", True),
        ("decimal(18, 4)", "decimal(18, 6)", False),
        ("decimal(18, 4)", "decimal(18, 2)", False),
        ("datetime2", "datetimeoffset", False),
    ],
)
def test_a_column_fits_that_holds_all_that_ours_does(ours: str, theirs: str, fits: bool) -> None:
    assert type_fits(ours, theirs) is fits


def table(**columns: str) -> Schema:
    facts = {name: {"type": type, "nullable": True} for name, type in columns.items()}
    return {"tables": {"monitoring.a": {"columns": facts, "constraints": {}}}}


@pytest.mark.parametrize("elsewhere", [[], ["monitoring.a"]])
def test_what_was_made_elsewhere_matters_only_where_a_column_is_of_no_use(
    elsewhere: list[str],
) -> None:
    ours = table(b="nvarchar(9)", c="int", d="int")
    ours["tables"]["monitoring.a"]["constraints"]["ck_a"] = {"kind": "check"}
    theirs = table(b="nvarchar(max)", c="datetime2", e="int")
    found = compare_schemas(ours, theirs, elsewhere)
    assert {str(each) for each in found if each.matters} - ALWAYS == (
        set() if elsewhere else {"missing: constraint ck_a of monitoring.a", f"different: {WIDER}"}
    )
    assert {str(each) for each in found if not each.matters} == (
        {
            "made elsewhere: missing constraint ck_a of monitoring.a",
            "made elsewhere: extra column e of monitoring.a",
            f"made elsewhere: different {WIDER}",
        }
        if elsewhere
        else {"extra: column e of monitoring.a"}
    )


WIDER = "column b of monitoring.a: type is nvarchar(max), expected nvarchar(9)"
ALWAYS = {
    "different: column c of monitoring.a: type is datetime2, expected int",
    "missing: column d of monitoring.a",
}


def test_what_is_missing_was_made_nowhere() -> None:
    (missing,) = compare_schemas(table(), {"tables": {}}, ["monitoring.a"])
    assert missing.matters


@dataclass
class LiveColumn:
    """A row of the catalogue."""

    type: str
    size: int = 0
    digits: int = 0
    scale: int = 0


@pytest.mark.parametrize(
    ("column", "declared"),
    [
        (LiveColumn("nvarchar", size=200), "nvarchar(100)"),
        (LiveColumn("nvarchar", size=-1), "nvarchar(max)"),
        (LiveColumn("varchar", size=32), "varchar(32)"),
        (LiveColumn("numeric", size=9, digits=18, scale=4), "decimal(18, 4)"),
        (LiveColumn("datetime2", size=8, digits=27, scale=7), "datetime2"),
    ],
)
def test_a_type_is_named_as_it_is_declared(column: LiveColumn, declared: str) -> None:
    assert type_name(column) == declared
