"""Whoever writes a text that does not fit is told so in words, never by a regular expression."""

from collections.abc import Iterator
from typing import Any

import function_app  # noqa: F401 - which registers what the document tells of
from services.definitions.files import file_schema
from services.fault_words import PATTERNS
from triggers.document import build_document


def patterns_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for value in schema.values():
            yield from patterns_in(value)
    if isinstance(schema, list):
        for value in schema:
            yield from patterns_in(value)


def test_every_pattern_of_the_documents_has_words() -> None:
    assert {*patterns_in([build_document(), file_schema()])} == {*PATTERNS}
