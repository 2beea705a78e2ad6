"""A child process that ends when this one does, however this one ends."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from devhost.postgres.account import Account, server_environment

_LEASH = Path(__file__).with_name("leash.py")
KERNEL_SENDS_SIGNALS = sys.platform == "linux"


class LeashedProcess:
    """In a session of its own, so that a terminal's Ctrl-C reaches us alone."""

    def __init__(
        self,
        command: list[str],
        account: Account,
        output: int,
        *,
        kernel: bool = KERNEL_SENDS_SIGNALS,
    ) -> None:
        self._started = threading.Event()
        self._ended = threading.Event()
        self._failure: OSError | None = None
        self._process: subprocess.Popen[bytes]
        # Linux ends the child with the thread that made it, so that thread waits for the child.
        threading.Thread(
            target=self._own,
            args=(self._leashed(command, account, kernel), output),
            name="embedded-postgres",
            daemon=True,
        ).start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, at the latest after so many seconds."""
        return self._ended.wait(seconds)

    def signal(self, number: int) -> None:
        if not self._ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _own(self, command: list[str], output: int) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                env=server_environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        self._process.wait()
        self._release()
        self._ended.set()

    def _release(self) -> None:
        assert self._process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError), self._process.stdin as leash:
            leash.write(b".")

    @staticmethod
    def _leashed(command: list[str], account: Account, kernel: bool) -> list[str]:
        kind = "kernel" if kernel else "pipe"
        numbers = [str(number) for number in (os.getpid(), account.uid, account.gid)]
        return [sys.executable, "-I", "-S", str(_LEASH), *numbers, kind, *command]
