"""The procedures and views of a SQL Server store. Those that move jobs on: tests/contract."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from repositories.migrations.__main__ import main
from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database

REGISTER = """
    DECLARE @id uniqueidentifier = ?;
    EXEC monitoring.sp_RegisterWorkerInstance @WorkerName = N'w', @MachineName = N'm',
         @ProcessId = 7, @Version = N'1', @Environment = N'test', @Configuration = N'{"a": 1}',
         @Tags = N'x,y', @WorkerInstanceId = @id OUTPUT;
    SELECT @id
"""
HEARD = "SELECT Status, StoppedAt FROM monitoring.WorkerInstances WHERE WorkerInstanceId = ?"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as url:
        assert main(["--url", url, "up"]) == 0
        yield url


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[Any]:
    with closing(connect(parse(url))) as connection:
        yield connection


def test_a_process_is_given_an_id_or_brings_one_and_is_registered_once(connection: Any) -> None:
    given = str(one(connection, REGISTER, None)[0]).lower()
    assert str(one(connection, REGISTER, given)[0]).lower() == given
    brought = "11111111-2222-3333-4444-555555555555"
    assert str(one(connection, REGISTER, brought)[0]).lower() == brought
    assert one(connection, HEARD, given) == ("Running", None)
    assert one(connection, "SELECT COUNT(*) FROM monitoring.WorkerInstances") == (2,)


def test_a_heartbeat_is_running_unless_it_says_otherwise(connection: Any) -> None:
    worker = one(connection, REGISTER, None)[0]
    connection.execute("EXEC monitoring.sp_UpdateWorkerHeartbeat ?, N'Stopped'", worker)
    status, stopped_at = one(connection, HEARD, worker)
    assert (status, stopped_at is None) == ("Stopped", False)
    connection.execute("EXEC monitoring.sp_UpdateWorkerHeartbeat @WorkerInstanceId = ?", worker)
    assert one(connection, HEARD, worker) == ("Running", None)


def test_a_worker_s_health_follows_from_its_last_heartbeat(connection: Any) -> None:
    worker = one(connection, REGISTER, None)[0]
    health = "SELECT HealthStatus FROM monitoring.vw_WorkerStatusOverview"
    found: list[str] = []
    for seconds in (0, 90, 200):
        connection.execute(
            "UPDATE monitoring.WorkerInstances"
            " SET LastHeartbeat = DATEADD(SECOND, -?, SYSUTCDATETIME()) WHERE WorkerInstanceId = ?",
            seconds,
            worker,
        )
        found += one(connection, f"{health} WHERE WorkerInstanceId = ?", worker)
    assert found == ["healthy", "stale", "down"]


def test_a_summary_counts_the_week_of_each_connection(connection: Any) -> None:
    for statement in (
        "INSERT INTO monitoring.DatabaseConnections (ConnectionName, Provider, ConnectionString,"
        " Environment, CreatedBy, ModifiedBy)"
        " VALUES (N'c', N'SqlServer', N'x', N'test', N'test', N'test')",
        "INSERT INTO monitoring.DatabaseQueries (QueryName, SqlQuery, CreatedBy, ModifiedBy)"
        " VALUES (N'q', N'SELECT 1', N'test', N'test')",
        "INSERT INTO monitoring.Indicators (IndicatorName, ConnectionId, QueryId, CreatedBy,"
        " ModifiedBy) SELECT N'i', c.ConnectionId, q.QueryId, N'test', N'test'"
        " FROM monitoring.DatabaseConnections AS c CROSS JOIN monitoring.DatabaseQueries AS q",
    ):
        connection.execute(statement)
    for status, hours in (("Healthy", 3), ("Healthy", 2), ("Warning", 1), ("Error", 24 * 8)):
        connection.execute(
            "INSERT INTO monitoring.DatabaseMonitoringResults (IndicatorId, ExecutedAt, Status,"
            " Message, DurationMs, Environment, Provider)"
            " SELECT IndicatorId, DATEADD(HOUR, -?, SYSUTCDATETIME()), ?, N'm', 10, N'e', N'p'"
            " FROM monitoring.Indicators",
            hours,
            status,
        )
    found = one(
        connection,
        "SELECT LastStatus, Checks7d, Healthy7d, Warning7d, Critical7d, Error7d, SuccessRate7d,"
        " MeanDurationMs7d FROM monitoring.vw_DatabaseMonitoringSummary",
    )
    assert (*found[:6], float(found[6]), found[7]) == ("Warning", 3, 2, 1, 0, 0, 66.67, 10.0)


def test_a_clean_up_removes_what_is_old_in_batches_and_counts_it(connection: Any) -> None:
    worker, silent = one(connection, REGISTER, None)[0], one(connection, REGISTER, None)[0]
    for statement in (
        "INSERT INTO monitoring.WorkerMetrics (WorkerInstanceId, MetricType, MetricName,"
        " MetricValue, RecordedAt)"
        " SELECT ?, N'Heartbeat', N'x', 1, DATEADD(DAY, -days, SYSUTCDATETIME())"
        " FROM (VALUES (31), (32), (33), (34), (35), (0)) AS six (days)",
        "INSERT INTO monitoring.WorkerJobs (WorkerInstanceId, JobType, JobName, CompletedAt)"
        " VALUES (?, N't', N'j', DATEADD(DAY, -31, SYSUTCDATETIME()))",
    ):
        connection.execute(statement, worker)
    connection.execute(
        "UPDATE monitoring.WorkerInstances SET Status = N'Stopped',"
        " LastHeartbeat = DATEADD(DAY, -31, SYSUTCDATETIME()) WHERE WorkerInstanceId = ?",
        silent,
    )
    removed = one(connection, "EXEC monitoring.sp_CleanupMonitoringData @BatchSize = 2")
    assert removed == (0, 1, 5, 0, 1)
    assert one(connection, "SELECT COUNT(*) FROM monitoring.WorkerMetrics") == (1,)
    assert one(connection, "EXEC monitoring.sp_CleanupMonitoringData") == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("@RetentionDays = 0", "@RetentionDays is at least 1"),
        ("@BatchSize = 0", "@BatchSize is between 1 and 4000"),
        ("@BatchSize = 5000", "@BatchSize is between 1 and 4000"),
    ],
)
def test_a_clean_up_refuses_what_it_cannot_do(connection: Any, values: str, said: str) -> None:
    with pytest.raises(load_driver().Error, match=said):
        connection.execute(f"EXEC monitoring.sp_CleanupMonitoringData {values}")


def one(connection: Any, statement: str, *values: object) -> tuple[Any, ...]:
    """The only row; all of it is read, so that an error behind it is heard of."""
    cursor = connection.execute(statement, *values)
    while cursor.description is None:
        cursor.nextset()
    (row,) = cursor.fetchall()
    while cursor.nextset():
        pass
    return tuple(row)
