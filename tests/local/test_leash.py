import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from devhost.postgres.account import Account
from devhost.postgres.process import KERNEL_SENDS_SIGNALS, LeashedProcess

REPO = Path(__file__).resolve().parents[2]
OWNER = """
import os, sys, threading
from devhost.postgres.account import Account
from devhost.postgres.process import LeashedProcess
account = Account(os.geteuid(), os.getegid())
sleeper = LeashedProcess(["/bin/sleep", "60"], account, 2, kernel=sys.argv[1] == "True")
print(sleeper.pid, flush=True)
threading.Event().wait()
"""
KINDS = [True, False] if KERNEL_SENDS_SIGNALS else [False]
IsGoneWithin = Callable[[psutil.Process, float], bool]


@pytest.mark.parametrize("kernel", KINDS)
def test_a_process_ends_with_its_killed_owner(kernel: bool, is_gone_within: IsGoneWithin) -> None:
    command = [sys.executable, "-c", OWNER, str(kernel)]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        sleeper = psutil.Process(int(owner.stdout.readline()))
        assert not is_gone_within(sleeper, 0.1)
        owner.kill()
        assert is_gone_within(sleeper, 5)


@pytest.mark.parametrize("kernel", KINDS)
def test_a_process_that_ends_leaves_no_watcher(kernel: bool, is_gone_within: IsGoneWithin) -> None:
    account = Account(os.geteuid(), os.getegid())
    sleeper = LeashedProcess(["/bin/sleep", "60"], account, 2, kernel=kernel)
    assert not sleeper.wait(0.2)
    watchers = _processes_with(f" {os.getpid()} ", "leash.py")
    assert len(watchers) == (0 if kernel else 1)
    sleeper.signal(signal.SIGINT)
    assert sleeper.wait(5)
    assert all(is_gone_within(watcher, 5) for watcher in watchers)


def test_a_program_that_is_not_there_ends_at_once() -> None:
    with open(os.devnull, "w") as nothing:
        account = Account(os.geteuid(), os.getegid())
        assert LeashedProcess(["/nowhere/program"], account, nothing.fileno()).wait(5)


def _processes_with(*parts: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if all(part in " ".join(process.info["cmdline"] or ()) for part in parts)
    ]
