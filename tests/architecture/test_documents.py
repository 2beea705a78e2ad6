"""The documents say what is true of the code."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from services.rounds.attempts import LASTING, PASSING
from services.settings import Settings, name_of
from tests.architecture.checks_document import DOCUMENT, written_anew

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ROUTES = """
import sys, function_app
for function in function_app.app.get_functions():
    if function.is_http_function():
        print(function.get_trigger().route)
"""


def settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            for inner in type(field.default).model_fields:
                yield name_of((name, inner))
        else:
            yield name_of((name,))


@pytest.mark.parametrize("setting", sorted(settings()))
def test_the_readme_has_every_setting(setting: str) -> None:
    if setting != "AZURE_FUNCTIONS_ENVIRONMENT":  # the host sets it
        assert f"`{setting}`" in README


def test_the_readme_has_a_curl_for_every_route() -> None:
    routes = subprocess.run(
        [sys.executable, "-c", ROUTES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(routes) > 10
    for route in routes:
        pattern = re.sub(r"\\\{\w+\\\}", r"[$\\w]+", re.escape(f"localhost:7071/api/{route}"))
        assert re.search(rf"curl.*{pattern}(?![\w/])", README), route


def test_the_list_of_checks_says_what_the_checks_say() -> None:
    document = DOCUMENT.read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \(", document, re.MULTILINE)
    files = [path.stem for path in ROOT.glob("sql/*/kpis/*.sql")]
    assert sorted(listed) == sorted(files)
    assert document == written_anew(document), "python -m tests.architecture.checks_document"


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_error_type_is_explained() -> None:
    judged = {"no_value", "not_a_number", "not_storable", "not_available"}
    document = (ROOT / "docs/verdicts.md").read_text("utf-8")
    table = document.partition("## `error_type`")[2].partition("## Thresholds")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == PASSING | LASTING | judged
