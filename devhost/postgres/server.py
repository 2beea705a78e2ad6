"""Starting and stopping an embedded PostgreSQL."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from devhost.postgres.account import server_account
from devhost.postgres.binaries import Binaries, find_binaries
from devhost.postgres.cluster import NAME, make_data
from devhost.postgres.errors import AlreadyRunning, PostgresError
from devhost.postgres.home import Home, locate_home, prepare_home, take_lock, usable
from devhost.postgres.log import failure_line, is_passing, log_since, rotate_log
from devhost.postgres.ports import HOST, any_free_port, is_free, last_port
from devhost.postgres.process import LeashedProcess
from devhost.postgres.running import end_orphan, is_ready

_CLEANLY = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
_START_SECONDS = 60
_STOP_SECONDS = 15
_RETRY_SECONDS = 20
_FIXED = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # nobody needs one, and their paths may be too long
    "logging_collector": "off",
}
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


class EmbeddedPostgres:
    """One folder's server. Its port stays the same from start to start while it is free.

    `port` 0 means any free one. `say` hears one line about each step that takes time.
    """

    def __init__(
        self, folder: Path, port: int = 0, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self._account = server_account()
        self._home = locate_home(folder, self._account)
        self._wanted_port = port
        self._say = say
        self._lock: int | None = None
        self._process: LeashedProcess | None = None
        self._moved = self._home.folder != folder.resolve()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """Where the data really are."""
        return self._home.folder

    @property
    def url(self) -> str:
        return _url(self._home)

    @property
    def is_ours(self) -> bool:
        """Whether this object runs the server, and so will stop it."""
        return self._lock is not None

    def start(self, *, durable: bool = True, reuse: bool = False) -> str:
        """Start it, making the data first where there are none, and answer its URL.

        `durable=False` is for tests: quick, and lost when the machine fails. `reuse` takes the
        server that another process has started on this folder and leaves it to that process.
        """
        if self._lock is not None:
            raise PostgresError(f"the embedded PostgreSQL in {self.folder} is started already")
        prepare_home(self._home, self._account)
        try:
            self._lock = take_lock(self._home)
        except AlreadyRunning:
            if reuse:
                return _running_url_within(self._home, _START_SECONDS)
            raise
        try:
            self._start_owned(durable=durable)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self, *, at_once: bool = False) -> None:
        """End the server where this object started it; else do nothing.

        Cleanly, or `at_once` where nobody needs the data any more: writing them takes its time.
        """
        if self._process is not None:
            _end(self._process, _CLEANLY[at_once:])
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remove(self) -> None:
        """Delete the data and all that is kept beside it. The server must not run."""
        if self._home.folder.is_dir():
            os.close(take_lock(self._home))
            with usable(self._home):
                shutil.rmtree(self._home.folder)

    def _start_owned(self, *, durable: bool) -> None:
        if self._moved:
            self._say(
                f"PostgreSQL runs as nobody, not as root, so it keeps its data in {self.folder}"
            )
        binaries = find_binaries(self._account, self._home)
        end_orphan(self._home, self._say)
        if not self._home.data.is_dir():
            self._say(f"Making a PostgreSQL {binaries.version} database in {self.folder}")
        make_data(self._home, self._account, binaries, durable=durable)
        with usable(self._home):
            self._run_server(binaries, {} if durable else _FAST)

    def _run_server(self, binaries: Binaries, settings: dict[str, str]) -> None:
        # A port that is free now may be taken a moment later; memory of a killed server lingers.
        deadline = time.monotonic() + _RETRY_SECONDS
        while True:
            port = self._choose_port()
            before = rotate_log(self._home.log)
            self._process = self._launch(binaries, port, settings)
            if _becomes_ready(self._home, self._process):
                self._home.port.write_text(f"{port}\n")
                return
            self._process = None
            said = log_since(self._home.log, before)
            if not is_passing(said) or time.monotonic() > deadline:
                raise PostgresError(failure_line(said, self._home.log))
            time.sleep(0.1)

    def _launch(self, binaries: Binaries, port: int, settings: dict[str, str]) -> LeashedProcess:
        options = [f"--{name}={value}" for name, value in (_FIXED | settings).items()]
        command = [str(binaries.postgres), "-D", str(self._home.data), "-p", str(port), *options]
        log = os.open(self._home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            return LeashedProcess(command, self._account, log)
        finally:
            os.close(log)

    def _choose_port(self) -> int:
        if self._wanted_port:
            if not is_free(self._wanted_port):
                raise PostgresError(f"port {self._wanted_port} for PostgreSQL is in use")
            return self._wanted_port
        last = last_port(self._home)
        return last if last and is_free(last) else any_free_port()


def running_url(folder: Path) -> str | None:
    """The URL of the server that runs on this folder; None where none does."""
    home = locate_home(folder, server_account())
    return _url(home) if is_ready(home) else None


def _url(home: Home) -> str:
    password = home.password.read_text().strip()
    return f"postgresql://{NAME}:{password}@{HOST}:{last_port(home)}/{NAME}"


def _running_url_within(home: Home, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while not (is_ready(home) and home.port.exists()):
        if time.monotonic() > deadline:
            raise PostgresError(f"the embedded PostgreSQL in {home.folder} does not get ready")
        time.sleep(0.02)
    return _url(home)


def _becomes_ready(home: Home, process: LeashedProcess) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready(home, process.pid):
        if process.wait(0.005):
            return False
        if time.monotonic() > deadline:
            _end(process)
            raise PostgresError(f"PostgreSQL is not ready in {_START_SECONDS} s; see {home.log}")
    return True


def _end(process: LeashedProcess, ways: Sequence[signal.Signals] = _CLEANLY) -> None:
    for number in ways:
        process.signal(number)
        if process.wait(_STOP_SECONDS):
            return
