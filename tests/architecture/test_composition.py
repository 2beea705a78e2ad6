"""What importing the app costs and does: nothing but reading its own modules and settings."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from services.version import VERSION

REPOSITORY = Path(__file__).parents[2]
HEAVY = (
    "alembic sqlalchemy azure.identity azure.keyvault cryptography croniter pyodbc tenacity mako"
    " devhost prometheus_client sqlglot yaml"
).split()

PROBE = """
import json, sys, threading

events = []

def note(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "sqlite3.")):
        events.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        events.append(f"open {arguments[0]}")

sys.dont_write_bytecode = True
sys.addaudithook(note)
import function_app
print(json.dumps({
    "events": events,
    "modules": sorted(sys.modules),
    "threads": threading.active_count(),
    "built": function_app.services._value is not None,
    "functions": len(function_app.app.get_functions()),
}))
"""


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """What happened while a new process without any environment imported the app."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=REPOSITORY,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_app_imports_without_an_environment(imported: dict[str, Any]) -> None:
    assert imported["functions"] > 10


def test_importing_the_app_builds_nothing_and_opens_nothing(imported: dict[str, Any]) -> None:
    assert not imported["built"]
    assert imported["events"] == []
    assert imported["threads"] == 1


@pytest.mark.parametrize("heavy", HEAVY)
def test_importing_the_app_does_not_import(imported: dict[str, Any], heavy: str) -> None:
    assert heavy not in imported["modules"]
