"""What KPIs need is added to tables of another application, and taken from them again."""

from collections.abc import Callable
from typing import Any

import pytest

from repositories.sqlserver.driver import load_driver
from tests.migrations.samples import Command

Ask = Callable[..., list[Any]]
THEIRS = """
    CREATE TABLE monitoring.Indicators (
        Code          int IDENTITY(1, 1) NOT NULL PRIMARY KEY,
        IndicatorName nvarchar(255)      NOT NULL,
        Tags          nvarchar(max)      NULL,
        LeasedUntil   datetime2          NULL)
"""
COLUMNS = """
    SELECT LOWER(name) FROM sys.columns WHERE object_id = OBJECT_ID(N'monitoring.{}')
"""
INDEXES = """
    SELECT COUNT(DISTINCT index_id) FROM sys.index_columns
     WHERE object_id = OBJECT_ID(N'monitoring.{}')
"""
ADD = """
    INSERT INTO monitoring.Indicators
           (IndicatorName, ConnectionId, QueryId, CreatedBy, ModifiedBy, {}) VALUES
           (N'one', NEWID(), NEWID(), N'a', N'a', {})
"""

NONSENSE = {
    "JitterSeconds": "-1",
    "MaxConsecutive": "0",
    "RecoverAfter": "101",
    "CompareTo": "N'tomorrow'",
    "DeviationUnit": "N'apples'",
    "DeviationSide": "N'inside'",
    "WarningDeviation": "0",
    "CriticalDeviation": "-0.5",
    "ForecastHours": "9000",
}


def columns(ask: Ask, table: str) -> set[str]:
    """In small letters: not every server keeps the others."""
    return {name for (name,) in ask(COLUMNS.format(table))}


def test_kpis_of_another_application_gain_columns_and_lose_them_again(
    ask: Ask, on_sqlserver: Command
) -> None:
    ask("CREATE SCHEMA monitoring")
    ask(THEIRS)
    ask("INSERT INTO monitoring.Indicators (IndicatorName, Tags) VALUES (N'theirs', N'x')")
    assert on_sqlserver("up", "0005").code == 0
    before = columns(ask, "Indicators")
    assert on_sqlserver("up", "0006").code == 0
    assert ask("SELECT Tags, Version, MaxConsecutive, CompareTo FROM monitoring.Indicators") == [
        ("x", 1, 1, None)
    ]
    after = columns(ask, "Indicators")
    assert (before - after, "leaseduntil" in after) == ({"leaseid"}, True)
    assert on_sqlserver("down", "0005").code == 0
    assert columns(ask, "Indicators") == before
    assert ask("SELECT Tags FROM monitoring.Indicators") == [("x",)]


@pytest.mark.parametrize("table", ["Indicators", "WorkerJobs", "DeadLetterQueue"])
def test_a_table_of_ours_is_after_the_way_back_as_it_was(
    ask: Ask, on_sqlserver: Command, table: str
) -> None:
    def shape() -> tuple[set[str], list[Any]]:
        return columns(ask, table), ask(INDEXES.format(table))

    assert on_sqlserver("up", "0005").code == 0
    before = shape()
    assert on_sqlserver("up", "0006").code == 0
    assert shape() != before
    assert on_sqlserver("down", "0005").code == 0
    assert shape() == before


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "ALTER TABLE monitoring.Indicators ADD JitterSeconds nvarchar(9) NULL",
            "monitoring.Indicators.JitterSeconds is nvarchar(9), and int is needed",
        ),
        (
            "ALTER TABLE monitoring.DatabaseMonitoringResults ADD RawNumber decimal(9, 4) NULL",
            "monitoring.DatabaseMonitoringResults.RawNumber is decimal(9, 4),"
            " and decimal(38, 10) is needed",
        ),
        (
            "CREATE TABLE monitoring.PerformanceBaselines (Colour nvarchar(20) NOT NULL)",
            "monitoring.PerformanceBaselines.Colour may not be NULL, has no default,"
            " and would get no value from Watchkeeper",
        ),
        (
            "CREATE VIEW monitoring.PerformanceBaselines AS SELECT 1 AS theirs",
            "monitoring.PerformanceBaselines is there and is no table",
        ),
    ],
)
def test_what_cannot_be_built_upon_is_named_before_anything_is_changed(
    ask: Ask, on_sqlserver: Command, statement: str, said: str
) -> None:
    assert on_sqlserver("up", "0005").code == 0
    ask(statement)
    before = columns(ask, "Indicators")
    refused = on_sqlserver("up")
    assert refused.code == 1
    assert f"nothing is changed: {said}".lower() in refused.err.lower()
    assert columns(ask, "Indicators") == before
    assert ask("SELECT COUNT(*) FROM monitoring.schema_made WHERE revision = N'0006'") == [(0,)]


def test_nonsense_is_refused(ask: Ask, on_sqlserver: Command) -> None:
    assert on_sqlserver("up").code == 0
    for column, value in NONSENSE.items():
        with pytest.raises(load_driver().Error, match=r"(?i)ck_indicators_"):
            ask(ADD.format(column, value))
