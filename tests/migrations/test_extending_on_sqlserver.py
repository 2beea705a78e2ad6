"""A database with a schema `monitoring` of another application gains, and loses nothing."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from repositories.records.definitions import DefinitionFilter
from repositories.revisions import known
from repositories.sqlserver import SqlServerDatabase
from repositories.store import SqlStore
from repositories.urls import parse
from services.heartbeats import HeartbeatService, describe_process
from tests.definitions import CONNECTION, KPI, QUERY
from tests.migrations.samples import Command

Ask = Callable[..., list[Any]]

THEIRS = (
    "CREATE SCHEMA auth",
    "CREATE TABLE auth.Users (UserId int IDENTITY PRIMARY KEY, Name nvarchar(50) NOT NULL)",
    "INSERT INTO auth.Users (Name) VALUES (N'eve')",
    "CREATE SCHEMA monitoring",
    """
    CREATE TABLE monitoring.Indicators (
        Code          int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_Indicators PRIMARY KEY,
        IndicatorName nvarchar(255)      NOT NULL,
        Owner         nvarchar(200)      NULL,
        Threshold     decimal(18, 2)     NULL,
        IsActive      bit                NOT NULL DEFAULT 1)
    """,
    "INSERT INTO monitoring.Indicators (IndicatorName) VALUES (N'theirs 1'), (N'theirs 2')",
    """
    CREATE TABLE monitoring.ExecutionHistory (
        Id int NOT NULL PRIMARY KEY, Code int NOT NULL REFERENCES monitoring.Indicators (Code))
    """,
    "CREATE TABLE monitoring.AlertLogs (AlertId int NOT NULL PRIMARY KEY)",
    "CREATE TABLE monitoring.Contacts (ContactId int NOT NULL PRIMARY KEY)",
    """
    CREATE TABLE monitoring.Config (
        ConfigKey    nvarchar(100) NOT NULL PRIMARY KEY,
        ConfigValue  nvarchar(max) NOT NULL,
        Description  nvarchar(max) NULL,
        ModifiedDate datetime2     NOT NULL DEFAULT SYSUTCDATETIME())
    """,
    "INSERT INTO monitoring.Config (ConfigKey, ConfigValue) VALUES (N'Their.Key', N'1')",
    """
    CREATE TABLE monitoring.SystemStatus (
        StatusId      int IDENTITY  NOT NULL PRIMARY KEY,
        ServiceName   nvarchar(100) NOT NULL,
        LastHeartbeat datetime2     NOT NULL,
        Status        nvarchar(50)  NOT NULL,
        ErrorMessage  nvarchar(500) NULL)
    """,
    """
    INSERT INTO monitoring.SystemStatus (ServiceName, LastHeartbeat, Status)
    VALUES (N'grid', SYSUTCDATETIME(), N'Running')
    """,
    "CREATE VIEW monitoring.vw_WorkerStatusOverview AS SELECT 7 AS theirs",
)
THEIR_PROCEDURE = """
    CREATE PROCEDURE monitoring.sp_RegisterWorkerInstance
           @WorkerName nvarchar(100), @MachineName nvarchar(100), @ProcessId int,
           @Version nvarchar(50), @Environment nvarchar(50),
           @Configuration nvarchar(max) = NULL, @Tags nvarchar(500) = NULL,
           @WorkerInstanceId uniqueidentifier OUTPUT
    AS
    BEGIN
        SET @WorkerInstanceId = NEWID();
        INSERT INTO monitoring.WorkerInstances
               (WorkerInstanceId, WorkerName, MachineName, ProcessId, Version, Environment)
        VALUES (@WorkerInstanceId, N'their ' + @WorkerName, @MachineName, @ProcessId, @Version,
                @Environment);
    END
"""
THEIR_VIEW = "view monitoring.vw_workerstatusoverview"
SETTING = "MonitoringWorker.RetentionDays"
HELD = (
    "SELECT UserId, Name FROM auth.Users",
    "SELECT Code, IndicatorName, Owner, Threshold, IsActive FROM monitoring.Indicators",
    "SELECT ConfigKey, ConfigValue, Description, ModifiedDate FROM monitoring.Config"
    " WHERE ConfigKey = N'Their.Key'",
    "SELECT StatusId, ServiceName, LastHeartbeat, Status, ErrorMessage"
    " FROM monitoring.SystemStatus",
    "SELECT theirs FROM monitoring.vw_WorkerStatusOverview",
)
SHAPE = """
    SELECT LOWER(OBJECT_NAME(object_id)), LOWER(name), TYPE_NAME(system_type_id), max_length,
           is_nullable
      FROM sys.columns
     WHERE object_id IN (SELECT object_id FROM sys.objects
                          WHERE type IN ('U', 'V')
                            AND schema_id IN (SCHEMA_ID(N'auth'), SCHEMA_ID(N'monitoring'))
                            AND name NOT LIKE N'schema%')
"""


@pytest.fixture
def theirs(ask: Ask) -> Ask:
    """The database of another application."""
    for statement in THEIRS:
        ask(statement)
    return ask


def held(ask: Ask) -> list[list[Any]]:
    return [sorted(ask(statement), key=str) for statement in HELD]


def test_what_was_there_stays_and_the_way_back_leaves_it_as_it_was(
    theirs: Ask, on_sqlserver: Command
) -> None:
    before, shape = held(theirs), set(theirs(SHAPE))
    assert on_sqlserver("up").code == 0
    assert held(theirs) == before
    assert set(theirs(SHAPE)) > shape
    assert on_sqlserver("down", "base").code == 0
    assert (held(theirs), set(theirs(SHAPE))) == (before, shape)
    assert on_sqlserver("up").code == 0


def test_verify_notes_what_another_application_made_and_names_what_is_of_no_use(
    theirs: Ask, on_sqlserver: Command
) -> None:
    assert on_sqlserver("up").code == 0
    outcome = on_sqlserver("verify")
    *notes, last = outcome.out.splitlines()
    assert (outcome.code, last) == (0, f"the schema is that of {known('sqlserver')[-1]}")
    assert {note.partition(":")[0] for note in notes} == {"made elsewhere", "extra"}
    for note in (
        "extra: table monitoring.executionhistory",
        "made elsewhere: extra column threshold of monitoring.indicators",
        "made elsewhere: different column indicatorname of monitoring.indicators:"
        " type is nvarchar(255), expected nvarchar(100)",
        "made elsewhere: missing constraint ck_systemstatus_interval of monitoring.systemstatus",
    ):
        assert note in notes
    assert any(note.startswith(f"made elsewhere: different {THEIR_VIEW}: ") for note in notes)
    theirs("ALTER TABLE monitoring.Config DROP COLUMN ModifiedBy")
    theirs("ALTER TABLE monitoring.Indicators ALTER COLUMN Owner nvarchar(50)")
    theirs("ALTER TABLE monitoring.JobMetrics DROP CONSTRAINT CK_JobMetrics_Metadata")
    outcome = on_sqlserver("verify")
    assert outcome.code == 1
    assert [
        line for line in outcome.out.splitlines() if line.startswith(("missing", "different"))
    ] == [
        "missing: column modifiedby of monitoring.config",
        "different: column owner of monitoring.indicators:"
        " type is nvarchar(50), expected nvarchar(100)",
        "missing: constraint ck_jobmetrics_metadata of monitoring.jobmetrics",
    ]
    assert outcome.out.endswith("\n3 differences\n")


def test_the_other_application_can_go_on_writing(theirs: Ask, on_sqlserver: Command) -> None:
    on_sqlserver("up")
    for statement in THEIRS:
        if "INSERT" in statement:
            for name in ("grid", "theirs 1", "theirs 2", "Their.Key"):
                statement = statement.replace(f"'{name}'", f"'other {name}'")
            theirs(statement)
    assert theirs("SELECT COUNT(*) FROM monitoring.Indicators") == [(4,)]


def test_the_store_works_in_the_tables_that_were_there(
    theirs: Ask, on_sqlserver: Command, sqlserver: str
) -> None:
    on_sqlserver("up")
    database = SqlServerDatabase(
        parse(sqlserver), size=2, timeout_seconds=10, names={"schema": "app"}
    )
    with closing(database), SqlStore(database).work() as work:
        work.config.put("ours", "2", description="a setting", actor="test")
        assert [work.config.find(key) for key in ("ours", SETTING, "Their.Key")] == ["2", "", "1"]
        work.heartbeats.beat("ours", status="ok")
        assert [one.service for one in work.heartbeats.services(after=None, limit=9)] == ["ours"]
        assert work.connections.add(CONNECTION, actor="test")
        assert work.queries.add(QUERY, actor="test")
        assert work.indicators.add(KPI, actor="test")
        shown = work.indicators.overview(DefinitionFilter(), name=None, after=None, limit=9)
        assert [one.name for one in shown] == ["one"]
    assert theirs("SELECT COUNT(*) FROM monitoring.Indicators") == [(3,)]


def test_a_process_goes_by_the_id_that_a_procedure_of_theirs_gives_it(
    theirs: Ask, on_sqlserver: Command, sqlserver: str
) -> None:
    theirs(THEIR_PROCEDURE)
    assert on_sqlserver("up").code == 0
    database = SqlServerDatabase(
        parse(sqlserver), size=2, timeout_seconds=10, names={"schema": "app"}
    )
    worker = describe_process(version="1", environment="test")
    with closing(database):
        heartbeats = HeartbeatService(SqlStore(database), worker, service="ours")
        for _ in range(2):
            heartbeats.beat()
    known = "SELECT WorkerInstanceId, WorkerName FROM monitoring.WorkerInstances"
    ((its_id, name),) = theirs(known)
    assert (str(its_id), name) == (heartbeats.worker_instance_id, "their watchkeeper")
    assert str(its_id) != worker.worker_instance_id
    beats = "SELECT WorkerInstanceId FROM monitoring.SystemStatus WHERE ServiceName = N'ours'"
    assert theirs(beats) == [(its_id,)]
    figures = "SELECT DISTINCT WorkerInstanceId, COUNT(*) FROM monitoring.WorkerMetrics"
    assert theirs(f"{figures} GROUP BY WorkerInstanceId") == [(its_id, 6)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "CREATE TABLE monitoring.WorkerJobs (JobId int NOT NULL)",
            "monitoring.WorkerJobs.JobId is int, and uniqueidentifier is needed",
        ),
        (
            "CREATE TABLE monitoring.WorkerJobs (JobName nvarchar(20) NULL)",
            "monitoring.WorkerJobs.JobName is nvarchar(20), and nvarchar(200) is needed",
        ),
        (
            "CREATE TABLE monitoring.DatabaseQueries (WarningThreshold decimal(9, 4) NULL)",
            "monitoring.DatabaseQueries.WarningThreshold is decimal(9, 4),"
            " and decimal(18, 4) is needed",
        ),
        (
            "CREATE TABLE monitoring.WorkerInstances (Colour nvarchar(20) NOT NULL)",
            "monitoring.WorkerInstances.Colour may not be NULL, has no default,"
            " and would get no value from Watchkeeper",
        ),
        (
            "CREATE TABLE monitoring.WorkerMetrics (Number int IDENTITY(1, 1) NOT NULL)",
            "monitoring.WorkerMetrics has an identity column other than MetricId",
        ),
        (
            "CREATE VIEW monitoring.JobMetrics AS SELECT 1 AS theirs",
            "monitoring.JobMetrics is there and is no table",
        ),
    ],
)
def test_what_cannot_be_built_upon_is_named_before_anything_is_changed(
    ask: Ask, on_sqlserver: Command, statement: str, said: str
) -> None:
    ask("CREATE SCHEMA monitoring")
    ask(statement)
    shape = set(ask(SHAPE))
    outcome = on_sqlserver("up")
    assert outcome.code == 1
    assert f"nothing is changed: {said}".lower() in outcome.err.lower()
    assert set(ask(SHAPE)) == shape
    assert ask("SELECT COUNT(*) FROM monitoring.schema_made") == [(0,)]


def test_a_key_that_repeats_undoes_the_migration(theirs: Ask, on_sqlserver: Command) -> None:
    theirs(THEIRS[-2])  # the same service twice
    before, shape = held(theirs), set(theirs(SHAPE))
    outcome = on_sqlserver("up")
    assert outcome.code == 1
    assert "ux_systemstatus_servicename" in outcome.err.lower()
    assert (held(theirs), set(theirs(SHAPE))) == (before, shape)


def test_wider_columns_and_their_keys_are_good_enough(ask: Ask, on_sqlserver: Command) -> None:
    ask("CREATE SCHEMA monitoring")
    ask(
        "CREATE TABLE monitoring.WorkerInstances (WorkerInstanceId uniqueidentifier NOT NULL"
        " PRIMARY KEY DEFAULT NEWID(), WorkerName nvarchar(max) NOT NULL)"
    )
    assert on_sqlserver("up").code == 0
    assert ask("SELECT name FROM monitoring.schema_made WHERE name LIKE N'UX[_]%'") == []


def test_jobs_of_another_s_are_left_alone_and_named(ask: Ask, on_sqlserver: Command) -> None:
    ask("CREATE SCHEMA app")
    ask("CREATE TABLE app.jobs (id int NOT NULL)")
    outcome = on_sqlserver("up")
    assert outcome.code == 1
    assert "schema app already has jobs or tasks of its own" in outcome.err
    assert on_sqlserver("mark", "0002").code == 0
    assert on_sqlserver("down", "base").code == 0
    assert ask("SELECT COUNT(*) FROM app.jobs") == [(0,)]
