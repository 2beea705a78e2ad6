"""Microsoft's own indexing code takes the whole app, and refuses the mistakes that lose one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.worker.environment import HERE, ROOT

pytestmark = pytest.mark.timeout(300)

HEADER = """
import azure.functions as func
app = func.FunctionApp()
"""

MISTAKES = {
    "two functions of one name": """
@app.route("a")
def same(req: func.HttpRequest) -> func.HttpResponse: ...
@app.function_name("same")
@app.route("b")
def other(req: func.HttpRequest) -> func.HttpResponse: ...
""",
    "two functions of one name across blueprints": """
def blueprint(route):
    bp = func.Blueprint()
    @bp.route(route)
    def same(req: func.HttpRequest) -> func.HttpResponse: ...
    return bp
app.register_functions(blueprint("a"))
app.register_functions(blueprint("b"))
""",
    "two names of one app": """
alias = app
""",
    "an arg_name that is not the parameter's": """
@app.timer_trigger(schedule="0 * * * * *", arg_name="timer")
def tick(clock: func.TimerRequest) -> None: ...
""",
    "a parameter too many": """
@app.route("a")
def get_a(req: func.HttpRequest, service: str = "default") -> func.HttpResponse: ...
""",
    "a context of another type": """
@app.route("a")
def get_a(req: func.HttpRequest, context: dict) -> func.HttpResponse: ...
""",
    "a dict as the return annotation": """
@app.route("a")
def get_a(req: func.HttpRequest) -> dict: ...
""",
    "an optional answer as the return annotation": """
@app.route("a")
def get_a(req: func.HttpRequest) -> func.HttpResponse | None: ...
""",
    "an annotation that exists for type checkers only": """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from azure.functions import HttpRequest
@app.route("a")
def get_a(req: "HttpRequest") -> func.HttpResponse: ...
""",
    "a decorator without functools.wraps, used twice": """
def plain(handler):
    def wrapper(req: func.HttpRequest) -> func.HttpResponse: return handler(req)
    return wrapper
@app.route("a")
@plain
def get_a(req: func.HttpRequest) -> func.HttpResponse: ...
@app.route("b")
@plain
def get_b(req: func.HttpRequest) -> func.HttpResponse: ...
""",
    "an error while importing": """
raise RuntimeError("STORE_URL is not set")
""",
}

ALLOWED = {
    "postponed annotations": """
from __future__ import annotations
import azure.functions as func
app = func.FunctionApp()
@app.route("a")
def get_a(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...
""",
    "a decorator with functools.wraps, used twice": HEADER
    + """
import functools
def wrapped(handler):
    @functools.wraps(handler)
    def wrapper(req): return handler(req)
    return wrapper
@app.route("a")
@wrapped
def get_a(req: func.HttpRequest) -> func.HttpResponse: ...
@app.route("b")
@wrapped
def get_b(req: func.HttpRequest) -> func.HttpResponse: ...
""",
    "a context without its annotation": HEADER
    + """
@app.route("a")
def get_a(req: func.HttpRequest, context) -> func.HttpResponse: ...
""",
    "a bound method": HEADER
    + """
class Handlers:
    def get_a(self, req: func.HttpRequest) -> func.HttpResponse: ...
app.route("a")(Handlers().get_a)
""",
    "a blueprint": HEADER
    + """
bp = func.Blueprint()
@bp.route("a")
def get_a(req: func.HttpRequest) -> func.HttpResponse: ...
app.register_functions(bp)
""",
}

SDK_BINDINGS = """
import json, sys, function_app
functions = function_app.app.get_functions()
bindings = {f.get_function_name(): [json.loads(b) for b in f.get_raw_bindings()] for f in functions}
sys.stdout.write(json.dumps(bindings))
"""


def run_json(*command: str | Path) -> Any:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def verdicts(
    python_of_the_worker: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What the indexing code says of each small app, by the app's name."""
    sources = {name: HEADER + source for name, source in MISTAKES.items()} | ALLOWED
    folders = {name: tmp_path_factory.mktemp("app") for name in sources}
    for name, source in sources.items():
        (folders[name] / "function_app.py").write_text(source)
    found = run_json(python_of_the_worker, HERE / "index_app.py", *folders.values())
    return {name: found[str(folder)] for name, folder in folders.items()}


def test_every_function_of_the_app_is_indexed_with_the_bindings_that_the_sdk_declares(
    python_of_the_worker: Path,
) -> None:
    declared = run_json(sys.executable, "-c", SDK_BINDINGS)
    indexed = run_json(python_of_the_worker, HERE / "index_app.py", ROOT)[str(ROOT)]
    assert indexed == {"functions": declared}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_loses_the_whole_app_is_refused(
    verdicts: dict[str, dict[str, Any]], mistake: str
) -> None:
    assert "error" in verdicts[mistake], verdicts[mistake]


@pytest.mark.parametrize("pattern", ALLOWED)
def test_a_pattern_that_is_known_to_work_is_indexed(
    verdicts: dict[str, dict[str, Any]], pattern: str
) -> None:
    assert "get_a" in verdicts[pattern].get("functions", {}), verdicts[pattern]
