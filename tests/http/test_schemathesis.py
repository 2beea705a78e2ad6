"""Requests made of the document, good and bad: the answers are those that it promises."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.hosts import LocalHost, running_host
from tests.http.asking import NAMES
from tests.http.samples import Secrets, plant
from triggers.operations import OPERATIONS

EXAMPLES = 12
COSTLY = {"test_functions": 2}
TOGETHER = ("min_ms", "parameter", "jobId", "prefix")
MEANT = {"run_unsaved_kpi", *(name for name in NAMES if OPERATIONS[name].versioned)}
"""What these take has a meaning: SQL, addresses, names of what is there, the version of a thing."""
MODES = [
    (name, mode)
    for name in NAMES
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if OPERATIONS[name].query or mode is GenerationMode.POSITIVE
]


@pytest.fixture(scope="module")
def planted_host(make_database: Callable[..., str], migrated: str) -> Iterator[LocalHost]:
    """It asks for keys, and the client shows one."""
    settings = {"CACHE_SECONDS": "0", "JOBS_WRITABLE": "true"}
    url = make_database(migrated)
    plant(url, Secrets())
    with running_host(url, "--no-timers", "--enforce-keys", env=settings) as running:
        key = json.loads((running.log.parent / "keys.json").read_text())["default"]
        running.client.headers["x-functions-key"] = key
        yield running


@pytest.fixture(scope="module")
def described(planted_host: LocalHost) -> BaseSchema:
    document = closed(planted_host.get("/api/openapi.json").json())
    return schemathesis.openapi.from_dict(document)


def closed(value: Any) -> Any:
    """The document, but no object has members that are not written down."""
    if isinstance(value, list):
        return [closed(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    inner = {key: closed(member) for key, member in value.items()}
    if value.get("type") == "object" and "properties" in value:
        return {"additionalProperties": False, **inner}
    return inner


def without_what_no_schema_says(case: Case[Any]) -> Case[Any]:
    """Which cursors there are, which parameters go together, and that 1.0 is not taken for 1."""
    for name in ("cursor", *TOGETHER):
        case.query.pop(name, None)
    if isinstance(case.body, dict):
        case.body = {name: as_whole(value) for name, value in case.body.items()}
    return case


def has_names_that_fit(case: Case[Any]) -> bool:
    """The generator makes control characters now and then, which its pattern excludes."""
    return all(
        min(unquote(str(value)), default=" ") >= " " for value in case.path_parameters.values()
    )


def as_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), MODES, ids=lambda value: str(value).rpartition(".")[2])
def test_answers_are_those_that_the_document_promises(
    described: Any, planted_host: LocalHost, name: str, mode: GenerationMode
) -> None:
    cases = described.find_operation_by_id(name).as_strategy(generation_mode=mode)
    if mode is GenerationMode.POSITIVE:
        cases = cases.map(without_what_no_schema_says).filter(has_names_that_fit)
    shown = {"x-functions-key": planted_host.client.headers["x-functions-key"]}

    @settings(
        max_examples=COSTLY.get(name, EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(case=cases)
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(
            base_url=f"{planted_host.url}/api",
            headers=shown,
            excluded_checks=[positive_data_acceptance] if name in MEANT else [],
        )

    ask()
