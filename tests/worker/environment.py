"""The environment of Microsoft's worker: its packages and the app's, apart from the tests' own."""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
APP_REQUIREMENTS = ROOT / "requirements.txt"
WORKER_REQUIREMENTS = HERE / "requirements.txt"
RUNTIME_REQUIREMENTS = HERE / "runtime-requirements.txt"
PROTOCOL = HERE / "function_rpc.proto"


class EnvironmentUnavailable(Exception):
    """The environment cannot be made here; the message is the last error, pip's as a rule."""


@functools.cache
def worker_python() -> Path:
    """The interpreter of the environment, made on first use and again whenever a pin changes."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = ROOT / ".local" / f"worker-venv-{version}"
    folder.parent.mkdir(exist_ok=True)
    with _only_one_process(folder.with_suffix(folder.suffix + ".lock")):
        _make_unless_current(folder)
    return folder / "bin" / "python"


def _make_unless_current(folder: Path) -> None:
    stamp = folder / "stamp"
    wanted = _stamp()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    _make(folder)
    stamp.write_text(wanted)


def _stamp() -> str:
    made_from = (APP_REQUIREMENTS, WORKER_REQUIREMENTS, RUNTIME_REQUIREMENTS, PROTOCOL)
    digest = hashlib.sha256(sys.version.encode())
    for path in made_from:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _make(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1")
    _run(*pip, "-r", APP_REQUIREMENTS, "-r", WORKER_REQUIREMENTS)
    _run(*pip, "--ignore-requires-python", "--no-deps", "-r", RUNTIME_REQUIREMENTS)
    _compile_protocol(python)


def _compile_protocol(python: Path) -> None:
    packages = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    protoc = (python, "-m", "grpc_tools.protoc")
    _run(*protoc, f"-I{PROTOCOL.parent}", f"--python_out={packages}", PROTOCOL)


def _run(*command: str | Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise EnvironmentUnavailable(_last_error(result.stderr) or f"{command[0]} failed")
    return result.stdout


def _last_error(console: str) -> str:
    lines = console.strip().splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    return next(reversed(errors or lines), "")


@contextmanager
def _only_one_process(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
