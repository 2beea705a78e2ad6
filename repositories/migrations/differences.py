"""Compare two schemas and name each difference.

Another application's table may be built upon where it fits: of what was made elsewhere only a
column that is missing, or too narrow for us, or of another type, is a difference that matters.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
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


SIZED = re.compile(r"(\w+)\((max|\d+)(?:, *(\d+))?\)")
MAX = 2**31


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is missing, different or extra. What is extra may be somebody else's.

    `harms` says that Watchkeeper cannot use the thing: a column that it needs.
    """

    verdict: str
    thing: str
    detail: str = ""
    harms: bool = False
    made_elsewhere: bool = False

    @property
    def matters(self) -> bool:
        return self.harms if self.made_elsewhere else self.verdict != "extra"

    def __str__(self) -> str:
        noted = self.made_elsewhere and not self.matters
        verdict = f"made elsewhere: {self.verdict} " if noted else f"{self.verdict}: "
        return f"{verdict}{self.thing}{self.detail and f': {self.detail}'}"


def compare_schemas(
    expected: Schema, live: Schema, elsewhere: Collection[str] = ()
) -> list[Difference]:
    """Of a table that is missing, or extra, its columns and the rest are not named one by one.

    `elsewhere` are the names of what the migrations found there and did not make.
    """
    kinds = sorted(expected.keys() | live.keys())
    return [
        difference
        for kind in kinds
        for difference in _compare_kind(kind, expected.get(kind, {}), live.get(kind, {}), elsewhere)
    ]


def _compare_kind(
    kind: str, expected: Mapping[str, Any], live: Mapping[str, Any], elsewhere: Collection[str]
) -> Iterator[Difference]:
    for name in sorted(expected.keys() | live.keys()):
        ours = {name: expected[name]} if name in expected else {}
        theirs = {name: live[name]} if name in live else {}
        differences = _compare_things(kind, "", ours, theirs)
        if name in elsewhere and ours and theirs:
            differences = (replace(each, made_elsewhere=True) for each in differences)
        yield from differences


def _compare_things(
    kind: str, of: str, expected: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in sorted(expected.keys() | live.keys()):
        thing = f"{SINGULAR[kind]} {name}{of}"
        if name not in live:
            yield Difference("missing", thing, harms=kind == "columns")
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
            harms = fact == "type" and not type_fits(str(ours), str(theirs))
            yield Difference("different", thing, detail, harms)


def type_fits(ours: str, theirs: str) -> bool:
    """Whether a column of their type holds all that ours does: the same one, as wide or wider."""
    (name, wanted), (found, given) = _sized(ours), _sized(theirs)
    if name != found or len(wanted) != len(given):
        return False
    if len(wanted) == 2:  # of a decimal: all its digits, and those behind the point
        wanted, given = (wanted[0] - wanted[1], wanted[1]), (given[0] - given[1], given[1])
    return all(has >= needs for has, needs in zip(given, wanted, strict=True))


def _sized(declared: str) -> tuple[str, tuple[int, ...]]:
    match = SIZED.fullmatch(declared)
    if match is None:
        return declared, ()
    name, *sizes = match.groups()
    return name, tuple(MAX if size == "max" else int(size) for size in sizes if size)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    return str(value)
