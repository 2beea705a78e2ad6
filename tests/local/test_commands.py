"""The Makefile and the environments that it makes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devhost.postgres.scratch import scratch_folder

REPO = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPO / "devhost" / "environment.py"
REQUIREMENTS = ("requirements.txt", "devhost/requirements.txt", "tests/requirements.txt")


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """A folder whose requirements are none."""
    with scratch_folder() as folder:
        for name in REQUIREMENTS:
            folder.joinpath(name).parent.mkdir(exist_ok=True)
            folder.joinpath(name).touch()
        yield folder


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=REPO, env=settings, capture_output=True, text=True
    )


def prepare(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ENVIRONMENT, *arguments], cwd=project, capture_output=True, text=True
    )


def test_make_alone_lists_every_command() -> None:
    targets = re.findall(r"^\.PHONY: (.*)$", (REPO / "Makefile").read_text(), re.MULTILINE)
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    assert listed == " ".join(targets).split()


@pytest.mark.parametrize("body", ["exit 127", "exit 1"])
def test_a_python_that_does_not_serve_is_one_line(project: Path, body: str) -> None:
    shim = project / "python3.99"
    shim.write_text(f"#!/bin/sh\n{body}\n")
    shim.chmod(0o755)
    done = make("install", f"PYTHON={shim}")
    assert done.returncode != 0
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"Watchkeeper needs Python 3.11, 3.12 or 3.13, and {shim} is none")
    assert all(line.startswith("make: ***") for line in rest)


def test_an_environment_is_made_once_and_filled_again_when_its_requirements_change(
    project: Path,
) -> None:
    first = prepare(project, "run")
    python = project / ".venv" / "bin" / "python"
    assert first.stdout == f"{python}\n"
    assert [line.split()[0] for line in first.stderr.splitlines()] == ["Making", "Installing"]
    assert prepare(project, "run").stderr == ""
    (project / "requirements.txt").write_text("# changed\n")
    assert [line.split()[0] for line in prepare(project, "test").stderr.splitlines()] == [
        "Installing"
    ]
    assert prepare(project, "run").stderr == ""
    assert prepare(project, "test", "--named").stdout == f"{python}\n"


def test_a_named_python_leaves_the_environment_of_another_alone(project: Path) -> None:
    other = project / "other"
    python = other / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    for name in REQUIREMENTS:
        other.joinpath(name).parent.mkdir(exist_ok=True)
        other.joinpath(name).touch()
    done = prepare(other, "run", "--named")
    minor = "{}.{}".format(*sys.version_info[:2])
    assert done.stdout == f"{other}/.venv-{minor}/bin/python\n"
    assert python.read_text() == "#!/bin/sh\nexit 1\n"


def test_a_folder_that_is_no_environment_is_left_as_it_is(project: Path) -> None:
    precious = project / "mine" / ".venv" / "precious"
    precious.parent.mkdir(parents=True)
    precious.touch()
    done = prepare(project / "mine", "run")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        ".venv is not a virtual environment, so it is left as it is"
    )
    assert precious.exists()
