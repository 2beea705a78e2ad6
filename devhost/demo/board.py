"""The tables app.jobs and app.tasks, as one worker's connection sees and changes them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from devhost.demo.workload import Job, Task, Values
from repositories.postgres.connections import connect
from repositories.statements import Statement, compile_statement, sections
from repositories.urls import DatabaseUrl

T = TypeVar("T")
Isolation = Literal["read committed", "repeatable read"]
ATTEMPTS = 100
LONGEST_PAUSE_SECONDS = 0.02


class Board:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.conflicts = 0

    def transact(self, change: Callable[[], T]) -> T:
        """Make it in one transaction, and again where the server says that two got in each
        other's way.
        """
        again = Retrying(
            retry=retry_if_exception_type((SerializationFailure, DeadlockDetected)),
            wait=wait_random(0, LONGEST_PAUSE_SECONDS),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=lambda _: self._note_conflict(),
            reraise=True,
        )
        made: T = again(self._transact_once, change)
        return made

    def isolate(self, level: Isolation) -> None:
        """Whatever level the server gives those who name none."""
        self._execute("isolate", level=level)

    def is_migrated(self) -> bool:
        return bool(self._row("is_migrated")["is_migrated"])

    def next_run(self, job_type: str) -> int:
        """The number of a new run; whoever asks next waits until this transaction ends."""
        self._execute("wait_for_turn")
        return int(self._row("next_run", job_type=job_type)["run"])

    def add_job(self, job: Job) -> None:
        self._execute(
            "add_job",
            job_id=job.job_id,
            job_type=job.job_type.name,
            total_stages=len(job.job_type.stages),
            parameters=Jsonb(job.parameters),
        )

    def add_tasks(self, job: Job, stage: int, planned: Sequence[Values]) -> None:
        for index, parameters in enumerate(planned):
            self._execute(
                "add_task",
                task_id=f"{job.job_id[:16]}-{stage}-{index:04}",
                job_id=job.job_id,
                task_type=job.job_type.stages[stage - 1].task_type,
                stage=stage,
                task_index=str(index),
                parameters=Jsonb(parameters),
            )

    def claim(self, job_ids: Sequence[str]) -> Task | None:
        """A queued task of these jobs that from now on is the caller's alone."""
        row = self._execute("claim", job_ids=[*job_ids]).fetchone()
        if row is None:
            return None
        task = Task(**{**row, "parameters": json.loads(row["parameters"])})
        self._execute("start_job", job_id=task.job_id)
        return task

    def beat(self, task: Task) -> None:
        self._execute("beat", task_id=task.task_id)

    def retry(self, task: Task, error: str) -> None:
        self._execute("retry", task_id=task.task_id, error=error)

    def complete(self, task: Task, result: Values | None, error: str | None) -> bool:
        """Whether it was the last task of its stage."""
        row = self._row("complete", task_id=task.task_id, result=_jsonb(result), error=error)
        return bool(row["is_last_task_in_stage"])

    def ended_tasks(self, job: Job, stage: int) -> tuple[list[Values], int]:
        """The results of a stage's tasks, and how many failed."""
        rows = self._execute("ended_tasks", job_id=job.job_id, stage=stage).fetchall()
        results = [json.loads(row["result"]) for row in rows if row["status"] == "completed"]
        return results, len(rows) - len(results)

    def advance(self, job: Job, stage: int, stage_results: Values) -> dict[str, Any]:
        results = Jsonb(stage_results)
        return self._row("advance", job_id=job.job_id, stage=stage, stage_results=results)

    def check(self, job: Job) -> dict[str, Any]:
        return self._row("check", job_id=job.job_id)

    def keep_result(self, job: Job, result: Values) -> None:
        self._execute("keep_result", job_id=job.job_id, result=Jsonb(result))

    def fail_job(self, job: Job, stage: int, error: str) -> None:
        self._execute("fail_job", job_id=job.job_id, stage=stage, error=error)

    def open_tasks(self, job_ids: Sequence[str]) -> set[str]:
        """Which tasks of these jobs wait or are worked on."""
        rows = self._execute("open_tasks", job_ids=[*job_ids])
        return {row["task_id"] for row in rows}

    def has_retried(self, job: Job) -> bool:
        return bool(self._row("retried_tasks", job_id=job.job_id)["tasks"])

    def outcomes(self, job_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What became of these jobs and their tasks, by type and status of the job."""
        return self._execute("outcomes", job_ids=[*job_ids]).fetchall()

    def date_back(self, job: Job, minutes: int) -> None:
        self._execute("date_back_job", job_id=job.job_id, minutes=minutes)
        self._execute("date_back_tasks", job_id=job.job_id, minutes=minutes)

    def remove(self, job_ids: Sequence[str]) -> None:
        self._execute("remove", job_ids=[*job_ids])

    def _transact_once(self, change: Callable[[], T]) -> T:
        with self._connection.transaction():
            return change()

    def _note_conflict(self) -> None:
        self.conflicts += 1

    def _row(self, name: str, **values: object) -> dict[str, Any]:
        row = self._execute(name, **values).fetchone()
        if row is None:
            raise LookupError(f"{name} has no answer")
        return row

    def _execute(self, name: str, **values: object) -> psycopg.Cursor[dict[str, Any]]:
        text, parameters = _statements()[name].bind(values)
        cursor = self._connection.cursor(row_factory=dict_row)
        return cursor.execute(text.encode(), parameters)


@contextmanager
def open_board(url: DatabaseUrl, isolation: Isolation = "read committed") -> Iterator[Board]:
    with connect(url, name="watchkeeper-demo") as connection:
        board = Board(connection)
        board.isolate(isolation)
        yield board


@cache
def _statements() -> dict[str, Statement]:
    source = Path(__file__).with_name("board.sql").read_text("utf-8")
    return {name: compile_statement(text, "%s", {}) for name, text in sections(source)}


def _jsonb(values: Values | None) -> Jsonb | None:
    return None if values is None else Jsonb(values)
