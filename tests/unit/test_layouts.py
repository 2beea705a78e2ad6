"""A jobs database of an earlier system: what its tables have is read, what they lack is empty."""

import pytest

from repositories.contracts.databases import Row
from repositories.errors import Unavailable
from repositories.layouts import EVERYTHING, columns_by_table, flags_of, layout_of


def rows_of(columns: dict[str, list[str]]) -> list[Row]:
    return [
        {"table_name": table, "column_name": column}
        for table, names in columns.items()
        for column in names
    ]


def ours() -> dict[str, list[str]]:
    return {table: [*columns] for table, columns in EVERYTHING.items()}


def test_our_own_tables_miss_nothing() -> None:
    layout = layout_of(columns_by_table(rows_of(ours())))
    assert (dict(layout.renamed), layout.missing, layout.unread) == ({}, [], [])


def test_a_heartbeat_may_have_another_name() -> None:
    columns = ours()
    columns["tasks"][columns["tasks"].index("heartbeat")] = "last_pulse"
    layout = layout_of(columns)
    assert layout.renamed == {"tasks.heartbeat": "last_pulse"}
    assert (layout.missing, layout.unread) == ([], [])
    assert "last_pulse" in flags_of(columns)["tasks"]
    assert "heartbeat" not in flags_of(columns)["tasks"]


def test_a_table_with_both_names_is_read_by_ours() -> None:
    columns = ours()
    columns["tasks"].append("last_pulse")
    assert "last_pulse" not in flags_of(columns)["tasks"]
    assert layout_of(columns).unread == ["tasks.last_pulse"]


def test_what_is_missing_and_what_nobody_reads_is_told() -> None:
    columns = ours()
    columns["tasks"] = [
        name for name in columns["tasks"] if name not in {"started_at", "heartbeat"}
    ]
    columns["jobs"].append("priority")
    layout = layout_of(columns)
    assert layout.missing == ["tasks.started_at", "tasks.heartbeat"]
    assert layout.unread == ["jobs.priority"]
    assert "no_heartbeat" in flags_of(columns)["tasks"]


def test_tables_that_are_not_there_are_named() -> None:
    columns = ours()
    columns["tasks"].remove("task_id")
    with pytest.raises(Unavailable, match=r"no tasks\.task_id that may be read"):
        columns_by_table(rows_of(columns))
    with pytest.raises(Unavailable, match=r"no jobs\.job_id, "):
        columns_by_table([])
