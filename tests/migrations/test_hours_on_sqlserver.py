"""Results by the hour, beside what another application has made."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.migrations.samples import Command

Ask = Callable[..., list[Any]]
SUMMARY = "monitoring.vw_DatabaseMonitoringSummary"
COLUMNS = f"SELECT LOWER(name) FROM sys.columns WHERE object_id = OBJECT_ID(N'{SUMMARY}')"  # noqa: S608
REVISIONS = "SELECT MAX(version_num) FROM monitoring.schema_version"


def test_the_summary_of_another_application_stays_on_the_way_up_and_down(
    ask: Ask, on_sqlserver: Command
) -> None:
    ask("CREATE SCHEMA monitoring")
    ask(f"CREATE VIEW {SUMMARY} AS SELECT 7 AS theirs")
    assert on_sqlserver("up").code == 0
    assert ask(COLUMNS) == [("theirs",)]
    assert on_sqlserver("down", "0006").code == 0
    assert ask(COLUMNS) == [("theirs",)]


def test_on_the_way_back_the_summary_reads_every_result_again(
    ask: Ask, on_sqlserver: Command
) -> None:
    assert on_sqlserver("up").code == 0
    columns = sorted(ask(COLUMNS))
    assert on_sqlserver("down", "0006").code == 0
    assert sorted(ask(COLUMNS)) == columns
    assert ask("SELECT OBJECT_ID(N'monitoring.DatabaseMonitoringHours')") == [(None,)]
    assert ask(f"SELECT COUNT(*) FROM {SUMMARY}") == [(0,)]  # noqa: S608
    assert on_sqlserver("down", "base").code == 0
    assert ask(f"SELECT OBJECT_ID(N'{SUMMARY}')") == [(None,)]


@pytest.mark.parametrize("table", ["DatabaseMonitoringHours", "MonitoringRollup"])
def test_tables_of_these_names_stop_it_before_anything_is_changed(
    ask: Ask, on_sqlserver: Command, table: str
) -> None:
    assert on_sqlserver("up", "0006").code == 0
    ask(f"CREATE TABLE monitoring.{table} (Id int NOT NULL)")
    refused = on_sqlserver("up")
    assert refused.code == 1
    assert "is there already, and is none of Watchkeeper's" in refused.err
    assert ask(REVISIONS) == [("0006",)]
