"""The documents say what is true of the code."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from services.settings import Settings, name_of

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


def test_the_list_of_checks_has_every_check() -> None:
    listed = re.findall(r"^\| `(\w+)`", (ROOT / "docs/checks.md").read_text("utf-8"), re.MULTILINE)
    files = sorted(path.stem for path in (ROOT / "sql/postgres/kpis").glob("*.sql"))
    assert sorted(listed) == files


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
