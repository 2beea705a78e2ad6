"""The three functions that move jobs on, against what the design promises of them."""

import itertools
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.conftest import SqlServerLab
from tests.contract.stages import (
    ALONE,
    COMPLETE,
    Advanced,
    Completion,
    Ended,
    PostgresStages,
    SqlServerStages,
    Stages,
    add_job,
    add_pairs,
    add_tasks,
    advance,
    check,
    end_task,
    in_transaction,
    job_of,
    job_row,
    new_job_id,
    task_row,
)

T = TypeVar("T")
R = TypeVar("R")

UNKNOWN_JOB = "f" * 64
ENGINES = ("postgres", "sqlserver")
PAIRS = int(os.environ.get("TEST_SQLSERVER_PAIRS", "2000"))
"""TEST_SQLSERVER_PAIRS makes it fewer jobs where that server is slow."""
RACES = {
    ("postgres", "READ COMMITTED"): 2000,
    ("postgres", "REPEATABLE READ"): 2000,
    ("postgres", "SERIALIZABLE"): 500,
    ("sqlserver", ALONE): PAIRS,
    ("sqlserver", "READ COMMITTED"): min(PAIRS, 200),
    ("sqlserver", "REPEATABLE READ"): min(PAIRS, 200),
    ("sqlserver", "SNAPSHOT"): min(PAIRS, 200),
    ("sqlserver", "SERIALIZABLE"): min(PAIRS, 200),
}


@pytest.fixture(scope="module")
def postgres_url(make_database: Callable[..., str], migrated: str) -> str:
    return make_database(migrated)


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[PostgresStages]:
    with closing(PostgresStages(postgres_url)) as stages:
        yield stages


@pytest.fixture(scope="module")
def sqlserver(sqlserver_lab: SqlServerLab, sqlserver_url: str) -> Iterator[SqlServerStages]:
    sqlserver_lab.empty()
    with closing(SqlServerStages(sqlserver_url)) as stages:
        stages.allow_snapshots()
        yield stages


@pytest.fixture(params=ENGINES, scope="module")
def stages(request: pytest.FixtureRequest) -> Stages:
    found: Stages = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def racing(request: pytest.FixtureRequest) -> tuple[Stages, str]:
    """An engine, and an isolation level that it has."""
    engine, level = request.param
    found: Stages = request.getfixturevalue(engine)
    try:
        with found.caller(level):
            return found, level
    except found.errors:
        pytest.skip(f"SQL Server: the one of TEST_SQLSERVER_URL has no {level}")


def at_levels(*, without: Iterable[str] = ()) -> pytest.MarkDecorator:
    chosen = [place for place in RACES if place[1] not in without]
    names = [f"{engine}, {level.lower()}" for engine, level in chosen]
    return pytest.mark.parametrize("racing", chosen, ids=names, indirect=True)


# One caller ------------------------------------------------------------------------------------


def test_completing_a_task_stores_its_result_and_counts_what_remains(stages: Stages) -> None:
    job = add_job(stages)
    first, _ = add_tasks(stages, job, ["processing", "processing"])
    assert end_task(stages, first, result='{"rows": 3}') == Ended(True, False, job, 1, 1)
    task = task_row(stages, first)
    assert (task["status"], task["result_data"], task["error_details"]) == (
        "completed",
        {"rows": 3},
        None,
    )


def test_an_error_fails_the_task_and_keeps_its_text(stages: Stages) -> None:
    job = add_job(stages)
    (task_id,) = add_tasks(stages, job, ["processing"])
    assert end_task(stages, task_id, error="no such file") == Ended(True, True, job, 1, 0)
    task = task_row(stages, task_id)
    assert (task["status"], task["error_details"]) == ("failed", "no such file")


def test_an_empty_error_is_an_error(stages: Stages) -> None:
    (task_id,) = add_tasks(stages, add_job(stages), ["processing"])
    end_task(stages, task_id, error="")
    assert task_row(stages, task_id)["status"] == "failed"


def test_a_failed_task_counts_as_ended(stages: Stages) -> None:
    job = add_job(stages)
    *_, last = add_tasks(stages, job, ["failed", "completed", "processing"])
    assert end_task(stages, last).is_last_task_in_stage


@pytest.mark.parametrize("status", ["queued", "completed", "failed"])
def test_only_a_processing_task_moves(stages: Stages, status: str) -> None:
    job = add_job(stages)
    (task_id,) = add_tasks(stages, job, [status])
    before = task_row(stages, task_id)
    ended = end_task(stages, task_id, result='{"late": true}', error="late")
    assert ended == Ended(False, False, job, 1, 1 if status == "queued" else 0)
    assert task_row(stages, task_id) == before


def test_ending_a_task_twice_is_the_same_as_once(stages: Stages) -> None:
    (task_id,) = add_tasks(stages, add_job(stages), ["processing"])
    assert end_task(stages, task_id, result="1").is_last_task_in_stage
    again = end_task(stages, task_id, result="2")
    assert (again.task_updated, again.is_last_task_in_stage) == (False, False)
    assert task_row(stages, task_id)["result_data"] == 1


def test_an_unknown_task_moves_nothing_and_is_of_no_job(stages: Stages) -> None:
    assert end_task(stages, "no such task") == Ended(False, False, None, None, None)


def test_tasks_of_other_stages_and_other_jobs_do_not_count(stages: Stages) -> None:
    job, other = add_job(stages, total_stages=2), add_job(stages)
    (task_id,) = add_tasks(stages, job, ["processing"], stage=1)
    add_tasks(stages, job, ["queued", "processing"], stage=2)
    add_tasks(stages, other, ["processing"])
    assert end_task(stages, task_id) == Ended(True, True, job, 1, 0)


def test_a_queued_task_keeps_its_stage_open(stages: Stages) -> None:
    job = add_job(stages)
    task_id, _ = add_tasks(stages, job, ["processing", "queued"])
    assert end_task(stages, task_id) == Ended(True, False, job, 1, 1)


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_errors"])
def test_a_late_task_of_a_job_that_has_ended_leaves_the_job_as_it_was(
    stages: Stages, status: str
) -> None:
    job = add_job(stages, status=status)
    (task_id,) = add_tasks(stages, job, ["processing"])
    before = job_row(stages, job)
    assert end_task(stages, task_id).task_updated
    assert job_row(stages, job) == before


@pytest.mark.parametrize("result", ['{"a": [1, "x"]}', "[1, 2]", "17", '"text"', "null", "true"])
def test_any_json_value_can_be_a_result_of_a_task_and_of_a_stage(
    stages: Stages, result: str
) -> None:
    job = add_job(stages, total_stages=2)
    (task_id,) = add_tasks(stages, job, ["processing"])
    end_task(stages, task_id, result=result)
    assert advance(stages, job, 1, result) == Advanced(True, 2, False)
    assert job_row(stages, job)["stage_results"] == {"1": json.loads(result)}
    (task,) = check(stages, job).task_results
    assert task["result"] == json.loads(result)


@pytest.mark.parametrize("result", ["{", "x", '{"a": 1', '1}, "2": {'])
def test_what_is_no_json_is_refused_and_nothing_moves(stages: Stages, result: str) -> None:
    job = add_job(stages, total_stages=2)
    (task_id,) = add_tasks(stages, job, ["processing"])
    before = task_row(stages, task_id)
    with pytest.raises(stages.errors):
        end_task(stages, task_id, result=result)
    with pytest.raises(stages.errors):
        advance(stages, job, 1, result)
    assert task_row(stages, task_id) == before
    assert job_row(stages, job)["stage"] == 1


def test_advancing_keeps_the_stage_s_results_under_its_number_as_text(stages: Stages) -> None:
    job = add_job(stages, total_stages=3)
    assert advance(stages, job, 1, '{"files": 2}') == Advanced(True, 2, False)
    assert advance(stages, job, 2, "[1, 2]") == Advanced(True, 3, False)
    row = job_row(stages, job)
    assert row["stage_results"] == {"1": {"files": 2}, "2": [1, 2]}
    assert (row["stage"], row["status"]) == (3, "processing")


def test_advancing_without_results_leaves_those_of_before(stages: Stages) -> None:
    job = add_job(stages, total_stages=3)
    advance(stages, job, 1, '{"files": 2}')
    advance(stages, job, 2)
    assert job_row(stages, job)["stage_results"] == {"1": {"files": 2}}


def test_the_final_stage_completes_the_job_and_breaks_no_constraint(stages: Stages) -> None:
    job = add_job(stages, total_stages=1)
    add_tasks(stages, job, ["completed"])
    assert advance(stages, job, 1, '{"sum": 6}') == Advanced(True, 1, True)
    row = job_row(stages, job)
    assert (row["status"], row["stage"], row["total_stages"]) == ("completed", 1, 1)
    assert row["stage_results"] == {"1": {"sum": 6}}


def test_a_job_of_a_hundred_stages_goes_through_all_of_them(stages: Stages) -> None:
    job = add_job(stages, total_stages=100)
    advanced = [advance(stages, job, stage) for stage in range(1, 101)]
    assert [step.new_stage for step in advanced] == [*range(2, 101), 100]
    assert [step.is_final_stage for step in advanced] == [False] * 99 + [True]
    assert job_row(stages, job)["status"] == "completed"


@pytest.mark.parametrize("failed_stage", [1, 2])
def test_a_job_with_a_failed_task_in_any_stage_completes_with_errors(
    stages: Stages, failed_stage: int
) -> None:
    job = add_job(stages, total_stages=2)
    add_tasks(stages, job, ["completed"], stage=3 - failed_stage)
    add_tasks(stages, job, ["failed"], stage=failed_stage)
    advance(stages, job, 1)
    assert job_row(stages, job)["status"] == "processing"
    assert advance(stages, job, 2) == Advanced(True, 2, True)
    assert job_row(stages, job)["status"] == "completed_with_errors"


@pytest.mark.parametrize("stage", [-1, 0, 1, 3, 99])
def test_a_job_is_advanced_only_from_the_stage_it_is_in(stages: Stages, stage: int) -> None:
    job = add_job(stages, total_stages=3)
    advance(stages, job, 1)
    before = job_row(stages, job)
    assert advance(stages, job, stage, '{"late": true}') == Advanced(False, 2, False)
    assert job_row(stages, job) == before


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_errors"])
def test_a_job_that_has_ended_is_not_advanced(stages: Stages, status: str) -> None:
    job = add_job(stages, total_stages=2, status=status)
    before = job_row(stages, job)
    assert not advance(stages, job, 1).job_updated
    assert job_row(stages, job) == before


def test_an_unknown_job_is_not_advanced(stages: Stages) -> None:
    assert advance(stages, UNKNOWN_JOB, 1) == Advanced(False, None, None)


def test_a_job_is_complete_when_every_task_of_every_stage_has_ended(stages: Stages) -> None:
    job = add_job(stages, total_stages=2)
    (first,) = add_tasks(stages, job, ["processing"], stage=1)
    end_task(stages, first, result='{"rows": 1}')
    assert not check(stages, job).job_complete
    advance(stages, job, 1)
    second, third = add_tasks(stages, job, ["processing", "processing"], stage=2)
    end_task(stages, second, error="lost")
    assert not check(stages, job).job_complete
    end_task(stages, third)
    completion = check(stages, job)
    assert (completion.job_complete, completion.final_stage) == (True, 2)
    assert (completion.total_tasks, completion.completed_tasks) == (3, 2)


def test_a_job_whose_next_stage_has_no_tasks_yet_is_not_complete(stages: Stages) -> None:
    job = add_job(stages, total_stages=2)
    add_tasks(stages, job, ["completed"], stage=1)
    assert not check(stages, job).job_complete
    advance(stages, job, 1)
    assert not check(stages, job).job_complete


def test_the_results_of_a_job_are_in_the_order_of_its_stages_and_tasks(stages: Stages) -> None:
    job = add_job(stages, total_stages=2)
    late = add_tasks(stages, job, ["completed"], stage=2)
    early = add_tasks(stages, job, ["processing", "processing"], stage=1)
    end_task(stages, early[1], error='it said "no"\n\\')
    end_task(stages, early[0], result='{"n": 1}')
    facts = ("task_id", "stage", "status", "result", "error")
    assert [tuple(task[fact] for fact in facts) for task in check(stages, job).task_results] == [
        (early[0], 1, "completed", {"n": 1}, None),
        (early[1], 1, "failed", None, 'it said "no"\n\\'),
        (late[0], 2, "completed", None, None),
    ]


def test_a_job_without_tasks_is_not_complete(stages: Stages) -> None:
    assert check(stages, add_job(stages)) == Completion(False, 1, 0, 0, [])


def test_an_unknown_job_is_not_complete_and_has_no_tasks(stages: Stages) -> None:
    assert check(stages, UNKNOWN_JOB) == Completion(False, None, 0, 0, [])


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
def test_a_job_that_breaks_a_rule_is_refused(stages: Stages, column: str, value: object) -> None:
    with pytest.raises(stages.errors):
        stages.insert("jobs", job_of(new_job_id()) | {column: value})


def test_each_call_makes_the_times_of_what_it_moved_newer(stages: Stages) -> None:
    job = add_job(stages, total_stages=2)
    (task_id,) = add_tasks(stages, job, ["processing"])
    created = job_row(stages, job)["updated_at"]
    end_task(stages, task_id)
    ended = job_row(stages, job)["updated_at"]
    advance(stages, job, 1)
    assert created < ended < job_row(stages, job)["updated_at"]
    assert task_row(stages, task_id)["updated_at"] > task_row(stages, task_id)["created_at"]


STATUSES = st.sampled_from(["queued", "processing", "processing", "completed", "failed"])
TASKS = st.lists(st.tuples(st.integers(1, 3), STATUSES), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(tasks=TASKS, calls=st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=16))
def test_any_calls_in_any_order_do_what_a_plain_count_says(
    stages: Stages, tasks: list[tuple[int, str]], calls: list[tuple[int, bool]]
) -> None:
    job = add_job(stages, total_stages=3)
    ids = [add_tasks(stages, job, [status], stage=stage)[0] for stage, status in tasks]
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
        assert end_task(stages, ids[chosen], error="lost" if fails else None) == expected
    assert [task_row(stages, task_id)["status"] for task_id in ids] == statuses
    completion = check(stages, job)
    assert (completion.total_tasks, completion.completed_tasks) == (
        len(ids),
        statuses.count("completed"),
    )


# PostgreSQL's own ------------------------------------------------------------------------------


def test_the_functions_return_the_types_that_they_declare(postgres: PostgresStages) -> None:
    job = add_job(postgres)
    (task_id,) = add_tasks(postgres, job, ["processing"])
    assert returned_types(postgres, COMPLETE, task_id) == {
        "task_updated": "boolean",
        "is_last_task_in_stage": "boolean",
        "job_id": "character varying",
        "stage_number": "integer",
        "remaining_tasks": "integer",
    }
    assert returned_types(postgres, "advance_job_stage", job, 1) == {
        "job_updated": "boolean",
        "new_stage": "integer",
        "is_final_stage": "boolean",
    }
    assert returned_types(postgres, "check_job_completion", job) == {
        "job_complete": "boolean",
        "final_stage": "integer",
        "total_tasks": "integer",
        "completed_tasks": "integer",
        "task_results": "jsonb",
    }


def returned_types(stages: PostgresStages, function: str, *values: object) -> dict[str, str]:
    """The types of a call's columns, by name."""
    columns = stages.call(function, *values).description or ()
    types = stages.connection.adapters.types
    return {column.name: types[column.type_code].regtype for column in columns}


@pytest.mark.parametrize("path", ["", "app", "pg_catalog", "decoys", "decoys, pg_catalog"])
def test_the_functions_work_under_any_search_path(postgres_url: str, path: str) -> None:
    """Also where it leads to tables, functions and temporary tables of the same names."""
    with closing(PostgresStages(postgres_url)) as stages:
        job = add_job(stages, total_stages=2)
        (task_id,) = add_tasks(stages, job, ["processing"])
        lay_decoys(stages.connection)
        stages.connection.execute(f"SET search_path = {path or repr('')}".encode())
        assert end_task(stages, task_id) == Ended(True, True, job, 1, 0)
        assert advance(stages, job, 1, "{}") == Advanced(True, 2, False)
        assert [task["task_id"] for task in check(stages, job).task_results] == [task_id]


def lay_decoys(connection: psycopg.Connection[Any]) -> None:
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


# Many callers ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
@at_levels()
def test_of_two_last_tasks_that_end_at_once_exactly_one_is_last(
    racing: tuple[Stages, str], request: pytest.FixtureRequest
) -> None:
    """At the size at which a fault would show."""
    stages, level = racing
    count = RACES[request.node.callspec.params["racing"]]
    assert race(stages, add_pairs(stages, count), level) == {1: count}


@pytest.mark.parametrize(
    ("engine", "instead", "level"),
    [
        ("postgres", "NULL", "READ COMMITTED"),
        ("postgres", "NULL", "REPEATABLE READ"),
        (
            "postgres",
            "PERFORM FROM app.jobs AS job WHERE job.job_id = {}.job_id FOR UPDATE",
            "REPEATABLE READ",
        ),
        ("sqlserver", "", "SNAPSHOT"),
    ],
    ids=[
        "no lock",
        "no lock, repeatable read",
        "a lock that changes nothing, repeatable read",
        "no lock, snapshot",
    ],
)
def test_the_race_finds_a_function_that_leaves_a_job_with_no_last_task(
    request: pytest.FixtureRequest, engine: str, instead: str, level: str
) -> None:
    """Otherwise it would mean little that it finds nothing in ours.

    On a busy machine two callers may miss each other 200 times, but not in as many pairs as ours
    are tried with.
    """
    stages: Stages = request.getfixturevalue(engine)
    faulty = stages.copy_faulty(instead)
    lost = (race(stages, add_pairs(stages, 200), level, function=faulty)[0] for _ in range(10))
    assert any(lost)


@pytest.mark.slow
@at_levels(without=[ALONE])
def test_of_many_tasks_that_several_callers_end_each_moves_once_and_one_is_last(
    racing: tuple[Stages, str],
) -> None:
    stages, level = racing
    tasks = add_tasks(stages, add_job(stages), ["processing"] * 60)
    lanes = [tasks, tasks[::-1], tasks[30:] + tasks[:30], tasks[29::-1] + tasks[:29:-1]]

    def work(lane: Sequence[str]) -> list[Ended]:
        with stages.caller(level) as caller:
            return [end_in_transaction(caller, task_id) for task_id in lane]

    ended = list(itertools.chain.from_iterable(at_once(work, lanes)))
    moved = [row for row in ended if row.task_updated]
    assert sorted(row.remaining_tasks or 0 for row in moved) == [*range(60)]
    assert [row.remaining_tasks for row in ended if row.is_last_task_in_stage] == [0]


@at_levels(without=[ALONE])
def test_of_many_who_advance_a_job_from_one_stage_one_does(racing: tuple[Stages, str]) -> None:
    stages, level = racing
    job, together = add_job(stages, total_stages=20), threading.Barrier(3, timeout=30)

    def work(lane: int) -> list[bool]:
        won = []
        with stages.caller(level) as caller:
            for stage in range(1, 21):
                together.wait()
                won.append(advance_in_transaction(caller, job, stage, str(lane)).job_updated)
        return won

    winners = [*zip(*at_once(work, range(3)), strict=True)]
    assert [sum(stage) for stage in winners] == [1] * 20
    row = job_row(stages, job)
    assert row["status"] == "completed"
    assert row["stage_results"] == {
        str(stage): won.index(True) for stage, won in enumerate(winners, start=1)
    }


def race(
    stages: Stages, pairs: Sequence[Sequence[str]], level: str, function: str = COMPLETE
) -> Counter[int]:
    """End both tasks of each pair at once. How many jobs had 0, 1 or 2 last tasks."""
    together = threading.Barrier(2, timeout=60)

    def work(lane: int) -> list[bool]:
        lasts = []
        with stages.caller(level) as caller:
            for pair in pairs:
                together.wait()
                ended = end_in_transaction(caller, pair[lane], function=function)
                lasts.append(ended.is_last_task_in_stage)
        return lasts

    return Counter(map(sum, zip(*at_once(work, range(2)), strict=True)))


def end_in_transaction(caller: Stages, task_id: str, *, function: str = COMPLETE) -> Ended:
    return in_transaction(caller, lambda: end_task(caller, task_id, function=function))


def advance_in_transaction(caller: Stages, job: str, stage: int, results: str) -> Advanced:
    return in_transaction(caller, lambda: advance(caller, job, stage, results))


def at_once(work: Callable[[T], R], lanes: Iterable[T]) -> list[R]:
    """Each lane in a thread of its own."""
    given_lanes = list(lanes)
    with ThreadPoolExecutor(len(given_lanes)) as threads:
        return list(threads.map(work, given_lanes))
