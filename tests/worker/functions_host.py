"""A stand-in for the Functions host: runs an app in Microsoft's Python worker and calls it."""

import base64
import json
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.worker.environment import HERE, worker_python

RUNTIME_WORKER = HERE / "runtime_worker.py"
STARTS_WITHIN_SECONDS = 60
ANSWERS_WITHIN_SECONDS = 30
NOT_FOR_THE_APP = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"}


class AppNotLoaded(Exception):
    """The worker refused the app, as it would when deployed; the message is the worker's."""


class WorkerDied(Exception):
    """The worker's process ended; the message has its exit code and the end of its console."""


class FunctionFailed(Exception):
    """A timer's function raised; the message is what the worker reports of it."""


@dataclass(frozen=True)
class LoadedFunction:
    """A function as the worker reported it to the host."""

    name: str
    bindings: tuple[dict[str, Any], ...]

    @property
    def trigger(self) -> dict[str, Any]:
        return next(b for b in self.bindings if b["type"].lower().endswith("trigger"))


@dataclass(frozen=True)
class Answer:
    """What the host would answer; `failure` is the worker's text where the function failed."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str]
    invocation_id: str
    failure: str | None = None
    stack_trace: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class LogLine:
    """A record as the host received it; without an invocation id the host drops a user's record."""

    level: str
    category: str
    message: str
    invocation_id: str
    system: bool


class RealWorker:
    """An app in a worker of its own, from entering to leaving. Calls may come from many threads.

    `worker` is the script to start: the runtime that Microsoft publishes, or the `worker.py` of
    an installed Functions host or Core Tools.
    """

    def __init__(
        self, app: Path, env: Mapping[str, str] | None = None, *, worker: Path = RUNTIME_WORKER
    ) -> None:
        self.app = app.resolve()
        self.worker = worker.resolve()
        self.functions: list[LoadedFunction] = []
        self.logs: list[LogLine] = []
        self.version = ""
        self._env = {**environment_of_the_host(self.app), **(env or {})}
        self._started: Future[dict[str, Any]] = Future()
        self._pending: dict[str, Future[dict[str, Any]]] = {}
        self._console: list[str] = []
        self._death: WorkerDied | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [worker_python(), HERE / "grpc_host.py", self.worker, self.app],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._env,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_console, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            self._become_ready(self._wait_for_start())
        except BaseException:
            self._stop()
            raise
        return self

    def _wait_for_start(self) -> dict[str, Any]:
        try:
            return self._started.result(STARTS_WITHIN_SECONDS)
        except TimeoutError:
            self._die(f"the app was not loaded in {STARTS_WITHIN_SECONDS} s")
            return self._started.result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def call(
        self,
        name: str,
        *,
        method: str = "GET",
        url: str | None = None,
        query: Mapping[str, str] | None = None,
        route: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Calls an HTTP function; `query` is read from `url` where it is not given.

        A function that raises answers 500 with an empty body, as behind the host.
        """
        url = url or f"http://localhost:7071/api/{name}"
        http = {
            "method": method,
            "url": url,
            "query": dict(query if query is not None else query_of(url)),
            "params": dict(route or {}),
            "headers": {key.lower(): value for key, value in (headers or {}).items()},
            "body": base64.b64encode(body).decode(),
        }
        return answer_from(self._invoke(name, {"http": http}))

    def fire(self, name: str, *, past_due: bool = False) -> str:
        """Fires a timer and returns the invocation's id; raises FunctionFailed where it fails."""
        timer = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": past_due}
        outcome = self._invoke(name, {"timer": json.dumps(timer)})
        if outcome["failure"] is not None:
            raise FunctionFailed(outcome["failure"])
        return str(outcome["invocation_id"])

    def logs_of(self, invocation_id: str) -> list[LogLine]:
        return [line for line in self.logs if line.invocation_id == invocation_id]

    def _invoke(self, name: str, trigger: dict[str, Any]) -> dict[str, Any]:
        if name not in {function.name for function in self.functions}:
            raise LookupError(f"the app has no function {name}")
        invocation_id = str(uuid.uuid4())
        outcome: Future[dict[str, Any]] = Future()
        call = {"function": name, "invocation_id": invocation_id, **trigger}
        with self._lock:
            if self._death:
                raise self._death
            self._pending[invocation_id] = outcome
            self._write(json.dumps(call))
        try:
            return outcome.result(ANSWERS_WITHIN_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{name} gave no answer in {ANSWERS_WITHIN_SECONDS} s") from None

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self._take(event.pop("event"), event)
        self._die("the host's process ended")

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "log":
                self.logs.append(LogLine(**event))
            case "done":
                self._pending.pop(event["invocation_id"]).set_result(event)
            case "ready":
                self._started.set_result(event)
            case "refused":
                self._started.set_exception(AppNotLoaded(event["reason"]))
            case _:
                self._die(f"the worker's process ended with exit code {event['exit_code']}")

    def _die(self, reason: str) -> None:
        with self._lock:
            if self._death:
                return
            self._death = WorkerDied("\n".join([reason, *self._console[-20:]]))
            waiting = [*self._pending.values(), self._started]
        for future in waiting:
            if not future.done():
                future.set_exception(self._death)

    def _become_ready(self, event: dict[str, Any]) -> None:
        self.version = event["worker_version"]
        self.functions = [
            LoadedFunction(name, tuple(bindings)) for name, bindings in event["functions"].items()
        ]

    def _read_console(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._console.append(line.rstrip("\n"))

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for reader in self._readers:
            reader.join(5)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def environment_of_the_host(app: Path) -> dict[str, str]:
    """This process's variables as the host would pass them on, with the ones that it adds."""
    mine = {key: value for key, value in os.environ.items() if key not in NOT_FOR_THE_APP}
    return {
        **mine,
        "AzureWebJobsScriptRoot": str(app),
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHON_THREADPOOL_THREAD_COUNT": mine.get("PYTHON_THREADPOOL_THREAD_COUNT", "1000"),
    }


def query_of(url: str) -> dict[str, str]:
    """The query as the host hands it on: repeated values joined with a comma, empty ones gone."""
    return {key: ",".join(values) for key, values in parse_qs(urlsplit(url).query).items()}


def answer_from(outcome: dict[str, Any]) -> Answer:
    invocation_id, failure = outcome["invocation_id"], outcome["failure"]
    if failure is not None:
        return Answer(500, {}, b"", {}, invocation_id, failure, outcome["stack_trace"])
    if outcome["http"] is None:
        text = outcome["text"] or ""
        return Answer(200 if text else 204, {}, text.encode(), {}, invocation_id)
    http = outcome["http"]
    body = base64.b64decode(http["body"])
    return Answer(http["status"], http["headers"], body, http["cookies"], invocation_id)
