"""Requests that go on side by side while something happens, and how each of them ended."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

import httpx

from tests.hosts import LocalHost

SECONDS_TO_ANSWER = 7.0
NO_ANSWER = 0


@dataclass(frozen=True)
class Asked:
    """One request. `at` is by time.monotonic; `status` is NO_ANSWER where none came in time."""

    method: str
    path: str
    at: float
    seconds: float
    status: int
    content_type: str = ""
    body: str = ""


@dataclass
class Load:
    """What was asked so far; appended to by several threads."""

    asked: list[Asked] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[Asked]:
        """The requests that began and ended in this time."""
        return [one for one in self.asked if start <= one.at and one.at + one.seconds <= end]


def ask(host: LocalHost, method: str, path: str, *, timeout: float = SECONDS_TO_ANSWER) -> Asked:
    """Never raises: no answer is an outcome, too."""
    body = {"status": "running"} if method == "POST" else None
    started, began = time.monotonic(), time.perf_counter()
    try:
        answer = host.client.request(method, path, json=body, timeout=timeout)
    except httpx.TransportError:
        return Asked(method, path, started, time.perf_counter() - began, NO_ANSWER)
    seconds = time.perf_counter() - began
    kind = answer.headers["content-type"]
    return Asked(method, path, started, seconds, answer.status_code, kind, answer.text)


@contextmanager
def asking(
    host: LocalHost, requests: Sequence[tuple[str, str]], *, callers: int, pause: float
) -> Iterator[Load]:
    """`callers` threads ask these in turn until the block ends, each with a pause in between."""
    load, over = Load(), threading.Event()

    def call(first: int) -> None:
        for method, path in itertools.islice(itertools.cycle(requests), first, None):
            load.asked.append(ask(host, method, path))
            if over.wait(pause):
                return

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()


def figures(asked: Sequence[Asked]) -> str:
    """How many, and how long they took."""
    if len(asked) < 2:
        return f"{len(asked)} requests"
    took = [1000 * one.seconds for one in asked]
    return (
        f"{len(asked)} requests: median {median(took):.1f} ms,"
        f" 99th percentile {quantiles(took, n=100)[98]:.1f} ms, longest {max(took):.1f} ms"
    )
