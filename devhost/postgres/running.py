"""What the pid file of PostgreSQL tells about a folder's server."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from devhost.postgres.errors import PostgresError
from devhost.postgres.home import Home, usable

_END_SECONDS = 20


def _pid_file(home: Home) -> list[str]:
    """The lines of the server's own pid file: first its process, eighth its state."""
    try:
        return (home.data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, PermissionError):
        return []


def _server_pid(home: Home) -> int | None:
    """The process that the pid file names, where that still is this folder's PostgreSQL."""
    lines = _pid_file(home)
    if not lines or not lines[0].isdigit():
        return None
    try:
        command = psutil.Process(int(lines[0])).cmdline()
    except psutil.Error:
        return None
    return int(lines[0]) if str(home.data) in command else None


def is_ready(home: Home, pid: int | None = None) -> bool:
    lines = _pid_file(home)
    owner = _server_pid(home) if pid is None else pid
    return len(lines) > 7 and lines[0] == str(owner) and lines[7].strip() == "ready"


def end_orphan(home: Home, say: Callable[[str], None]) -> None:
    """See the server of a killed process to its end; its folder is ours by the lock."""
    pid = _server_pid(home)
    if pid is None:
        # PostgreSQL takes any process of this number for a server of its own.
        with usable(home):
            (home.data / "postmaster.pid").unlink(missing_ok=True)
        return
    say("Waiting for the last PostgreSQL to end")
    for number in (signal.SIGINT, signal.SIGQUIT):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _is_gone_within(home, pid, _END_SECONDS):
            return
    raise PostgresError(f"the last PostgreSQL in {home.folder} (process {pid}) does not end")


def _is_gone_within(home: Home, pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _server_pid(home) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
