"""Operations as OpenAPI: what each function takes and answers by its types, the rest by its words.

A handler's docstring begins `GET /db/jobs?status=&limit=: summary`; a description may follow.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from services.version import VERSION
from triggers.boundary import (
    CORRELATION_HEADER,
    PROBLEM_JSON,
    InvalidParameters,
    Problem,
    QueryInfo,
    docstrings,
)
from triggers.operations import OPERATIONS, REMOVED, TAGS, Operation
from triggers.queries import FUNCTION_KEY, PageQuery
from triggers.schemas import Schema, answer_schemas, body_schema, query_schema

Written = dict[str, Any]
Schemas = Mapping[Any, Schema]

OPENING = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s?:]*)")
ABOUT = """\
What databases and the jobs in them are doing, for someone who has no database client at hand.

Times are in UTC with a Z, durations in ms, ids are strings. A list has `next_cursor`, which is \
null at the end. What looks like a secret is masked. Every answer has an `x-correlation-id`: the \
caller's own, where it sent a sane one."""
PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "Parameters that cannot be used, every one of them named.",
    HTTPStatus.UNAUTHORIZED: "No function key, or a wrong one. The host says so, without a body.",
    HTTPStatus.FORBIDDEN: "Writing is switched off here.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "What is there does not allow it.",
    HTTPStatus.PRECONDITION_FAILED: "It is another version by now than If-Match names, or there.",
    HTTPStatus.PRECONDITION_REQUIRED: "It exists: If-Match must say which version is meant.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is away, not configured, or refuses.",
    HTTPStatus.GATEWAY_TIMEOUT: "The database took too long.",
}
PAGED = {"next_cursor": str | None, "query_info": QueryInfo}
HEADERS = {
    "CorrelationId": {
        "description": "Also in every log line of the request.",
        "schema": {"type": "string"},
    },
    "Age": {
        "description": "How many seconds ago the answer was computed.",
        "schema": {"type": "integer"},
    },
    "ETag": {
        "description": "The version of it, to be sent as If-Match with the next change.",
        "schema": {"type": "string"},
    },
}
CONDITIONS = {
    "If-Match": "The ETags of the version that is meant, or `*` for any.",
    "If-None-Match": "`*`: only where there is none yet.",
}
KEYS = {
    "header": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "query": {"type": "apiKey", "in": "query", "name": FUNCTION_KEY},
}
TAGGED: Written = {"etag": {"$ref": "#/components/headers/ETag"}}
CORRELATED = {CORRELATION_HEADER: {"$ref": "#/components/headers/CorrelationId"}}


def build_document() -> Written:
    schemas, definitions = _answers(OPERATIONS.values())
    for operation in OPERATIONS.values():
        definitions |= _request_definitions(operation)
    paths: dict[str, Written] = {}
    for name, operation in OPERATIONS.items():
        opening = Opening.read(docstrings[name])
        written = _operation(name, opening, operation, schemas)
        paths.setdefault(opening.path, {})[opening.method.lower()] = written
    return {
        "openapi": "3.1.0",
        "info": {"title": "Watchkeeper", "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/api"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{name: []} for name in KEYS],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(definitions.items())),
            "responses": {
                _name_of(status): _problem(status, schemas)
                for status in sorted(_statuses(OPERATIONS.values()))
            },
            "headers": HEADERS,
            "securitySchemes": KEYS,
        },
    }


@dataclass(frozen=True, slots=True)
class Opening:
    method: str
    path: str
    summary: str
    description: str

    @classmethod
    def read(cls, docstring: str) -> "Opening":
        """Raises ValueError where the method and the path are not there."""
        first, _, rest = cleandoc(docstring).partition("\n\n")
        found = OPENING.match(first)
        if found is None:
            raise ValueError(f"a handler's docstring begins with its method and path: {first!r}")
        _, _, summary = " ".join(first.split()).partition(": ")
        return cls(found[1], found[2], summary[:1].upper() + summary[1:], rest)


def _answers(operations: Iterable[Operation]) -> tuple[Schemas, Written]:
    """The schema of every type in an answer, and the definitions that they refer to."""
    kinds = [Problem, InvalidParameters, *(kind for one in operations for kind in _kinds_of(one))]
    kinds = list(dict.fromkeys(kinds))
    found, definitions = answer_schemas(kinds)
    return dict(zip(kinds, found, strict=True)), definitions


def _kinds_of(operation: Operation) -> Iterable[Any]:
    for answer in (operation.answer, operation.unwell):
        members = _members_of(operation, answer)
        yield from [answer] if members is None else members.values()


def _members_of(operation: Operation, answer: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
    """Of an answer that is no type of its own; a list has more."""
    if not isinstance(answer, Mapping):
        return None
    is_list = operation.query is not None and issubclass(operation.query, PageQuery)
    return {**answer, **PAGED} if is_list else answer


def _request_definitions(operation: Operation) -> Written:
    of_query = query_schema(operation.query)[1] if operation.query else {}
    return of_query | (body_schema(operation.body)[1] if operation.body else {})


def _operation(name: str, opening: Opening, operation: Operation, schemas: Schemas) -> Written:
    about = [opening.description, _words_of(operation.query), _words_of(operation.body)]
    found = {
        "operationId": name,
        "tags": [operation.tag],
        "summary": opening.summary or None,
        "description": "\n\n".join(filter(None, about)) or None,
        "security": [] if operation.anonymous else None,
        "parameters": [*_parameters(operation, opening.path), *_conditions(operation, opening)]
        or None,
        "requestBody": _body(operation),
        "responses": _responses(operation, schemas),
    }
    return {key: value for key, value in found.items() if value is not None}


def _words_of(model: type | None) -> str:
    """The docstring of its own, not one that it has inherited."""
    return cleandoc((model and vars(model).get("__doc__")) or "")


def _parameters(operation: Operation, path: str) -> list[Written]:
    if operation.query is None:
        return []
    schema, _ = query_schema(operation.query)
    required = schema.get("required", ())
    return [
        _parameter(name, found, required=name in required, in_path=f"{{{name}}}" in path)
        for name, found in schema.get("properties", {}).items()
    ]


def _parameter(name: str, schema: Schema, *, required: bool, in_path: bool) -> Written:
    words = schema.pop("description", None)
    return {
        "name": name,
        "in": "path" if in_path else "query",
        **({"description": words} if words else {}),
        **({"required": True} if required else {}),
        **({"style": "form", "explode": False} if schema.get("type") == "array" else {}),
        "schema": schema,
    }


def _conditions(operation: Operation, opening: Opening) -> list[Written]:
    words = dict(CONDITIONS)
    if operation.known_by_tag:
        words = {"If-None-Match": "The ETags of what is known already."}
    elif not operation.versioned or opening.method == "GET":
        return []
    elif HTTPStatus.CREATED not in operation.successes:
        del words["If-None-Match"]
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in words.items()
    ]


def _body(operation: Operation) -> Written | None:
    if operation.body is None:
        return None
    schema, _ = body_schema(operation.body)
    schema.pop("description", None)
    required = "required" in schema
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _responses(operation: Operation, schemas: Schemas) -> Written:
    """By status, as text."""
    found: dict[HTTPStatus, Written] = {
        status: {"$ref": f"#/components/responses/{_name_of(status)}"}
        for status in _statuses([operation])
    }
    for status in operation.successes:
        found[status] = _answer(operation, operation.answer, schemas)
    if operation.known_by_tag:
        found[HTTPStatus.NOT_MODIFIED] = {
            "description": "It is still what has one of these ETags.",
            "headers": {**CORRELATED, **TAGGED},
        }
    if operation.unwell is not None:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        unwell = _answer(operation, operation.unwell, schemas)
        unwell["description"] = PROBLEMS[status]
        unwell["content"] |= _problem(status, schemas)["content"]
        found[status] = unwell
    return {str(int(status)): found[status] for status in sorted(found)}


def _statuses(operations: Collection[Operation]) -> set[HTTPStatus]:
    """Of every problem that they may answer with."""
    found = {status for operation in operations for status in operation.problems}
    if any(operation.query or operation.body for operation in operations):
        found.add(HTTPStatus.BAD_REQUEST)
    if any(not operation.anonymous for operation in operations):
        found.add(HTTPStatus.UNAUTHORIZED)
    return found


def _answer(operation: Operation, answer: Any, schemas: Schemas) -> Written:  # noqa: ANN401
    members = _members_of(operation, answer)
    age = {"age": {"$ref": "#/components/headers/Age"}} if operation.kept else {}
    tag = TAGGED if _is_tagged(operation) else {}
    return {
        "description": "The answer.",
        "headers": {**CORRELATED, **age, **tag},
        "content": {
            "application/json": {
                "schema": schemas[answer] if members is None else _object(members, schemas)
            },
            **{kind: {"schema": {"type": "string"}} for kind in operation.texts},
        },
    }


def _is_tagged(operation: Operation) -> bool:
    return operation.versioned and operation.answer is not REMOVED


def _object(members: Mapping[str, Any], schemas: Schemas) -> Schema:
    properties = {name: schemas[kind] for name, kind in members.items()}
    return {"type": "object", "properties": properties, "required": [*properties]}


def _problem(status: HTTPStatus, schemas: Schemas) -> Written:
    if status is HTTPStatus.UNAUTHORIZED:
        return {"description": PROBLEMS[status]}
    kind = InvalidParameters if status is HTTPStatus.BAD_REQUEST else Problem
    return {
        "description": PROBLEMS[status],
        "headers": CORRELATED,
        "content": {PROBLEM_JSON: {"schema": schemas[kind]}},
    }


def _name_of(status: HTTPStatus) -> str:
    return status.phrase.replace(" ", "")
