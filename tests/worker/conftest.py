"""What every test here needs: the worker's environment, and the workers that there are."""

import os
from pathlib import Path

import pytest

from tests.worker.environment import EnvironmentUnavailable, worker_python
from tests.worker.functions_host import RUNTIME_WORKER


def workers() -> list[Path]:
    """The published runtime, and where FUNCTIONS_PYTHON_WORKER names its folder, a whole worker.

    Core Tools has one in `workers/python/<version>/LINUX/X64`, with `worker.py` in it.
    """
    folder = os.environ.get("FUNCTIONS_PYTHON_WORKER")
    return [RUNTIME_WORKER, *([Path(folder, "worker.py")] if folder else [])]


@pytest.fixture(scope="session")
def python_of_the_worker() -> Path:
    """Skips where the environment cannot be made, for example without a network."""
    try:
        return worker_python()
    except EnvironmentUnavailable as error:
        pytest.skip(f"the environment of Microsoft's worker cannot be made: {error}")


@pytest.fixture(scope="session", params=workers(), ids=lambda script: script.stem)
def worker_script(request: pytest.FixtureRequest, python_of_the_worker: Path) -> Path:
    """The script of each worker in turn."""
    script: Path = request.param
    return script
