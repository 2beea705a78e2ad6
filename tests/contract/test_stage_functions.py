"""The three functions that move jobs on, against what the design promises of them."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

T = TypeVar("T")
R = TypeVar("R")
Connection = psycopg.Connection[Any]
numbers = itertools.count(1)

READ_COMMITTED = IsolationLevel.READ_COMMITTED
REPEATABLE_READ = IsolationLevel.REPEATABLE_READ
SERIALIZABLE = IsolationLevel.SERIALIZABLE
UNKNOWN_JOB = "f" * 64
COMPLETE = "complete_task_and_check_stage"


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


class Completion(NamedTuple):
    """A row of check_job_completion."""

    job_complete: bool
    final_stage: int | None
    total_tasks: int
    completed_tasks: int
    task_results: list[dict[str, Any]]


@pytest.fixture(scope="module")
def url(make_database: Callable[..., str], migrated: str) -> str:
    return make_database(migrated)


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


# One caller ------------------------------------------------------------------------------------


def test_completing_a_task_stores_its_result_and_counts_what_remains(
    connection: Connection,
) -> None:
    job = add_job(connection)
    first, _ = add_tasks(connection, job, ["processing", "processing"])
    assert end_task(connection, first, result={"rows": 3}) == Ended(True, False, job, 1, 1)
    task = task_row(connection, first)
    assert (task["status"], task["result_data"], task["error_details"]) == (
        "completed",
        {"rows": 3},
        None,
    )


def test_an_error_fails_the_task_and_keeps_its_text(connection: Connection) -> None:
    job = add_job(connection)
    (task_id,) = add_tasks(connection, job, ["processing"])
    assert end_task(connection, task_id, error="no such file") == Ended(True, True, job, 1, 0)
    task = task_row(connection, task_id)
    assert (task["status"], task["error_details"]) == ("failed", "no such file")


def test_an_empty_error_is_an_error(connection: Connection) -> None:
    (task_id,) = add_tasks(connection, add_job(connection), ["processing"])
    end_task(connection, task_id, error="")
    assert task_row(connection, task_id)["status"] == "failed"


def test_a_failed_task_counts_as_ended(connection: Connection) -> None:
    job = add_job(connection)
    *_, last = add_tasks(connection, job, ["failed", "completed", "processing"])
    assert end_task(connection, last).is_last_task_in_stage


@pytest.mark.parametrize("status", ["queued", "completed", "failed"])
def test_only_a_processing_task_moves(connection: Connection, status: str) -> None:
    job = add_job(connection)
    (task_id,) = add_tasks(connection, job, [status])
    before = task_row(connection, task_id)
    ended = end_task(connection, task_id, result={"late": True}, error="late")
    assert ended == Ended(False, False, job, 1, 1 if status == "queued" else 0)
    assert task_row(connection, task_id) == before


def test_ending_a_task_twice_is_the_same_as_once(connection: Connection) -> None:
    (task_id,) = add_tasks(connection, add_job(connection), ["processing"])
    assert end_task(connection, task_id, result=1).is_last_task_in_stage
    again = end_task(connection, task_id, result=2)
    assert (again.task_updated, again.is_last_task_in_stage) == (False, False)
    assert task_row(connection, task_id)["result_data"] == 1


def test_an_unknown_task_moves_nothing_and_is_of_no_job(connection: Connection) -> None:
    assert end_task(connection, "no such task") == Ended(False, False, None, None, None)


def test_tasks_of_other_stages_and_other_jobs_do_not_count(connection: Connection) -> None:
    job, other = add_job(connection, total_stages=2), add_job(connection)
    (task_id,) = add_tasks(connection, job, ["processing"], stage=1)
    add_tasks(connection, job, ["queued", "processing"], stage=2)
    add_tasks(connection, other, ["processing"])
    assert end_task(connection, task_id) == Ended(True, True, job, 1, 0)


def test_a_queued_task_keeps_its_stage_open(connection: Connection) -> None:
    job = add_job(connection)
    task_id, _ = add_tasks(connection, job, ["processing", "queued"])
    assert end_task(connection, task_id) == Ended(True, False, job, 1, 1)


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_errors"])
def test_a_late_task_of_a_job_that_has_ended_leaves_the_job_as_it_was(
    connection: Connection, status: str
) -> None:
    job = add_job(connection, status=status)
    (task_id,) = add_tasks(connection, job, ["processing"])
    before = job_row(connection, job)
    assert end_task(connection, task_id).task_updated
    assert job_row(connection, job) == before


def test_advancing_keeps_the_stage_s_results_under_its_number_as_text(
    connection: Connection,
) -> None:
    job = add_job(connection, total_stages=3)
    assert advance(connection, job, 1, {"files": 2}) == Advanced(True, 2, False)
    assert advance(connection, job, 2, [1, 2]) == Advanced(True, 3, False)
    row = job_row(connection, job)
    assert row["stage_results"] == {"1": {"files": 2}, "2": [1, 2]}
    assert (row["stage"], row["status"]) == (3, "processing")


def test_advancing_without_results_leaves_those_of_before(connection: Connection) -> None:
    job = add_job(connection, total_stages=3)
    advance(connection, job, 1, {"files": 2})
    advance(connection, job, 2)
    assert job_row(connection, job)["stage_results"] == {"1": {"files": 2}}


def test_the_final_stage_completes_the_job_and_breaks_no_constraint(
    connection: Connection,
) -> None:
    job = add_job(connection, total_stages=1)
    add_tasks(connection, job, ["completed"])
    assert advance(connection, job, 1, {"sum": 6}) == Advanced(True, 1, True)
    row = job_row(connection, job)
    assert (row["status"], row["stage"], row["total_stages"]) == ("completed", 1, 1)
    assert row["stage_results"] == {"1": {"sum": 6}}


def test_a_job_of_a_hundred_stages_goes_through_all_of_them(connection: Connection) -> None:
    job = add_job(connection, total_stages=100)
    advanced = [advance(connection, job, stage) for stage in range(1, 101)]
    assert [step.new_stage for step in advanced] == [*range(2, 101), 100]
    assert [step.is_final_stage for step in advanced] == [False] * 99 + [True]
    assert job_row(connection, job)["status"] == "completed"


@pytest.mark.parametrize("failed_stage", [1, 2])
def test_a_job_with_a_failed_task_in_any_stage_completes_with_errors(
    connection: Connection, failed_stage: int
) -> None:
    job = add_job(connection, total_stages=2)
    add_tasks(connection, job, ["completed"], stage=3 - failed_stage)
    add_tasks(connection, job, ["failed"], stage=failed_stage)
    advance(connection, job, 1)
    assert job_row(connection, job)["status"] == "processing"
    assert advance(connection, job, 2) == Advanced(True, 2, True)
    assert job_row(connection, job)["status"] == "completed_with_errors"


@pytest.mark.parametrize("stage", [-1, 0, 1, 3, 99])
def test_a_job_is_advanced_only_from_the_stage_it_is_in(connection: Connection, stage: int) -> None:
    job = add_job(connection, total_stages=3)
    advance(connection, job, 1)
    before = job_row(connection, job)
    assert advance(connection, job, stage, {"late": True}) == Advanced(False, 2, False)
    assert job_row(connection, job) == before


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_errors"])
def test_a_job_that_has_ended_is_not_advanced(connection: Connection, status: str) -> None:
    job = add_job(connection, total_stages=2, status=status)
    before = job_row(connection, job)
    assert not advance(connection, job, 1).job_updated
    assert job_row(connection, job) == before


def test_an_unknown_job_is_not_advanced(connection: Connection) -> None:
    assert advance(connection, UNKNOWN_JOB, 1) == Advanced(False, None, None)


def test_a_job_is_complete_when_every_task_of_every_stage_has_ended(
    connection: Connection,
) -> None:
    job = add_job(connection, total_stages=2)
    (first,) = add_tasks(connection, job, ["processing"], stage=1)
    end_task(connection, first, result={"rows": 1})
    assert not check(connection, job).job_complete
    advance(connection, job, 1)
    second, third = add_tasks(connection, job, ["processing", "processing"], stage=2)
    end_task(connection, second, error="lost")
    assert not check(connection, job).job_complete
    end_task(connection, third)
    completion = check(connection, job)
    assert (completion.job_complete, completion.final_stage) == (True, 2)
    assert (completion.total_tasks, completion.completed_tasks) == (3, 2)


def test_a_job_whose_next_stage_has_no_tasks_yet_is_not_complete(connection: Connection) -> None:
    job = add_job(connection, total_stages=2)
    add_tasks(connection, job, ["completed"], stage=1)
    assert not check(connection, job).job_complete
    advance(connection, job, 1)
    assert not check(connection, job).job_complete


def test_the_results_of_a_job_are_in_the_order_of_its_stages_and_tasks(
    connection: Connection,
) -> None:
    job = add_job(connection, total_stages=2)
    late = add_tasks(connection, job, ["completed"], stage=2)
    early = add_tasks(connection, job, ["completed", "failed"], stage=1)
    connection.execute(
        "UPDATE app.tasks SET result_data = '{\"n\": 1}' WHERE task_id = %s", early[:1]
    )
    connection.execute("UPDATE app.tasks SET error_details = 'lost' WHERE task_id = %s", early[1:])
    facts = ("task_id", "stage", "status", "result", "error")
    assert [
        tuple(task[fact] for fact in facts) for task in check(connection, job).task_results
    ] == [
        (early[0], 1, "completed", {"n": 1}, None),
        (early[1], 1, "failed", None, "lost"),
        (late[0], 2, "completed", None, None),
    ]


def test_a_job_without_tasks_is_not_complete(connection: Connection) -> None:
    assert check(connection, add_job(connection)) == Completion(False, 1, 0, 0, [])


def test_an_unknown_job_is_not_complete_and_has_no_tasks(connection: Connection) -> None:
    assert check(connection, UNKNOWN_JOB) == Completion(False, None, 0, 0, [])


# What they return, and where they work ---------------------------------------------------------


def test_the_functions_return_the_types_that_they_declare(connection: Connection) -> None:
    job = add_job(connection)
    (task_id,) = add_tasks(connection, job, ["processing"])
    assert returned_types(connection, COMPLETE, [task_id]) == {
        "task_updated": "boolean",
        "is_last_task_in_stage": "boolean",
        "job_id": "character varying",
        "stage_number": "integer",
        "remaining_tasks": "integer",
    }
    assert returned_types(connection, "advance_job_stage", [job, 1]) == {
        "job_updated": "boolean",
        "new_stage": "integer",
        "is_final_stage": "boolean",
    }
    assert returned_types(connection, "check_job_completion", [job]) == {
        "job_complete": "boolean",
        "final_stage": "integer",
        "total_tasks": "integer",
        "completed_tasks": "integer",
        "task_results": "jsonb",
    }


@pytest.mark.parametrize("path", ["", "app", "pg_catalog", "decoys", "decoys, pg_catalog"])
def test_the_functions_work_under_any_search_path(url: str, path: str) -> None:
    """Also where it leads to tables, functions and temporary tables of the same names."""
    with psycopg.connect(url, autocommit=True) as connection:
        job = add_job(connection, total_stages=2)
        (task_id,) = add_tasks(connection, job, ["processing"])
        lay_decoys(connection)
        connection.execute(f"SET search_path = {path or repr('')}".encode())
        assert end_task(connection, task_id) == Ended(True, True, job, 1, 0)
        assert advance(connection, job, 1, {}) == Advanced(True, 2, False)
        assert [task["task_id"] for task in check(connection, job).task_results] == [task_id]


def test_each_call_makes_the_times_of_what_it_moved_newer(connection: Connection) -> None:
    job = add_job(connection, total_stages=2)
    (task_id,) = add_tasks(connection, job, ["processing"])
    created = job_row(connection, job)["updated_at"]
    end_task(connection, task_id)
    ended = job_row(connection, job)["updated_at"]
    advance(connection, job, 1)
    assert created < ended < job_row(connection, job)["updated_at"]
    assert task_row(connection, task_id)["updated_at"] > task_row(connection, task_id)["created_at"]


STATUSES = st.sampled_from(["queued", "processing", "processing", "completed", "failed"])
TASKS = st.lists(st.tuples(st.integers(1, 3), STATUSES), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(tasks=TASKS, calls=st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=16))
def test_any_calls_in_any_order_do_what_a_plain_count_says(
    connection: Connection, tasks: list[tuple[int, str]], calls: list[tuple[int, bool]]
) -> None:
    job = add_job(connection, total_stages=3)
    ids = [add_tasks(connection, job, [status], stage=stage)[0] for stage, status in tasks]
    statuses = [status for _, status in tasks]
    for number, fails in calls:
        chosen = number % len(tasks)
        moves = statuses[chosen] == "processing"
        if moves:
            statuses[chosen] = "failed" if fails else "completed"
        stage = tasks[chosen][0]
        open_tasks = sum(
            of == stage and status in ("queued", "processing")
            for (of, _), status in zip(tasks, statuses, strict=True)
        )
        expected = Ended(moves, moves and open_tasks == 0, job, stage, open_tasks)
        assert end_task(connection, ids[chosen], error="lost" if fails else None) == expected
    assert [task_row(connection, task_id)["status"] for task_id in ids] == statuses
    completion = check(connection, job)
    assert (completion.total_tasks, completion.completed_tasks) == (
        len(ids),
        statuses.count("completed"),
    )


# Many callers ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "pairs"),
    [(READ_COMMITTED, 2000), (REPEATABLE_READ, 2000), (SERIALIZABLE, 500)],
    ids=["read committed", "repeatable read", "serializable"],
)
def test_of_two_last_tasks_that_end_at_once_exactly_one_is_last(
    url: str, connection: Connection, level: IsolationLevel, pairs: int
) -> None:
    assert race(url, make_pairs(connection, pairs), level) == {1: pairs}


@pytest.mark.parametrize(
    ("instead", "level"),
    [
        ("NULL", READ_COMMITTED),
        ("NULL", REPEATABLE_READ),
        ("PERFORM FROM app.jobs AS job WHERE job.job_id = {}.job_id FOR UPDATE", REPEATABLE_READ),
    ],
    ids=["no lock", "no lock, repeatable read", "a lock that changes nothing, repeatable read"],
)
def test_the_race_finds_a_function_that_leaves_a_job_with_no_last_task(
    url: str, connection: Connection, instead: str, level: IsolationLevel
) -> None:
    """Otherwise it would mean little that it finds nothing in ours."""
    faulty = make_faulty_function(connection, instead)
    assert race(url, make_pairs(connection, 200), level, function=faulty)[0] > 0


@pytest.mark.parametrize(
    "level", [READ_COMMITTED, REPEATABLE_READ], ids=["read committed", "repeatable read"]
)
def test_of_many_tasks_that_several_callers_end_each_moves_once_and_one_is_last(
    url: str, connection: Connection, level: IsolationLevel
) -> None:
    tasks = add_tasks(connection, add_job(connection), ["processing"] * 60)
    lanes = [tasks, tasks[::-1], tasks[30:] + tasks[:30], tasks[29::-1] + tasks[:29:-1]]

    def work(lane: Sequence[str]) -> list[Ended]:
        with psycopg.connect(url) as caller:
            return [in_transaction(caller, level, end_task, task_id) for task_id in lane]

    ended = list(itertools.chain.from_iterable(at_once(work, lanes)))
    moved = [row for row in ended if row.task_updated]
    assert sorted(row.remaining_tasks or 0 for row in moved) == [*range(60)]
    assert [row.remaining_tasks for row in ended if row.is_last_task_in_stage] == [0]


@pytest.mark.parametrize(
    "level", [READ_COMMITTED, REPEATABLE_READ], ids=["read committed", "repeatable read"]
)
def test_of_many_who_advance_a_job_from_one_stage_one_does(
    url: str, connection: Connection, level: IsolationLevel
) -> None:
    job, together = add_job(connection, total_stages=50), threading.Barrier(3, timeout=30)

    def work(caller_number: int) -> list[bool]:
        won = []
        with psycopg.connect(url) as caller:
            for stage in range(1, 51):
                together.wait()
                advanced = in_transaction(caller, level, advance, job, stage, caller_number)
                won.append(advanced.job_updated)
        return won

    winners = [*zip(*at_once(work, range(3)), strict=True)]
    assert [sum(stage) for stage in winners] == [1] * 50
    row = job_row(connection, job)
    assert row["status"] == "completed"
    assert row["stage_results"] == {
        str(stage): won.index(True) for stage, won in enumerate(winners, start=1)
    }


def race(
    url: str, pairs: Sequence[Sequence[str]], level: IsolationLevel, function: str = COMPLETE
) -> Counter[int]:
    """End both tasks of each pair at once. How many jobs had 0, 1 or 2 last tasks."""
    together = threading.Barrier(2, timeout=30)

    def work(lane: int) -> list[bool]:
        lasts = []
        with psycopg.connect(url) as caller:
            for pair in pairs:
                together.wait()
                ended = in_transaction(caller, level, end_task, pair[lane], function=function)
                lasts.append(ended.is_last_task_in_stage)
        return lasts

    return Counter(map(sum, zip(*at_once(work, range(2)), strict=True)))


def at_once(work: Callable[[T], R], lanes: Iterable[T]) -> list[R]:
    """Each lane in a thread of its own."""
    given_lanes = list(lanes)
    with ThreadPoolExecutor(len(given_lanes)) as threads:
        return list(threads.map(work, given_lanes))


def in_transaction(
    caller: Connection, level: IsolationLevel, act: Callable[..., R], *values: Any, **named: Any
) -> R:
    """As callers in the field do: tried again for as long as it cannot be serialized."""
    caller.isolation_level = level
    while True:
        try:
            with caller.transaction():
                return act(caller, *values, **named)
        except psycopg.errors.SerializationFailure:
            continue


def make_faulty_function(connection: Connection, instead: str) -> str:
    """The function that ends a task, with another statement for the one that locks the job."""
    name = f"complete_task_{next(numbers)}"
    row = connection.execute(
        "SELECT pg_get_functiondef(%s::regproc)", [f"app.{COMPLETE}"]
    ).fetchone()
    assert row is not None
    body = row[0].replace(COMPLETE, name)
    faulty, replaced = re.subn(
        r"UPDATE app\.jobs AS job.*?;", f"{instead.format(name)};", body, flags=re.DOTALL
    )
    assert replaced == 1
    connection.execute(faulty.encode())
    return name


# Asking the functions --------------------------------------------------------------------------


def end_task(
    connection: Connection,
    task_id: str,
    *,
    result: object = None,
    error: str | None = None,
    function: str = COMPLETE,
) -> Ended:
    values = [task_id, None if result is None else Jsonb(result), error]
    return Ended(*answer(connection, function, values))


def advance(connection: Connection, job_id: str, stage: int, results: object = None) -> Advanced:
    values = [job_id, stage, None if results is None else Jsonb(results)]
    return Advanced(*answer(connection, "advance_job_stage", values))


def check(connection: Connection, job_id: str) -> Completion:
    return Completion(*answer(connection, "check_job_completion", [job_id]))


def answer(connection: Connection, function: str, values: Sequence[object]) -> tuple[Any, ...]:
    (row,) = call(connection, function, values).fetchall()
    assert isinstance(row, tuple)
    return row


def returned_types(
    connection: Connection, function: str, values: Sequence[object]
) -> dict[str, str]:
    """The types of a call's columns, by name."""
    columns = call(connection, function, values).description or ()
    types = connection.adapters.types
    return {column.name: types[column.type_code].regtype for column in columns}


def call(connection: Connection, function: str, values: Sequence[object]) -> psycopg.Cursor[Any]:
    statement = sql.SQL("SELECT * FROM {}({})").format(
        sql.Identifier("app", function), sql.SQL(", ").join([sql.Placeholder()] * len(values))
    )
    return connection.execute(statement, values)


# Jobs and tasks to ask about -------------------------------------------------------------------


def new_job_id() -> str:
    return f"{next(numbers):064x}"


def add_job(connection: Connection, *, total_stages: int = 1, status: str = "processing") -> str:
    job_id = new_job_id()
    connection.execute(
        "INSERT INTO app.jobs (job_id, job_type, status, total_stages) VALUES (%s, 'test', %s, %s)",
        [job_id, status, total_stages],
    )
    return job_id


def add_tasks(
    connection: Connection, job_id: str, statuses: Sequence[str], *, stage: int = 1
) -> list[str]:
    ids = [f"task-{next(numbers):06}" for _ in statuses]
    connection.execute(
        "INSERT INTO app.tasks (task_id, parent_job_id, task_type, stage, status)"
        " SELECT task_id, %s, 'test', %s, status"
        " FROM unnest(%s::text[], %s::text[]) AS task (task_id, status)",
        [job_id, stage, ids, list(statuses)],
    )
    return ids


def make_pairs(connection: Connection, count: int) -> list[list[str]]:
    """As many jobs, each with the two tasks of its only stage under way."""
    with connection.transaction():
        jobs = [add_job(connection) for _ in range(count)]
        return [add_tasks(connection, job, ["processing"] * 2) for job in jobs]


def job_row(connection: Connection, job_id: str) -> dict[str, Any]:
    return one_row(connection, "SELECT * FROM app.jobs WHERE job_id = %s", job_id)


def task_row(connection: Connection, task_id: str) -> dict[str, Any]:
    return one_row(connection, "SELECT * FROM app.tasks WHERE task_id = %s", task_id)


def one_row(connection: Connection, statement: str, key: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        (row,) = cursor.execute(statement.encode(), [key]).fetchall()
    return row


def lay_decoys(connection: Connection) -> None:
    """What a body without a search_path of its own would trip over."""
    connection.execute(
        b"""
        CREATE SCHEMA IF NOT EXISTS decoys;
        CREATE TABLE IF NOT EXISTS decoys.jobs (job_id text);
        CREATE TABLE IF NOT EXISTS decoys.tasks (task_id text);
        CREATE TEMPORARY TABLE jobs (job_id text);
        CREATE TEMPORARY TABLE tasks (task_id text);
        CREATE OR REPLACE FUNCTION decoys.clock_timestamp() RETURNS timestamptz
            LANGUAGE sql AS 'SELECT CAST(1 / 0 AS text)::timestamptz';
        CREATE OR REPLACE FUNCTION decoys.jsonb_build_object(VARIADIC "any") RETURNS jsonb
            LANGUAGE internal STABLE AS 'jsonb_build_array';
        """
    )
