"""up, down, mark, status, verify and the printed script on a real SQL Server."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from repositories.migrations.batches import split_batches
from repositories.revisions import known
from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database
from tests.migrations.samples import Command, Folder

Ask = Callable[..., list[Any]]

NEWEST = known("sqlserver")[-1]
VERSION = "SELECT version_num FROM monitoring.schema_version"
HISTORY = "SELECT revision, action FROM monitoring.schema_history ORDER BY happened_at"
MADE = "SELECT COUNT(*) FROM monitoring.schema_made"
THINGS = (
    "SELECT LOWER(name) FROM sys.objects WHERE type IN ('U', 'V', 'P')"
    " AND schema_id IN (SCHEMA_ID(N'monitoring'), SCHEMA_ID(N'app'))"
)
BOOKKEEPING = {"schema_history", "schema_made", "schema_version"}
TAKE_LOCK = (
    "EXEC sp_getapplock @Resource = N'watchkeeper migrations', @LockMode = N'Exclusive',"
    " @LockOwner = N'Session', @LockTimeout = 0"
)


@pytest.fixture
def pair(folder: Folder) -> Folder:
    """Two migrations that work."""
    folder.write(
        "0001_notes",
        "CREATE TABLE monitoring.notes (id int NOT NULL PRIMARY KEY, body nvarchar(50) NULL);\n"
        "GO\n"
        "INSERT INTO monitoring.notes (id, body) VALUES (1, N'100 %s of it :sure; yes?');\n",
        "DROP TABLE monitoring.notes;\n",
    )
    folder.write(
        "0002_tags",
        "SET NOCOUNT ON;\nALTER TABLE monitoring.notes ADD tags nvarchar(50) NULL;\nGO\n"
        "UPDATE monitoring.notes SET tags = N'none';\n",
        "ALTER TABLE monitoring.notes DROP COLUMN tags;\n",
    )
    return folder


@pytest.fixture
def older(sqlserver: str) -> Iterator[Any]:
    """A connection of somebody else's."""
    with closing(connect(parse(sqlserver))) as connection:
        yield connection


def test_the_repository_s_migrations_go_up_down_and_up_again(
    on_sqlserver: Command, ask: Ask
) -> None:
    assert on_sqlserver("up").code == 0
    assert on_sqlserver("verify").out == f"the schema is that of {NEWEST}\n"
    assert on_sqlserver("down", "base").code == 0
    assert {name for (name,) in ask(THINGS)} == BOOKKEEPING
    assert (ask(MADE), ask("SELECT SCHEMA_ID(N'app')")) == ([(0,)], [(None,)])
    assert on_sqlserver("up").code == 0
    assert on_sqlserver("verify").code == 0
    assert on_sqlserver("up").out == f"nothing to do: the database is at {NEWEST}\n"
    assert on_sqlserver("status").out.count("applied") == len(known("sqlserver"))


def test_verify_names_what_was_changed(on_sqlserver: Command, ask: Ask) -> None:
    on_sqlserver("up")
    ask("DROP INDEX IX_Indicators_Due ON monitoring.Indicators")
    ask("ALTER TABLE monitoring.SystemStatus DROP CONSTRAINT CK_SystemStatus_Interval")
    ask("ALTER TABLE monitoring.JobMetrics ALTER COLUMN MinDurationMs int")
    ask("ALTER TABLE monitoring.WorkerJobs DROP CONSTRAINT FK_WorkerJobs_WorkerInstances")
    ask("DROP VIEW monitoring.vw_WorkerStatusOverview")
    ask("DROP PROCEDURE app.check_job_completion")
    ask("CREATE PROCEDURE app.check_job_completion @job_id nvarchar(64) AS SELECT 1")
    ask("CREATE TABLE monitoring.Theirs (Id int NOT NULL)")
    outcome = on_sqlserver("verify")
    assert outcome.code == 1
    *lines, last = outcome.out.splitlines()
    assert last == "6 differences"
    for line in (
        "missing: index (priority, nextdueat) of monitoring.indicators",
        "missing: constraint ck_systemstatus_interval of monitoring.systemstatus",
        "different: column mindurationms of monitoring.jobmetrics: type is int, expected float",
        "missing: constraint fk_workerjobs_workerinstances of monitoring.workerjobs",
        "missing: view monitoring.vw_workerstatusoverview",
        "extra: table monitoring.theirs",
    ):
        assert line in lines
    assert any(line.startswith("different: function app.check_job_completion") for line in lines)


@pytest.mark.usefixtures("pair")
class TestSamples:
    def test_each_step_is_written_down_and_the_body_arrives_as_it_stands(
        self, sample_on_sqlserver: Command, ask: Ask
    ) -> None:
        for arguments in (("up",), ("down", "-1"), ("mark", "0002"), ("mark", "base")):
            assert sample_on_sqlserver(*arguments).code == 0
        assert ask(HISTORY) == [
            ("0001", "up"),
            ("0002", "up"),
            ("0002", "down"),
            ("0002", "mark"),
            ("0002", "unmark"),
            ("0001", "unmark"),
        ]
        assert ask("SELECT body FROM monitoring.notes") == [("100 %s of it :sure; yes?",)]

    def test_status_of_an_empty_database_touches_nothing(
        self, sample_on_sqlserver: Command, ask: Ask
    ) -> None:
        assert sample_on_sqlserver("status").out.count("pending") == 2
        assert ask("SELECT SCHEMA_ID(N'monitoring')") == [(None,)]

    @pytest.mark.parametrize(
        ("body", "line", "message"),
        [
            ("CREATE TABLE monitoring.half (id int);\nGO\n\nSELECT 1 / 0;\n", 4, "zero"),
            ("CREATE TABLE monitoring.half (id int);\nGO\nSELEKT 2;\n", 3, "selekt"),
            ("CREATE TABLE monitoring.half (id int);\nGO\nTHROW 50000, N'no', 1;\n", 3, "no"),
        ],
    )
    def test_nothing_of_a_migration_that_fails_stays(
        self,
        folder: Folder,
        sample_on_sqlserver: Command,
        ask: Ask,
        body: str,
        line: int,
        message: str,
    ) -> None:
        folder.write("0003_bad", body, "")
        outcome = sample_on_sqlserver("up")
        assert outcome.code == 1
        assert outcome.err.startswith(f"0003_bad.up.sql, line {line}: ")
        assert message in outcome.err.lower()
        assert "Microsoft" not in outcome.err
        assert ask(VERSION) == [("0002",)]
        assert ask("SELECT OBJECT_ID(N'monitoring.half')") == [(None,)]

    def test_a_body_that_ends_its_transaction_is_found_out(
        self, folder: Folder, sample_on_sqlserver: Command
    ) -> None:
        folder.write("0003_ends", "COMMIT;\n", "")
        outcome = sample_on_sqlserver("up")
        assert outcome.code == 1
        assert "0003_ends.up.sql: it ends its transaction" in outcome.err

    def test_the_one_that_waits_says_so_and_gives_up(
        self, sample_on_sqlserver: Command, ask: Ask, older: Any
    ) -> None:
        older.execute(TAKE_LOCK)
        began = time.monotonic()
        outcome = sample_on_sqlserver("up", "--lock-timeout", "0.5")
        assert 0.3 < time.monotonic() - began < 10
        assert outcome.code == 1
        assert outcome.err.splitlines() == [
            "another migration of this database is running: waiting for up to 0.5 s",
            "another migration of this database is still running after 0.5 s",
        ]
        assert ask("SELECT SCHEMA_ID(N'monitoring')") == [(None,)]

    def test_of_two_runs_at_once_one_waits_and_both_succeed(
        self, folder: Folder, sqlserver: str, ask: Ask
    ) -> None:
        runs = [_start(sqlserver, folder) for _ in range(2)]
        answers = [run.communicate(timeout=60) for run in runs]
        assert [run.returncode for run in runs] == [0, 0], answers
        assert ask(HISTORY) == [("0001", "up"), ("0002", "up")]


def test_the_script_makes_and_unmakes_what_the_commands_do(
    on_sqlserver: Command, sqlserver: str
) -> None:
    up = on_sqlserver("up", "--sql", "--engine", "sqlserver").out
    down = on_sqlserver("down", "base", "--sql", "--engine", "sqlserver").out
    report = run_script(sqlserver, up)
    assert {is_there for _, _, is_there in report} == {"yes"}
    assert ("procedure", "monitoring.sp_RegisterWorkerInstance", "yes") in report
    assert len(report) == 28
    assert on_sqlserver("verify").out == f"the schema is that of {NEWEST}\n"
    run_script(sqlserver, down)
    assert on_sqlserver("status").out.count("pending") == len(known("sqlserver"))


def test_the_script_makes_exactly_the_repository_s_schema(
    on_sqlserver: Command, sqlserver: str
) -> None:
    script = on_sqlserver("up", "--sql", "--engine", "sqlserver").out
    on_sqlserver("up")
    with scratch_database() as by_hand:
        run_script(by_hand, script)
        assert on_sqlserver("--url", by_hand, "up").out.startswith("nothing to do")
        assert on_sqlserver("--url", by_hand, "verify").code == 0


def run_script(url: str, script: str) -> list[Any]:
    """As `sqlcmd -b` does: batch by batch, until one fails; the rows of the last that has any."""
    rows: list[Any] = []
    with closing(connect(parse(url))) as connection:
        for batch in split_batches(script):
            cursor = connection.execute(batch.text)
            while True:
                rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else rows
                if not cursor.nextset():
                    break
    return rows


def test_a_script_stops_where_the_database_is_not_as_it_should_be(
    on_sqlserver: Command, sqlserver: str, ask: Ask
) -> None:
    ask("CREATE SCHEMA monitoring")
    ask("CREATE VIEW monitoring.JobMetrics AS SELECT 1 AS theirs")
    script = on_sqlserver("up", "--sql", "--engine", "sqlserver").out
    with pytest.raises(load_driver().Error, match=r"monitoring\.JobMetrics is there and is no"):
        run_script(sqlserver, script)
    assert {name for (name,) in ask(THINGS)} == {"jobmetrics", "schema_history", "schema_made"}


def _start(url: str, folder: Folder) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "repositories.migrations", "--folder", folder.path, "up"],
        env={**os.environ, "STORE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
