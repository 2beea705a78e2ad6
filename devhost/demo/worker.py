"""A worker takes one task after another; who ends the last of a stage moves the job on."""

import traceback
from collections.abc import Mapping
from threading import Event

import psycopg

from devhost.demo.board import Board
from devhost.demo.workload import Job, Task, Values

MOST_RETRIES = 3
PAUSE_SECONDS = 0.02


def work_until(stop: Event, board: Board, jobs: Mapping[str, Job]) -> None:
    """On tasks of these jobs only: the store may hold jobs of others."""
    while not stop.is_set():
        task = board.transact(lambda: board.claim([*jobs]))
        if task is None:
            stop.wait(PAUSE_SECONDS)
        else:
            try_task(board, jobs[task.job_id], task)


def try_task(board: Board, job: Job, task: Task) -> None:
    """Completed, or queued again with its error, or failed for good after MOST_RETRIES."""
    stage = job.job_type.stages[task.stage - 1]
    try:
        result = stage.work(task.parameters, lambda: board.beat(task))
    except psycopg.Error:
        raise
    except Exception:
        _note_failure(board, job, task, traceback.format_exc())
    else:
        board.transact(lambda: _end_task(board, job, task, result=result))


def _note_failure(board: Board, job: Job, task: Task, error: str) -> None:
    if task.retry_count < MOST_RETRIES:
        board.transact(lambda: board.retry(task, error))
    else:
        board.transact(lambda: _end_task(board, job, task, error=error))


def _end_task(
    board: Board, job: Job, task: Task, *, result: Values | None = None, error: str | None = None
) -> None:
    """In the transaction of the caller, so that a worker that dies here leaves no job between
    two stages.
    """
    if board.complete(task, result, error):
        _move_on(board, job, task.stage)


def _move_on(board: Board, job: Job, stage: int) -> None:
    results, failed = board.ended_tasks(job, stage)
    if not results:
        board.fail_job(job, stage, f"stage {stage}: all of its {failed} tasks failed")
        return
    advanced = board.advance(job, stage, {"completed": len(results), "failed": failed})
    if advanced["is_final_stage"]:
        _keep_result(board, job, results)
    else:
        _begin_stage(board, job, advanced["new_stage"], results)


def _begin_stage(board: Board, job: Job, stage: int, results: list[Values]) -> None:
    planned = job.plan(stage, results)
    if planned:
        board.add_tasks(job, stage, planned)
    else:
        board.fail_job(job, stage, f"stage {stage}: there is nothing to do")


def _keep_result(board: Board, job: Job, results: list[Values]) -> None:
    checked = board.check(job)
    if checked["job_complete"]:
        counts = {name: checked[name] for name in ("total_tasks", "completed_tasks")}
        board.keep_result(job, {**counts, "result": results[0]})
