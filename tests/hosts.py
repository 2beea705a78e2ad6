"""The app served by the local host, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

REPO = Path(__file__).resolve().parents[1]
SECONDS_TO_STOP = 10.0
LONGEST_ANSWER = 30.0
LONGEST_WAIT = 60.0
SETTINGS_OF_OURS = ("KpiMonitoring__", "ScheduledTasks__", "Heartbeat__", "AzureWebJobs")
PLAIN_SETTINGS = (
    "STORE_URL",
    "JOBS_URL",
    "JOBS_SCHEMA",
    "APPLICATIONINSIGHTS_RESOURCE_ID",
    "QUERY_TIMEOUT_SECONDS",
    "CACHE_SECONDS",
    "READ_ONLY",
    "JOBS_WRITABLE",
    "PYTHON_THREADPOOL_THREAD_COUNT",
)


def wait_until(
    happened: Callable[[], bool], *, within: float = LONGEST_WAIT, every: float = 0.02
) -> None:
    """Return as soon as it has; AssertionError after `within` seconds.

    Say `within` only where speed is what is tested: a busy machine is slower than any guess.
    """
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(every)


@dataclass(frozen=True)
class LocalHost:
    """One running host. `log` is the file that its log lines go to."""

    url: str
    client: httpx.Client
    process: subprocess.Popen[str]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(path, **options)

    def fire(self, timer: str) -> None:
        """Start one run of a timer now; returns before it ends."""
        assert self.post(f"/admin/functions/{timer}").status_code == httpx.codes.ACCEPTED

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; the lines that are no JSON, of before the app, left out."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def logged(self, message: str, **facts: object) -> list[dict[str, Any]]:
        """The log lines that begin so and have these facts."""
        return [
            line
            for line in self.log_lines()
            if line["message"].startswith(message) and facts.items() <= line.items()
        ]

    def kill(self) -> None:
        """As kill -9 does: it gets no chance to say or finish anything."""
        self.process.kill()
        self.process.wait(SECONDS_TO_STOP)


@contextmanager
def running_host(
    store_url: str | None,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    app: Path = REPO,
) -> Iterator[LocalHost]:
    """The app, or another, on a store, on a free port, until the block ends.

    `arguments` are the local host's own, `env` are app settings; those of the shell do not count.
    """
    settings = {**({} if store_url is None else {"STORE_URL": store_url}), **(env or {})}
    with tempfile.TemporaryDirectory(prefix="watchkeeper-host-") as state:
        log = Path(state) / "log"
        command = [sys.executable, "-m", "devhost", "--port", "0", "--state", state, *arguments]
        with (
            log.open("w") as errors,
            subprocess.Popen(
                [*command, "--app", str(app)],
                cwd=REPO,
                env={**_neutral_environment(), **settings},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            try:
                url = _announced_address(process, log)
                with httpx.Client(base_url=url, timeout=LONGEST_ANSWER) as client:
                    yield LocalHost(url, client, process, log)
            finally:
                _stop(process)


def _neutral_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in PLAIN_SETTINGS and not name.startswith(SETTINGS_OF_OURS)
    }


def _announced_address(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    announced = process.stdout.readline().split()
    assert announced, f"the host did not start: {log.read_text()}"
    return announced[-1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
