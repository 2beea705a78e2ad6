import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devhost.postgres import EmbeddedPostgres, clone, initialise
from devhost.postgres.scratch import scratch_folder

REPO = Path(__file__).resolve().parents[2]
STARTER = """
import sys, threading
from pathlib import Path
from devhost.postgres import EmbeddedPostgres, clone, initialise
postgres = EmbeddedPostgres(Path(sys.argv[1]))
print(postgres.start(), flush=True)
threading.Event().wait()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A path where nothing is yet, in a folder that the server's user can reach."""
    with scratch_folder() as parent:
        yield parent / "postgres"


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    with scratch_folder() as parent:
        initialise(parent / "template")
        yield parent / "template"


@pytest.fixture
def data(template: Path, folder: Path) -> Path:
    """The same folder with data in it, that no server has run on."""
    clone(template, folder)
    return folder


@pytest.fixture
def postgres(data: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(data) as embedded:
        yield embedded


@pytest.fixture
def start_elsewhere(
    data: Path,
    server_of: Callable[[], psutil.Process],
    is_gone_within: Callable[[psutil.Process, float], bool],
) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Starts the folder's server in a process of its own; that process, and the URL."""
    started: list[tuple[subprocess.Popen[str], psutil.Process]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, data], cwd=REPO, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        started.append((process, server_of()))
        return process, url

    yield start
    for process, server in started:
        process.kill()
        process.communicate()
        assert is_gone_within(server, 5)


@pytest.fixture
def server_of(folder: Path) -> Callable[[], psutil.Process]:
    def find() -> psutil.Process:
        pid_file = folder / "data" / "postmaster.pid"
        return psutil.Process(int(pid_file.read_text().splitlines()[0]))

    return find


@pytest.fixture
def is_gone_within() -> Callable[[psutil.Process, float], bool]:
    def wait(process: psutil.Process, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while _runs(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    return wait


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can change to another user")
