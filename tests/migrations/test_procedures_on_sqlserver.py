"""The procedures of a SQL Server store, and those that move jobs on, by themselves and at once."""

import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, NamedTuple, TypeVar

import pytest

from repositories.migrations.__main__ import main
from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database

T = TypeVar("T")
R = TypeVar("R")
numbers = itertools.count(1)

COMPLETE = "complete_task_and_check_stage"
SNAPSHOT = "SNAPSHOT"
LEVELS = ["READ COMMITTED", "REPEATABLE READ", SNAPSHOT, "SERIALIZABLE"]
# A deadlock's victim; a row that changed since the snapshot, in the words of two servers.
GIVES_WAY = re.compile(r"\(1205\)|\(3960\)|could not serialize access")
UNKNOWN_JOB = "f" * 64
REGISTER = """
    DECLARE @id uniqueidentifier = ?;
    EXEC monitoring.sp_RegisterWorkerInstance @WorkerName = N'w', @MachineName = N'm',
         @ProcessId = 7, @Version = N'1', @Environment = N'test', @Configuration = N'{"a": 1}',
         @Tags = N'x,y', @WorkerInstanceId = @id OUTPUT;
    SELECT @id
"""
HEARD = "SELECT Status, StoppedAt FROM monitoring.WorkerInstances WHERE WorkerInstanceId = ?"


class Ended(NamedTuple):
    """A row of complete_task_and_check_stage."""

    task_updated: bool
    is_last_task_in_stage: bool
    job_id: str | None
    stage_number: int | None
    remaining_tasks: int | None


class Advanced(NamedTuple):
    """A row of advance_job_stage."""

    job_updated: bool
    new_stage: int | None
    is_final_stage: bool | None


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with scratch_database() as url:
        assert main(["--url", url, "up"]) == 0
        with closing(connect(parse(url))) as connection:
            allow_snapshots(connection)
        yield url


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[Any]:
    with closing(connect(parse(url))) as connection:
        yield connection


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, url: str) -> str:
    """An isolation level that the server has."""
    try:
        caller_at(url, request.param).close()
    except load_driver().Error:
        pytest.skip(f"SQL Server: the one of TEST_SQLSERVER_URL has no {request.param}")
    return str(request.param)


def allow_snapshots(connection: Any) -> None:
    """A server that always has them does not know the option."""
    with suppress(load_driver().Error):
        connection.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON")


# The store -------------------------------------------------------------------------------------


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


# Jobs, one caller ------------------------------------------------------------------------------


def test_completing_a_task_stores_its_result_and_counts_what_remains(connection: Any) -> None:
    job = add_job(connection)
    first, second = add_tasks(connection, job, ["processing", "processing"])
    assert end_task(connection, first, '{"rows": 3}') == Ended(True, False, job, 1, 1)
    assert task_row(connection, first) == ("completed", '{"rows": 3}', None)
    assert end_task(connection, second, None, "") == Ended(True, True, job, 1, 0)
    assert task_row(connection, second) == ("failed", None, "")
    assert end_task(connection, second) == Ended(False, False, job, 1, 0)
    assert end_task(connection, "no such task") == Ended(False, False, None, None, None)


@pytest.mark.parametrize("status", ["queued", "completed", "failed"])
def test_only_a_processing_task_moves(connection: Any, status: str) -> None:
    job = add_job(connection)
    (task_id,) = add_tasks(connection, job, [status])
    before = task_row(connection, task_id)
    assert not end_task(connection, task_id, '"late"', "late").task_updated
    assert task_row(connection, task_id) == before


@pytest.mark.parametrize("result", ['{"a": [1, "x"]}', "[1, 2]", "17", '"text"', "null", "true"])
def test_any_json_value_can_be_a_result_of_a_task_and_of_a_stage(
    connection: Any, result: str
) -> None:
    job = add_job(connection, total_stages=2)
    (task_id,) = add_tasks(connection, job, ["processing"])
    end_task(connection, task_id, result)
    assert advance(connection, job, 1, result) == Advanced(True, 2, False)
    stages = one(connection, "SELECT stage_results FROM app.jobs WHERE job_id = ?", job)[0]
    assert json.loads(stages) == {"1": json.loads(result)}
    (task,) = check(connection, job)[-1]
    assert task["result"] == json.loads(result)


@pytest.mark.parametrize("result", ["{", "x", '{"a": 1', '1}, "2": {'])
def test_what_is_no_json_is_refused_and_nothing_moves(connection: Any, result: str) -> None:
    job = add_job(connection, total_stages=2)
    (task_id,) = add_tasks(connection, job, ["processing"])
    with pytest.raises(load_driver().Error):
        end_task(connection, task_id, result)
    with pytest.raises(load_driver().Error):
        advance(connection, job, 1, result)
    assert task_row(connection, task_id) == ("processing", None, None)
    assert one(connection, "SELECT stage FROM app.jobs WHERE job_id = ?", job) == (1,)


def test_a_job_goes_through_its_stages_once_and_ends_by_its_tasks(connection: Any) -> None:
    job = add_job(connection, total_stages=2)
    add_tasks(connection, job, ["failed"], stage=1)
    add_tasks(connection, job, ["completed"], stage=2)
    assert advance(connection, job, 1, '{"files": 2}') == Advanced(True, 2, False)
    assert advance(connection, job, 1, '{"files": 3}') == Advanced(False, 2, True)
    assert advance(connection, job, 2) == Advanced(True, 2, True)
    assert advance(connection, job, 2) == Advanced(False, 2, True)
    assert advance(connection, UNKNOWN_JOB, 1) == Advanced(False, None, None)
    row = one(connection, "SELECT status, stage_results FROM app.jobs WHERE job_id = ?", job)
    assert (row[0], json.loads(row[1])) == ("completed_with_errors", {"1": {"files": 2}})


def test_completion_is_every_task_of_every_stage_with_their_results_in_order(
    connection: Any,
) -> None:
    job = add_job(connection, total_stages=2)
    late = add_tasks(connection, job, ["processing"], stage=2)
    early = add_tasks(connection, job, ["completed", "processing"], stage=1)
    end_task(connection, early[1], None, 'it said "no"\n\\')
    advance(connection, job, 1)
    assert check(connection, job)[0] is False
    end_task(connection, late[0], '{"n": 1}')
    complete, final, total, completed, tasks = check(connection, job)
    assert (complete, final, total, completed) == (True, 2, 3, 2)
    assert [(task["task_id"], task["stage"], task["status"]) for task in tasks] == [
        (early[0], 1, "completed"),
        (early[1], 1, "failed"),
        (late[0], 2, "completed"),
    ]
    assert [task["error"] for task in tasks] == [None, 'it said "no"\n\\', None]
    assert check(connection, UNKNOWN_JOB) == (False, None, 0, 0, [])
    assert check(connection, add_job(connection)) == (False, 1, 0, 0, [])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("job_id", "A" * 64),
        ("job_id", "a" * 63),
        ("job_type", "Capitals"),
        ("job_type", ""),
        ("status", "odd"),
        ("total_stages", 101),
        ("stage", 2),
        ("parameters", "{"),
    ],
)
def test_a_job_that_breaks_a_rule_is_refused(connection: Any, column: str, value: object) -> None:
    columns = {"job_id": new_job_id(), "job_type": "test"} | {column: value}
    with pytest.raises(load_driver().IntegrityError):
        connection.execute(
            f"INSERT INTO app.jobs ({', '.join(columns)})"  # noqa: S608
            f" VALUES ({', '.join('?' * len(columns))})",
            *columns.values(),
        )


# Jobs, many callers ----------------------------------------------------------------------------


@pytest.mark.slow
def test_of_two_last_tasks_that_end_at_once_exactly_one_is_last(
    url: str, connection: Any, level: str
) -> None:
    pairs = [add_tasks(connection, add_job(connection), ["processing"] * 2) for _ in range(200)]
    assert race(url, pairs, level) == {1: 200}


def test_the_race_finds_a_procedure_that_leaves_a_job_with_no_last_task(
    url: str, connection: Any
) -> None:
    """Otherwise it would mean little that it finds nothing in ours."""
    faulty = make_faulty_procedure(connection)
    pairs = [add_tasks(connection, add_job(connection), ["processing"] * 2) for _ in range(100)]
    assert race(url, pairs, SNAPSHOT, procedure=faulty)[0] > 0


@pytest.mark.slow
def test_of_many_tasks_that_several_callers_end_each_moves_once_and_one_is_last(
    url: str, connection: Any, level: str
) -> None:
    tasks = add_tasks(connection, add_job(connection), ["processing"] * 30)
    lanes = [tasks, tasks[::-1], tasks[15:] + tasks[:15]]

    def work(lane: Sequence[str]) -> list[Ended]:
        with closing(caller_at(url, level)) as caller:
            return [in_transaction(caller, end_task, task_id) for task_id in lane]

    ended = list(itertools.chain.from_iterable(at_once(work, lanes)))
    moved = [row for row in ended if row.task_updated]
    assert sorted(row.remaining_tasks or 0 for row in moved) == [*range(30)]
    assert [row.remaining_tasks for row in ended if row.is_last_task_in_stage] == [0]


def test_of_many_who_advance_a_job_from_one_stage_one_does(
    url: str, connection: Any, level: str
) -> None:
    job, together = add_job(connection, total_stages=20), threading.Barrier(3, timeout=30)

    def work(lane: int) -> list[bool]:
        won = []
        with closing(caller_at(url, level)) as caller:
            for stage in range(1, 21):
                together.wait()
                won.append(in_transaction(caller, advance, job, stage, str(lane)).job_updated)
        return won

    winners = [*zip(*at_once(work, range(3)), strict=True)]
    assert [sum(stage) for stage in winners] == [1] * 20
    stages = one(connection, "SELECT stage_results FROM app.jobs WHERE job_id = ?", job)[0]
    assert json.loads(stages) == {
        str(stage): won.index(True) for stage, won in enumerate(winners, start=1)
    }


def race(
    url: str, pairs: Sequence[Sequence[str]], level: str, procedure: str = COMPLETE
) -> Counter[int]:
    """End both tasks of each pair at once. How many jobs had 0, 1 or 2 last tasks."""
    together = threading.Barrier(2, timeout=60)

    def work(lane: int) -> list[bool]:
        lasts = []
        with closing(caller_at(url, level)) as caller:
            for pair in pairs:
                together.wait()
                ended = in_transaction(caller, end_task, pair[lane], procedure=procedure)
                lasts.append(ended.is_last_task_in_stage)
        return lasts

    return Counter(map(sum, zip(*at_once(work, range(2)), strict=True)))


def at_once(work: Callable[[T], R], lanes: Iterable[T]) -> list[R]:
    """Each lane in a thread of its own."""
    given = list(lanes)
    with ThreadPoolExecutor(len(given)) as threads:
        return list(threads.map(work, given))


def caller_at(url: str, level: str) -> Any:
    caller = connect(parse(url))
    try:
        caller.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        caller.autocommit = False
    except load_driver().Error:
        caller.close()
        raise
    return caller


def in_transaction(caller: Any, act: Callable[..., R], *values: Any, **named: Any) -> R:
    """As callers in the field do: tried again for as long as it gives way to another."""
    while True:
        try:
            answer = act(caller, *values, **named)
            caller.commit()
            return answer
        except load_driver().Error as error:
            caller.rollback()
            if not GIVES_WAY.search(str(error)):
                raise


def make_faulty_procedure(connection: Any) -> str:
    """The procedure that ends a task, without the update that puts callers of a job in line."""
    name = f"complete_task_{next(numbers)}"
    body = one(
        connection,
        "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(?)",
        f"app.{COMPLETE}",
    )[0]
    body = body[body.index("CREATE PROCEDURE") :].replace(COMPLETE, name)
    start = body.index("UPDATE app.jobs")
    connection.execute(body[:start] + body[body.index("UPDATE app.tasks") :])
    return name


# Asking the procedures -------------------------------------------------------------------------


def end_task(
    connection: Any,
    task_id: str,
    result: str | None = None,
    error: str | None = None,
    *,
    procedure: str = COMPLETE,
) -> Ended:
    return Ended(*one(connection, f"EXEC app.{procedure} ?, ?, ?", task_id, result, error))


def advance(connection: Any, job_id: str, stage: int, results: str | None = None) -> Advanced:
    values = (job_id, stage, results)
    return Advanced(*one(connection, "EXEC app.advance_job_stage ?, ?, ?", *values))


def check(connection: Any, job_id: str) -> tuple[Any, ...]:
    *facts, tasks = one(connection, "EXEC app.check_job_completion ?", job_id)
    return (*facts, json.loads(tasks))


def one(connection: Any, statement: str, *values: object) -> tuple[Any, ...]:
    """The only row; all of it is read, so that an error behind it is heard of."""
    cursor = connection.execute(statement, *values)
    while cursor.description is None:
        cursor.nextset()
    (row,) = cursor.fetchall()
    while cursor.nextset():
        pass
    return tuple(row)


# Jobs and tasks to ask about -------------------------------------------------------------------


def new_job_id() -> str:
    return f"{next(numbers):064x}"


def add_job(connection: Any, *, total_stages: int = 1, status: str = "processing") -> str:
    job_id = new_job_id()
    connection.execute(
        "INSERT INTO app.jobs (job_id, job_type, status, total_stages) VALUES (?, N'test', ?, ?)",
        job_id,
        status,
        total_stages,
    )
    return job_id


def add_tasks(
    connection: Any, job_id: str, statuses: Sequence[str], *, stage: int = 1
) -> list[str]:
    ids = [f"task-{next(numbers):06}" for _ in statuses]
    for task_id, status in zip(ids, statuses, strict=True):
        connection.execute(
            "INSERT INTO app.tasks (task_id, parent_job_id, task_type, stage, status)"
            " VALUES (?, ?, N'test', ?, ?)",
            task_id,
            job_id,
            stage,
            status,
        )
    return ids


def task_row(connection: Any, task_id: str) -> tuple[Any, ...]:
    facts = "status, result_data, error_details"
    return one(connection, f"SELECT {facts} FROM app.tasks WHERE task_id = ?", task_id)  # noqa: S608
