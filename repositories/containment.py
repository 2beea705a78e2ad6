"""Asking for jobs by a value within their parameters, as each engine can."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import orjson

from repositories.records.filters import Parameter

SCALAR = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?|true|false")
"""What may have been meant as a number or a boolean as well as a text."""


def documents_of(parameters: Sequence[Parameter]) -> list[str]:
    """JSON objects of which parameters contain one where all values match, for PostgreSQL.

    Each value that may be either is there both as a text and as a scalar.
    """
    variants = [[(one.path, value) for value in _variants(one.value)] for one in parameters]
    return [orjson.dumps(_merged(chosen)).decode() for chosen in product(*variants)]


def pairs_of(parameters: Sequence[Parameter]) -> list[Mapping[str, str]]:
    """Members with dots between them, each with the text that is there where it matches.

    For SQL Server, which makes a JSON path of the members.
    """
    return [{"members": ".".join(one.path), "value": one.value} for one in parameters]


def _variants(value: str) -> list[object]:
    return [value, orjson.Fragment(value)] if SCALAR.fullmatch(value) else [value]


def _merged(values: Iterable[tuple[Sequence[str], object]]) -> dict[str, object]:
    merged: dict[str, object] = {}
    for (*parents, member), value in values:
        inner = merged
        for parent in parents:
            inner = inner.setdefault(parent, {})  # type: ignore[assignment]
        inner[member] = value
    return merged
