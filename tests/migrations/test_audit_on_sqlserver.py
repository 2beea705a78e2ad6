"""An AuditLog of another application gains what it lacks, or is left as it is."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from repositories.records.retries import AuditEntry
from repositories.sqlserver import SqlServerDatabase
from repositories.store import SqlStore
from repositories.urls import parse
from tests.migrations.samples import Command

Ask = Callable[..., list[Any]]
THEIRS = """
CREATE TABLE monitoring.AuditLog (
    Id     int IDENTITY(1, 1) NOT NULL PRIMARY KEY,
    Action nvarchar({}) NOT NULL,
    Detail nvarchar(200) NULL)
"""
WITHOUT_KEY = """
CREATE TABLE monitoring.AuditLog (
    Code   nvarchar(36) NOT NULL DEFAULT CAST(NEWID() AS nvarchar(36)),
    Action nvarchar(100) NOT NULL,
    Detail nvarchar(200) NULL)
"""


def columns(ask: Ask) -> set[str]:
    """In small letters: not every server keeps the others."""
    rows = ask("SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('monitoring.AuditLog')")
    return {name.lower() for (name,) in rows}


def test_what_is_there_gains_columns_and_loses_them_again(
    sqlserver: str, on_sqlserver: Command, ask: Ask
) -> None:
    assert on_sqlserver("up", "0003").code == 0
    ask(WITHOUT_KEY)
    ask("INSERT INTO monitoring.AuditLog (Action, Detail) VALUES (N'login', N'eve')")
    assert on_sqlserver("up", "0004").code == 0
    with closing(
        SqlServerDatabase(parse(sqlserver), size=1, timeout_seconds=10, names={"schema": "app"})
    ) as database:
        with SqlStore(database).work() as work:
            work.audit.add([AuditEntry(actor="a", action="x", entity_type="t", entity_id="1")])
        with SqlStore(database).read() as work:
            assert [one.entity_id for one in work.audit.recent(entity_type="t", limit=9)] == ["1"]
    assert on_sqlserver("down", "0003").code == 0
    assert columns(ask) == {"code", "action", "detail"}
    assert ask("SELECT Detail FROM monitoring.AuditLog WHERE Action = 'login'") == [("eve",)]


def test_one_that_cannot_be_built_upon_stops_it_before_anything_is_changed(
    on_sqlserver: Command, ask: Ask
) -> None:
    assert on_sqlserver("up", "0003").code == 0
    ask(THEIRS.format(20))
    refused = on_sqlserver("up", "0004")
    assert refused.code != 0
    assert "monitoring.AuditLog.Action is nvarchar(20), and nvarchar(50) is needed" in refused.err
    assert "has an identity column other than AuditId" in refused.err
    assert columns(ask) == {"id", "action", "detail"}
    assert ask("SELECT 1 FROM sys.tables WHERE name = 'TaskRetries'") == []
