"""The document says what is there: every function, its parameters, and its answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.hosts import REPO, LocalHost, running_host
from tests.http.asking import NAMES, operation_of, operations_of

LARGEST = 150_000  # bytes
FUNCTIONS = """
import json, function_app
print(json.dumps({
    function.get_function_name(): [
        "/" + trigger.route,
        sorted(method.value for method in trigger.methods),
        trigger.auth_level.value,
    ]
    for function in function_app.app.get_functions()
    if function.is_http_function() and (trigger := function.get_trigger())
}))
"""
PLACES = {
    "job_id": "0" * 64,
    "name": "x",
    "service": "x",
    "fingerprint": "0" * 16,
    "dead_letter_id": "00000000-0000-4000-8000-000000000000",
    "worker_id": "00000000-0000-4000-8000-000000000000",
}


@pytest.fixture(scope="session")
def document(host: LocalHost) -> dict[str, Any]:
    answer = host.get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def functions() -> dict[str, list[Any]]:
    """Every HTTP function of the app: its route, its methods, and who may call it."""
    done = subprocess.run(
        [sys.executable, "-c", FUNCTIONS], cwd=REPO, capture_output=True, text=True, check=True
    )
    found: dict[str, list[Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def locked_host(http_store: str) -> Iterator[LocalHost]:
    with running_host(http_store, "--no-timers", "--enforce-keys") as running:
        yield running


def references_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for inner in value.values():
            yield from references_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references_in(inner)


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_function_is_in_it_with_its_route_and_methods(
    document: dict[str, Any], functions: dict[str, list[Any]]
) -> None:
    written = {
        one.name: [
            one.path,
            [one.method],
            "ANONYMOUS" if one.spec.get("security") == [] else "FUNCTION",
        ]
        for one in operations_of(document)
    }
    there = {name: [*facts[:2], facts[2].upper()] for name, facts in functions.items()}
    assert written == there


@pytest.mark.parametrize("name", NAMES)
def test_every_function_says_what_it_is_for(document: dict[str, Any], name: str) -> None:
    operation = operation_of(document, name)
    assert operation.spec["summary"]
    assert operation.spec["tags"][0] in {tag["name"] for tag in document["tags"]}


def test_a_parameter_has_its_limits_and_its_default(document: dict[str, Any]) -> None:
    limit, cursor, status, *_ = operation_of(document, "list_jobs").parameters("query")
    expected = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert (limit["name"], limit["schema"]) == ("limit", expected)
    assert (cursor["schema"], "required" in cursor) == ({"type": "string"}, False)
    assert (status["style"], status["explode"], status["schema"]["type"]) == (
        "form",
        False,
        "array",
    )


def test_an_answer_has_the_types_of_its_members(document: dict[str, Any]) -> None:
    task = document["components"]["schemas"]["Task"]["properties"]
    assert task["created_at"] == {"type": "string", "format": "date-time"}
    assert task["started_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert task["parameters"] == {}
    kpi = document["components"]["schemas"]["Kpi"]["properties"]
    assert {"type": "number"} in kpi["value"]["anyOf"]


def test_it_is_small_and_has_nothing_that_is_not_used(document: dict[str, Any]) -> None:
    assert len(json.dumps(document)) < LARGEST
    used = set(references_in(document))
    for kind in ("schemas", "responses", "headers"):
        for name in document["components"][kind]:
            assert f"#/components/{kind}/{name}" in used
            assert "__" not in name, "two types of one name"


def test_nothing_in_it_is_taken_for_a_secret(document: dict[str, Any]) -> None:
    assert "***" not in json.dumps(document)


@pytest.mark.parametrize("name", NAMES)
def test_who_shows_no_key_is_refused_where_the_document_says_so(
    locked_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    answer = locked_host.client.request(operation.method, operation.url(**PLACES))
    if "401" in operation.spec["responses"]:
        assert (answer.status_code, answer.content) == (401, b"")
    else:
        assert answer.status_code == 200
