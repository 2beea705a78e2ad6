"""Why a value cannot be used, in plain words."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.definitions.documents import KpiDocument, QueryDocument
from services.fault_words import words_of


def words(document: type[Any], members: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        document.model_validate(members, strict=True)
    (error,) = refused.value.errors()
    return words_of(error)


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("tags", "a,b", "is no list"),
        ("tags", tuple("abcdefghij" * 11), "has more than 100 items"),
        ("tags", ("a b",), "is no tag: 1 to 50 letters and digits, and _ . : -"),
        ("sql", "", "is empty"),
        ("sql", 5, "is no text"),
        ("unit", "x" * 21, "has more than 20 characters"),
        ("unit", "a\nb", "has a line break, or another control character"),
        ("warning_threshold", [1], "is no number"),
        ("warning_threshold", True, "is no number"),
        ("warning_threshold", "1e5", "is no number"),
        ("timeout_seconds", 0, "is less than 1"),
        ("timeout_seconds", 3601, "is more than 3600"),
        ("timeout_seconds", "1", "is no whole number"),
        ("is_enabled", "yes", "is neither true nor false"),
        ("query_type", "x", "is not 'HealthCheck', 'Performance' or 'Custom'"),
    ],
)
def test_the_fault_of_a_query_is_said_plainly(member: str, value: object, said: str) -> None:
    assert words(QueryDocument, {"sql": "SELECT 1", member: value}) == said


@pytest.mark.parametrize("schedule", ["-5", "x", "", "a b", 5.5, None, "\x00"])
def test_what_is_no_schedule_is_told_what_would_be_one(schedule: object) -> None:
    said = words(KpiDocument, {"connection": "a", "query": "b", "schedule": schedule})
    assert said == "is neither seconds, 1 to 31622400, nor NCRONTAB, which has six fields, or five"


def test_a_bad_name_is_told_what_would_be_one() -> None:
    said = words(KpiDocument, {"connection": " a", "query": "b"})
    assert said == "is no name: 1 to 100 characters, no control characters, no blank at either end"
