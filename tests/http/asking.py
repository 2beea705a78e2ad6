"""The operations of an OpenAPI document, and requests made from them alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triggers.operations import OPERATIONS

Parameter = dict[str, Any]

NAMES = sorted(OPERATIONS)
READS = [name for name in NAMES if name.startswith(("get_", "list_", "find_", "show_", "test_"))]


@dataclass(frozen=True)
class Asked:
    """One operation; `path` has its parameters in braces."""

    name: str
    method: str
    path: str
    spec: Mapping[str, Any]
    document: Mapping[str, Any]

    def parameters(self, place: str) -> list[Parameter]:
        found = [one for one in self.spec.get("parameters", ()) if one["in"] == place]
        return [{**one, "schema": self.resolved(one["schema"])} for one in found]

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """With what it refers to in its place."""
        if "$ref" not in schema:
            return schema
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], **rest}

    def whole(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """With all that it may refer to beside it."""
        return {**schema, "components": self.document["components"]}

    def url(self, **values: str) -> str:
        """With these values, which are written into the path as they are."""
        return "/api" + self.path.format(**values)


def operations_of(document: Mapping[str, Any]) -> Iterator[Asked]:
    for path, methods in document["paths"].items():
        for method, spec in methods.items():
            yield Asked(spec["operationId"], method.upper(), path, spec, document)


def operation_of(document: Mapping[str, Any], name: str) -> Asked:
    return next(one for one in operations_of(document) if one.name == name)
