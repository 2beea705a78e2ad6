"""One run: make the jobs, lose a worker, let the others do the work."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devhost.demo.board import Board, open_board
from devhost.demo.compress_files import COMPRESS_FILES
from devhost.demo.count_lines import COUNT_LINES
from devhost.demo.crew import run_crew
from devhost.demo.files import find_files
from devhost.demo.hash_files import HASH_FILES
from devhost.demo.inbox import Inbox
from devhost.demo.orders import first_of, make_jobs
from devhost.demo.workload import Job, Task
from repositories.urls import DatabaseUrl

LOST_MINUTES = 20


class NotMigrated(Exception):
    """the store has no jobs schema yet: run make migrate"""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, slots=True)
class Run:
    number: int
    jobs: Sequence[Job]

    @property
    def job_ids(self) -> list[str]:
        return [job.job_id for job in self.jobs]


@contextmanager
def prepared_run(
    url: DatabaseUrl, board: Board, count: int, *, at_most: int
) -> Iterator[tuple[Run, Inbox]]:
    """A run whose jobs are queued. Where it is broken off, they are gone after."""
    if not board.is_migrated():
        raise NotMigrated
    with tempfile.TemporaryDirectory(prefix="watchkeeper-demo-") as folder:
        inbox = Inbox(Path(folder), find_files("sql/postgres/kpis", at_most=at_most))
        run = board.transact(lambda: _queue_jobs(board, count, inbox, at_most))
        try:
            yield run, inbox
        except BaseException:
            _remove_jobs(url, run)
            raise


def perform(url: DatabaseUrl, board: Board, run: Run, inbox: Inbox) -> int:
    """How many transactions had to be made again."""
    hanging = first_of(run.jobs, COMPRESS_FILES)
    lost = _lose_a_worker(url, hanging)
    awaited = first_of(run.jobs, HASH_FILES)

    def is_done() -> bool:
        if board.has_retried(awaited):
            inbox.deliver()
        return board.open_tasks(run.job_ids) == {lost.task_id}

    conflicts = run_crew(url, {job.job_id: job for job in run.jobs}, is_done)
    # Nobody waits here until the loss is noticed: the job is made to look as if all of it had
    # happened long enough ago.
    board.transact(lambda: board.date_back(hanging, LOST_MINUTES))
    return conflicts


def _queue_jobs(board: Board, count: int, inbox: Inbox, at_most: int) -> Run:
    number = board.next_run(COUNT_LINES.name)
    run = Run(number, make_jobs(number, count, inbox=inbox.files, at_most=at_most))
    for job in run.jobs:
        board.add_job(job)
        board.add_tasks(job, 1, job.plan(1, []))
    return run


def _remove_jobs(url: DatabaseUrl, run: Run) -> None:
    """By a new connection: the loss of another may be why the run is broken off."""
    with open_board(url) as board:
        board.transact(lambda: board.remove(run.job_ids))


def _lose_a_worker(url: DatabaseUrl, job: Job) -> Task:
    """It takes a task, and nothing is heard of it ever after."""
    with open_board(url) as board:
        task = board.transact(lambda: board.claim([job.job_id]))
    if task is None:
        raise LookupError(f"{job.job_type.name} has no task to be taken")
    return task
