"""Compare two schemas and name each difference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repositories.migrations.catalogue import PARTS, Schema

SINGULAR = {
    "tables": "table",
    "views": "view",
    "functions": "function",
    "columns": "column",
    "constraints": "constraint",
    "indexes": "index",
    "triggers": "trigger",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is missing, different or extra. What is extra may be somebody else's."""

    verdict: str
    thing: str
    detail: str = ""

    @property
    def matters(self) -> bool:
        return self.verdict != "extra"

    def __str__(self) -> str:
        return f"{self.verdict}: {self.thing}{self.detail and f': {self.detail}'}"


def compare_schemas(expected: Schema, live: Schema) -> list[Difference]:
    """Of a table that is missing, or extra, its columns and the rest are not named one by one."""
    kinds = sorted(expected.keys() | live.keys())
    return [
        difference
        for kind in kinds
        for difference in _compare_things(kind, "", expected.get(kind, {}), live.get(kind, {}))
    ]


def _compare_things(
    kind: str, of: str, expected: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in sorted(expected.keys() | live.keys()):
        thing = f"{SINGULAR[kind]} {name}{of}"
        if name not in live:
            yield Difference("missing", thing)
        elif name not in expected:
            yield Difference("extra", thing)
        else:
            yield from _compare_facts(name, thing, expected[name], live[name])


def _compare_facts(
    name: str, thing: str, expected: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[Difference]:
    for fact in sorted(expected.keys() | live.keys()):
        ours, theirs = expected.get(fact), live.get(fact)
        if fact in PARTS and isinstance(ours or theirs, dict):
            yield from _compare_things(fact, f" of {name}", ours or {}, theirs or {})
        elif ours != theirs:
            detail = f"{fact} is {_shown(theirs)}, expected {_shown(ours)}"
            yield Difference("different", thing, detail)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    return str(value)
