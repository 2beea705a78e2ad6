"""The three functions that move jobs on, asked on each engine in its own words.

They are functions on PostgreSQL and procedures on SQL Server; JSON goes in as text.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row

from repositories.sqlserver.connections import connect
from repositories.sqlserver.driver import load_driver
from repositories.urls import parse

R = TypeVar("R")
numbers = itertools.count(1)

COMPLETE = "complete_task_and_check_stage"
ALONE = "ALONE"
"""No transaction of the caller's own: the function is one."""
BATCH = 200
"""Pairs of tasks, of ten values each, in one insert: SQL Server takes 2,100 values."""


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


class Stages(Protocol):
    """One connection to a database with the jobs schema."""

    connection: Any

    @property
    def errors(self) -> type[Exception]:
        """What a refused statement raises."""
        ...

    @contextmanager
    def caller(self, level: str) -> Iterator[Self]:
        """Another connection, at an isolation level or ALONE. Raises `errors` without the level."""
        ...

    def gives_way(self, error: Exception) -> bool:
        """Whether the transaction is to be tried again, because of another."""
        ...

    def answer(self, function: str, *values: object) -> tuple[Any, ...]:
        """The only row of a call."""
        ...

    def insert(self, table: str, *rows: Mapping[str, object]) -> None:
        """Rows of the same columns."""
        ...

    def find_row(self, table: str, key: str, value: str) -> dict[str, Any]: ...
    def copy_faulty(self, instead: str) -> str:
        """The name of a function that ends a task, with `instead` for what locks the job."""
        ...


class PostgresStages:
    errors = psycopg.Error

    def __init__(self, url: str) -> None:
        self._url = url
        self.connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def caller(self, level: str) -> Iterator[Self]:
        with closing(type(self)(self._url)) as other:
            if level != ALONE:
                other.connection.isolation_level = IsolationLevel[level.replace(" ", "_")]
                other.connection.autocommit = False
            yield other

    def gives_way(self, error: Exception) -> bool:
        return isinstance(error, psycopg.errors.SerializationFailure)

    def call(self, function: str, *values: object) -> psycopg.Cursor[Any]:
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        name = sql.Identifier("app", function)
        return self.connection.execute(sql.SQL("SELECT * FROM {}({})").format(name, marks), values)

    def answer(self, function: str, *values: object) -> tuple[Any, ...]:
        (row,) = self.call(function, *values).fetchall()
        assert isinstance(row, tuple)
        return row

    def insert(self, table: str, *rows: Mapping[str, object]) -> None:
        self.connection.execute(insertion(table, rows, "%s").encode(), values_of(rows))

    def find_row(self, table: str, key: str, value: str) -> dict[str, Any]:
        text = f"SELECT * FROM app.{table} WHERE {key} = %s"  # noqa: S608
        with self.connection.cursor(row_factory=dict_row) as cursor:
            (row,) = cursor.execute(text.encode(), [value]).fetchall()
        return row

    def copy_faulty(self, instead: str) -> str:
        name = f"complete_task_{next(numbers)}"
        row = self.connection.execute(
            "SELECT pg_get_functiondef(%s::regproc)", [f"app.{COMPLETE}"]
        ).fetchone()
        assert row is not None
        body = row[0].replace(COMPLETE, name)
        faulty, replaced = re.subn(
            r"UPDATE app\.jobs AS job.*?;", f"{instead.format(name)};", body, flags=re.DOTALL
        )
        assert replaced == 1
        self.connection.execute(faulty.encode())
        return name


class SqlServerStages:
    # A deadlock's victim; a row that changed since the snapshot, in the words of two servers.
    GIVES_WAY = re.compile(r"\(1205\)|\(3960\)|could not serialize access")
    JSON: ClassVar = {"parameters", "stage_results", "result_data"}

    def __init__(self, url: str) -> None:
        self._url = url
        self.connection = connect(parse(url))
        self.errors: type[Exception] = load_driver().Error

    def close(self) -> None:
        self.connection.close()

    def allow_snapshots(self) -> None:
        """A server that always has them does not know the option."""
        with suppress(self.errors):
            self.connection.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON")

    @contextmanager
    def caller(self, level: str) -> Iterator[Self]:
        with closing(type(self)(self._url)) as other:
            if level != ALONE:
                other.connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
                other.connection.autocommit = False
            yield other

    def gives_way(self, error: Exception) -> bool:
        return self.GIVES_WAY.search(str(error)) is not None

    def answer(self, function: str, *values: object) -> tuple[Any, ...]:
        marks = ", ".join("?" * len(values))
        _, row = self._row(f"EXEC app.{function} {marks}", *values)
        *others, last = row
        return (*others, json.loads(last)) if function == "check_job_completion" else row

    def insert(self, table: str, *rows: Mapping[str, object]) -> None:
        self.connection.execute(insertion(table, rows, "?"), values_of(rows))

    def find_row(self, table: str, key: str, value: str) -> dict[str, Any]:
        names, row = self._row(f"SELECT * FROM app.{table} WHERE {key} = ?", value)  # noqa: S608
        return {
            name: json.loads(found) if name in self.JSON and found is not None else found
            for name, found in zip(names, row, strict=True)
        }

    def copy_faulty(self, instead: str) -> str:
        name = f"complete_task_{next(numbers)}"
        _, (body,) = self._row(
            "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(?)",
            f"app.{COMPLETE}",
        )
        faulty, replaced = re.subn(
            r"\bUPDATE app\.jobs.*?(?=UPDATE app\.tasks)",
            instead,
            body[body.index("CREATE PROCEDURE") :].replace(COMPLETE, name),
            flags=re.DOTALL,
        )
        assert replaced == 1
        self.connection.execute(faulty)
        return name

    def _row(self, statement: str, *values: object) -> tuple[list[str], tuple[Any, ...]]:
        """The only one; all of it is read, so that an error behind it is heard of."""
        cursor = self.connection.execute(statement, *values)
        while cursor.description is None:
            cursor.nextset()
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
        while cursor.nextset():
            pass
        return names, tuple(row)


def insertion(table: str, rows: Sequence[Mapping[str, object]], mark: str) -> str:
    values = f"({', '.join([mark] * len(rows[0]))})"
    return (
        f"INSERT INTO app.{table} ({', '.join(rows[0])}) VALUES {', '.join([values] * len(rows))}"  # noqa: S608
    )


def values_of(rows: Sequence[Mapping[str, object]]) -> list[object]:
    return [value for row in rows for value in row.values()]


def in_transaction(stages: Stages, act: Callable[[], R]) -> R:
    """As callers in the field do: tried again for as long as it gives way to another's."""
    while True:
        try:
            answer = act()
            stages.connection.commit()
            return answer
        except stages.errors as error:
            stages.connection.rollback()
            if not stages.gives_way(error):
                raise


# Asking the functions --------------------------------------------------------------------------


def end_task(
    stages: Stages,
    task_id: str,
    *,
    result: str | None = None,
    error: str | None = None,
    function: str = COMPLETE,
) -> Ended:
    return Ended(*stages.answer(function, task_id, result, error))


def advance(stages: Stages, job_id: str, stage: int, results: str | None = None) -> Advanced:
    return Advanced(*stages.answer("advance_job_stage", job_id, stage, results))


def check(stages: Stages, job_id: str) -> Completion:
    return Completion(*stages.answer("check_job_completion", job_id))


# Jobs and tasks to ask about -------------------------------------------------------------------


def new_job_id() -> str:
    return f"{next(numbers):064x}"


def job_of(job_id: str, **columns: object) -> dict[str, object]:
    return {"job_id": job_id, "job_type": "test", "status": "processing", **columns}


def task_of(job_id: str, status: str, stage: int = 1) -> dict[str, object]:
    return {
        "task_id": f"task-{next(numbers):06}",
        "parent_job_id": job_id,
        "task_type": "test",
        "stage": stage,
        "status": status,
    }


def add_job(stages: Stages, **columns: object) -> str:
    job_id = new_job_id()
    stages.insert("jobs", job_of(job_id, **columns))
    return job_id


def add_tasks(stages: Stages, job_id: str, statuses: Sequence[str], *, stage: int = 1) -> list[str]:
    tasks = [task_of(job_id, status, stage) for status in statuses]
    stages.insert("tasks", *tasks)
    return [str(task["task_id"]) for task in tasks]


def add_pairs(stages: Stages, count: int) -> list[list[str]]:
    """As many jobs, each with the two tasks of its only stage under way."""
    jobs = [new_job_id() for _ in range(count)]
    pairs = [[task_of(job, "processing") for _ in range(2)] for job in jobs]
    for start in range(0, count, BATCH):
        batch = slice(start, start + BATCH)
        stages.insert("jobs", *map(job_of, jobs[batch]))
        stages.insert("tasks", *itertools.chain.from_iterable(pairs[batch]))
    return [[str(task["task_id"]) for task in pair] for pair in pairs]


def job_row(stages: Stages, job_id: str) -> dict[str, Any]:
    return stages.find_row("jobs", "job_id", job_id)


def task_row(stages: Stages, task_id: str) -> dict[str, Any]:
    return stages.find_row("tasks", "task_id", task_id)
