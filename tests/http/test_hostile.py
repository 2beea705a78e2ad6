"""Every operation of the document, asked what makes no sense: refused, each parameter named."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from services.masking import MASK
from tests.hosts import LocalHost, running_host
from tests.http.asking import NAMES, Asked, Parameter, operation_of
from tests.http.samples import PLACES, Secrets, plant
from triggers.operations import OPERATIONS
from triggers.queries import PageQuery

HOSTILE = [
    "%00",
    "x%00y",
    "%07%1B",
    "%ED%A0%80",
    "%F0%9F%94%A5",
    "%C3%28",
    "%2500",
    "%25s%25n{0}",
    quote("'; DROP TABLE monitoring.indicators; --", safe=""),
    quote("1 OR 1=1 UNION SELECT usename, passwd FROM pg_shadow", safe=""),
    quote("..%2f..%2fetc%2fpasswd", safe="%"),
    quote("<script>alert(1)</script>", safe=""),
    quote("${jndi:ldap://x/a}", safe=""),
    quote("\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\ufeff", safe=""),
    quote("a\r\nset-cookie: x=1", safe=""),
    *("-1", "0", "1.5", "1e400", "NaN", "-Infinity", "0x10", "1_0", "%20", "null", "[]", "{}"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "9" * 4301),
    *("x" * 60_000, ",", ",,a", "a,", "true,true"),
]
"""As they are written in a URL."""

BODIES = [
    *(b"", b"null", b"[]", b'"x"', b"1", b"{", b"\x00", b"\xff\xfe", b'{"a": NaN}', b"[" * 60_000),
    *(b'{"a":' * 20_000, b'{"\\ud800": 1}', b'{"bogus": 1}', b" " * 70_000, b"x" * 100_000),
]
MEMBERS: list[object] = [
    *(
        None,
        True,
        -1,
        0,
        1.5,
        2**31,
        2**63,
        2**64,
        -(2**70),
        1e308,
        "",
        "\x00",
        "\x07",
        "x" * 60_000,
    ),
    *("'; DROP TABLE app.jobs; --", [], {}, [[]], {"a": 1}, "9" * 5000, "\N{FIRE}", "\u202e"),
]
PLACE: st.SearchStrategy[object] = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 2**31, 2**63 - 1, 1e308, "", "\x00", "x", "x" * 1000, "'"),
        *("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "2026-11-22T10:00:00Z"),
        *("2026-11-22T10:00:00", "2026-02-30T10:00:00Z", "0" * 64, "\N{FIRE}", [], {}, [1]),
    ]
)
GOOD_PLACE: st.SearchStrategy[object] = st.sampled_from(["2026-11-22T10:00:00Z", 1, "1"])
POSITIONS = st.lists(PLACE, max_size=4) | st.tuples(GOOD_PLACE, PLACE) | st.tuples(PLACE)
TRUE, FALSE = {"true", "1", "yes", "y", "on", "t"}, {"false", "0", "no", "n", "off", "f"}
WHOLE = re.compile(r"\s*[+-]?\d(?:_?\d){0,30}(?:\.0+)?\s*", re.ASCII)


@pytest.fixture(scope="module")
def planted_host(make_database: Callable[..., str], migrated: str) -> Iterator[LocalHost]:
    settings = {"CACHE_SECONDS": "60", "JOBS_WRITABLE": "true"}
    url = make_database(migrated)
    plant(url, Secrets())
    with running_host(url, "--no-timers", env=settings) as running:
        yield running


@pytest.fixture(scope="module")
def document(planted_host: LocalHost) -> dict[str, Any]:
    found: dict[str, Any] = planted_host.get("/api/openapi.json").json()
    return found


def with_query(operation: Asked) -> bool:
    return OPERATIONS[operation.name].query is not None


def ask(
    host: LocalHost,
    operation: Asked,
    query: str = "",
    body: bytes | None = None,
    *,
    places: Mapping[str, str] | None = None,
) -> httpx.Response:
    url = operation.url(**{**PLACES, **(places or {})})
    given = minimal_body(operation) if body is None else body
    return host.client.request(operation.method, f"{url}?{query}", content=given)


def minimal_body(operation: Asked) -> bytes | None:
    schema = body_schema(operation)
    if schema is None:
        return None
    required = schema.get("required", ())
    return json.dumps({name: _some(name, schema["properties"][name]) for name in required}).encode()


def _some(name: str, schema: Mapping[str, Any]) -> str:
    """A text that the schema does not refuse."""
    return str(schema["enum"][0]) if "enum" in schema else PLACES.get(name, "x")


def body_schema(operation: Asked) -> Mapping[str, Any] | None:
    found = operation.spec.get("requestBody")
    return found and operation.whole(found["content"]["application/json"]["schema"])


def read_as(parameter: Parameter, text: str) -> object:
    """What a parameter's text says, where it can be of its type; else the text."""
    kind = parameter["schema"].get("type")
    if kind == "integer" and WHOLE.fullmatch(text):
        return int(text.partition(".")[0])
    if kind == "boolean" and text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    return text.split(",") if kind == "array" else text


def is_of(parameter: Parameter, text: str) -> bool:
    return Draft202012Validator(parameter["schema"]).is_valid(read_as(parameter, text))


def check_documented(operation: Asked, answer: httpx.Response) -> None:
    assert str(answer.status_code) in operation.spec["responses"], (
        str(answer.url)[:300],
        answer.text[:600],
        answer.request.content[:200],
    )
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (
        str(answer.url)[:300],
        answer.text[:600],
        answer.request.content[:200],
    )
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        assert answer.headers["content-type"] == "application/problem+json"


def named(answer: httpx.Response) -> set[str]:
    assert answer.status_code == HTTPStatus.BAD_REQUEST, (str(answer.url)[:300], answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    return {fault["parameter"] for fault in answer.json()["errors"]}


def decoded(value: str) -> str:
    return httpx.QueryParams(f"x={value}")["x"]


def nonsense_for(parameter: Parameter) -> str:
    """A value that its schema refuses."""
    return next(value for value in HOSTILE if not is_of(parameter, decoded(value)))


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_parameter_is_refused_by_its_name(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    for parameter in operation.parameters("query"):
        for value in ["", *HOSTILE]:
            answer = ask(planted_host, operation, f"{parameter['name']}={value}")
            check_documented(operation, answer)
            if not value or not is_of(parameter, decoded(value)):
                assert named(answer) == {parameter["name"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_piece_of_the_path_is_refused_by_its_name(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    for parameter in operation.parameters("path"):
        for value in HOSTILE:
            answer = ask(planted_host, operation, places={parameter["name"]: value})
            check_documented(operation, answer)
            if not is_of(parameter, decoded(value.replace("+", "%2B"))):
                assert named(answer) == {parameter["name"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_bad_parameter_is_named_at_once(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    if not with_query(operation):
        return
    bad = operation.parameters("query")
    pairs = [f"{one['name']}={nonsense_for(one)}" for one in bad if can_be_nonsense(one)]
    schema = body_schema(operation) or {"properties": {}}
    members = {name: operation.whole(one) for name, one in schema["properties"].items()}
    body = json.dumps(dict.fromkeys(schema["properties"])).encode()
    query = "&".join([*pairs, "bogus=1", "empty="])
    answer = ask(planted_host, operation, query, body if schema["properties"] else None)
    refused = {name for name, one in members.items() if not takes_null(one)}
    names = {pair.partition("=")[0] for pair in pairs}
    assert named(answer) == names | refused | {"bogus", "empty"}


def takes_null(schema: Mapping[str, Any]) -> bool:
    return Draft202012Validator(dict(schema)).is_valid(None)


def can_be_nonsense(parameter: Parameter) -> bool:
    return any(not is_of(parameter, decoded(value)) for value in HOSTILE)


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_is_given_twice_is_one_with_a_comma(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    for parameter in operation.parameters("query"):
        twice = "&".join([f"{parameter['name']}=1"] * 2)
        answer = ask(planted_host, operation, twice)
        check_documented(operation, answer)
        if not is_of(parameter, "1,1"):
            assert named(answer) == {parameter["name"]}


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_parameter_is_named_where_its_name_is_a_plain_word(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    if not with_query(operation):
        return
    for unknown in ("bogus", "a.b", "__class__", "0"):
        assert named(ask(planted_host, operation, f"{quote_plus(unknown)}=1")) == {unknown}
    for unknown in ("LIMIT ", "x'; --", "\N{FIRE}", "x" * 60_000):
        assert named(ask(planted_host, operation, f"{quote_plus(unknown)}=1")) == {MASK}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_body_is_refused(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation = operation_of(document, name)
    schema = body_schema(operation)
    if schema is None:
        return
    for body in BODIES:
        answer = ask(planted_host, operation, body=body)
        check_documented(operation, answer)
        if body or schema.get("required"):
            assert named(answer)
    for member in schema["properties"]:
        for value in MEMBERS:
            members = {**json.loads(minimal_body(operation) or b"{}"), member: value}
            answer = ask(planted_host, operation, body=json.dumps(members).encode())
            check_documented(operation, answer)
            if not Draft202012Validator(dict(schema)).is_valid(members):
                assert {place.partition(".")[0] for place in named(answer)} == {member}


@pytest.mark.parametrize(
    "name", [name for name in NAMES if issubclass(OPERATIONS[name].query or object, PageQuery)]
)
def test_a_forged_cursor_is_refused_or_leads_somewhere(
    planted_host: LocalHost, document: dict[str, Any], name: str
) -> None:
    operation, model = operation_of(document, name), OPERATIONS[name].query
    assert model is not None
    assert issubclass(model, PageQuery)
    places = {one["name"]: PLACES[one["name"]] for one in operation.parameters("path")}
    query = model.model_validate(places)

    @settings(
        max_examples=120,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(POSITIONS)
    def ask_from(position: Sequence[object]) -> None:
        answer = ask(planted_host, operation, f"cursor={query.cursor_at(tuple(position))}")
        check_documented(operation, answer)
        if answer.status_code != HTTPStatus.OK:
            assert named(answer) == {"cursor"}

    ask_from()


def test_a_request_line_of_a_hundred_thousand_characters_is_400(planted_host: LocalHost) -> None:
    """The server refuses it before any function sees it."""
    with closing(HTTPConnection(urlsplit(planted_host.url).netloc, timeout=30)) as connection:
        connection.request("GET", f"/api/livez?x={'x' * 100_000}")
        assert connection.getresponse().status == HTTPStatus.BAD_REQUEST


def test_what_is_no_function_is_404(planted_host: LocalHost) -> None:
    for path in ("/api", "/api/", "/api/db", "/api/db/jobs/a/b", "/api//livez", "/api/%00", "/x"):
        assert planted_host.get(path).status_code == HTTPStatus.NOT_FOUND
