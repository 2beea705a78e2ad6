"""A queue of dead letters that is there already gains, and loses nothing."""

from collections.abc import Callable
from typing import Any

from tests.migrations.samples import Command

Ask = Callable[..., list[Any]]
THEIRS = """
    CREATE TABLE monitoring.DeadLetterQueue (
        LetterNumber int IDENTITY NOT NULL PRIMARY KEY,
        JobId        nvarchar(300) NOT NULL,
        EventData    nvarchar(max) NOT NULL,
        Error        nvarchar(max) NOT NULL)
"""
ADD = "INSERT INTO monitoring.DeadLetterQueue (JobId, EventData, Error) VALUES "
HELD = "SELECT LetterNumber, JobId, EventData, Error FROM monitoring.DeadLetterQueue"
COLUMNS = """
    SELECT LOWER(name) FROM sys.columns
     WHERE object_id = OBJECT_ID(N'monitoring.DeadLetterQueue') ORDER BY column_id
"""


def test_the_queue_of_another_application_keeps_its_rows(ask: Ask, on_sqlserver: Command) -> None:
    ask("CREATE SCHEMA monitoring")
    ask(THEIRS)
    ask(ADD + "(N'a', N'{}', N'b')")
    before, columns = ask(HELD), ask(COLUMNS)
    assert on_sqlserver("up").code == 0
    assert ask(HELD) == before
    ((letter, status),) = ask("SELECT DeadLetterId, Status FROM monitoring.DeadLetterQueue")
    assert letter is not None
    assert status in {None, "PENDING"}, "servers differ in whether a default fills what is there"
    ask(ADD + "(N'c', N'{}', N'd')")
    added = ask("SELECT Status, Attempts FROM monitoring.DeadLetterQueue WHERE JobId = N'c'")
    assert added == [("PENDING", 0)]
    assert on_sqlserver("down", "0004").code == 0
    assert ask(COLUMNS) == columns
    assert len(ask(HELD)) == 2


def test_a_queue_with_a_column_of_another_type_is_left_alone(
    ask: Ask, on_sqlserver: Command
) -> None:
    ask("CREATE SCHEMA monitoring")
    ask("CREATE TABLE monitoring.DeadLetterQueue (JobId int NOT NULL)")
    refused = on_sqlserver("up")
    assert refused.code == 1
    assert "monitoring.DeadLetterQueue.JobId is int, and nvarchar(200) is needed" in refused.err
    assert ask(COLUMNS) == [("jobid",)]
