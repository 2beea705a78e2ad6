"""Why a value cannot be used, in plain words: what pydantic found, without its own terms."""

from collections.abc import Mapping
from typing import Any

IS_NO_TEXT, IS_NO_LIST = "is no text", "is no list"
WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "json_invalid": "body: nested too deep",
    "string_type": IS_NO_TEXT,
    "tuple_type": IS_NO_LIST,
    "list_type": IS_NO_LIST,
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "is no whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "is neither true nor false"),
    "greater_than": "is not more than {gt}",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
    "literal_error": "is not {expected}",
    "enum": "is not {expected}",
}
OF_LENGTH = {
    "too_short": "has fewer than {min_length} {parts}",
    "too_long": "has more than {max_length} {parts}",
}
_BLANKS = r"\x00-\x20\xa0\u2000-\u200f\u2028-\u202f\u3000\ufeff"
NAME_PATTERN = rf"^[^{_BLANKS}]([^\x00-\x1f]{{0,98}}[^{_BLANKS}])?$"
NUMBER_PATTERN = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"
PATTERNS: Mapping[str, str] = {
    NAME_PATTERN: "is no name: 1 to 100 characters, no control characters, no blank at either end",
    NUMBER_PATTERN: "is no number",
    r"^[^\x00-\x1f]{1,100}$": "is no name: 1 to 100 characters, no control characters",
    r"^[^\x00-\x1f]*$": "has a line break, or another control character",
    r"^[^\x00-\x1f\x7f]*$": "has a line break, or another control character",
    r"^[^\x00]*$": "has the character U+0000, which no database takes",
    r"^[^\x00]*[^\s\x00][^\x00]*$": "says nothing, or has the character U+0000",
    r"^[A-Za-z0-9_.:-]{1,50}$": "is no tag: 1 to 50 letters and digits, and _ . : -",
    r"^[A-Za-z0-9_.-]{1,50}$": "is not made of 1 to 50 letters and digits, and _ . -",
    r"^[A-Za-z0-9_-]{1,100}(?:\.[A-Za-z0-9_-]{1,100}){0,9}:[^\x00-\x1f\x7f]{1,200}$": (
        "is no key:value, whose key is made of letters, digits, _ and -, with a point between two"
    ),
    r"^[A-Za-z_]{1,50}$": "is not made of words of letters and _, with commas between them",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": (
        "is no name: 1 to 64 letters and digits, and . _ - after the first"
    ),
    r"^[0-9a-f]{16}$": "is no fingerprint: 16 digits from 0 to f, in small letters",
    r"^[0-9a-f]{64}$": "is no id of a job: 64 digits from 0 to f, in small letters",
    r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$": "is no UUID",
}
OTHER_PATTERN = "is written in another way than it must be"


def words_of(error: Any) -> str:  # noqa: ANN401 - pydantic's own dictionary
    """Of one error of a ValidationError."""
    kind, facts = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(facts["pattern"], OTHER_PATTERN)
    if (of_length := OF_LENGTH.get(kind.removeprefix("string_"))) is not None:
        parts = "characters" if isinstance(error["input"], str) else "items"
        if not error["input"]:
            return "is empty"
        return of_length.format(**facts, parts=parts)
    if kind in WORDS:
        return WORDS[kind].format(**facts)
    message: str = error["msg"]
    return message.removeprefix("Value error, ")
