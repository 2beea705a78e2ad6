"""Connection strings, `Name=value;…`, as ODBC writes them."""

import re
from collections.abc import Iterable, Iterator

ATTRIBUTE = re.compile(r"\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)\s*(?:;|$)")
PLAIN = re.compile(r"[\w.,:\\-]+")


def attributes_of(text: str) -> Iterator[tuple[str, str]]:
    """Names and values as they are written; what stands in braces is a value, whatever it holds."""
    return ((match[1], match[2]) for match in ATTRIBUTE.finditer(text))


def attribute_names(text: str) -> set[str]:
    """In lower case."""
    return {name.lower() for name, _ in attributes_of(text)}


def join_attributes(attributes: Iterable[tuple[str, str]]) -> str:
    return ";".join(f"{name}={quoted(value)}" for name, value in attributes)


def quoted(value: str) -> str:
    """As ODBC reads it back, whatever characters a password has."""
    return value if PLAIN.fullmatch(value) else "{" + value.replace("}", "}}") + "}"
