"""Several workers at once, each with a connection of its own."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event

from devhost.demo.board import open_board
from devhost.demo.worker import work_until
from devhost.demo.workload import Job
from repositories.urls import DatabaseUrl

WORKERS = 4
GLANCE_SECONDS = 0.02


def run_crew(url: DatabaseUrl, jobs: Mapping[str, Job], is_done: Callable[[], bool]) -> int:
    """Let them work until it is done; how many transactions had to be made again.

    An error that stops one of them stops all, and is raised.
    """
    stop = Event()
    with ThreadPoolExecutor(WORKERS) as pool:
        crew = [pool.submit(_work, url, jobs, stop) for _ in range(WORKERS)]
        try:
            while not is_done():
                for ended in wait(crew, GLANCE_SECONDS, FIRST_EXCEPTION).done:
                    ended.result()
        finally:
            stop.set()
    return sum(worker.result() for worker in crew)


def _work(url: DatabaseUrl, jobs: Mapping[str, Job], stop: Event) -> int:
    # At this level two that end tasks of one job get in each other's way, as workers in the field
    # may: the loser is told so, and tries again.
    with open_board(url, "repeatable read") as board:
        work_until(stop, board, jobs)
        return board.conflicts
