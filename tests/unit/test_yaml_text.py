"""YAML as plain values."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.definitions.yaml_text import Unreadable, read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: on", {"a": "on"}),
        ("a: true", {"a": True}),
        ("a: 'true'", {"a": "true"}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 60", {"a": 60}),
        ("a: '60'", {"a": "60"}),
        ("a: 007", {"a": "007"}),
        ("a: 0x10", {"a": "0x10"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 190:20:30", {"a": "190:20:30"}),
        ("a: 99999999999999.9999", {"a": "99999999999999.9999"}),
        ("a: 1e5", {"a": "1e5"}),
        ("a: .inf", {"a": ".inf"}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        (f"a: {'9' * 5000}", {"a": "9" * 5000}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: [1, [b, {c: d}]]", {"a": [1, ["b", {"c": "d"}]]}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("", None),
        ("# nothing", None),
    ],
)
def test_values_are_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert read_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [*x]", "line 1: anchors"),
        ("a: &x 1\nb: *x", "line 1: anchors"),
        ("b: *x", "anchors|alias"),
        ("a: !!python/object/apply:os.system [x]", "line 1: tags"),
        ("a: !!binary aGk=", "tags"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "line 4: c stands there twice"),
        ("PWD hunter2: 1\nPWD hunter2: 2", r"line 2: \*\*\* stands there twice"),
        ("--- 1\n--- 2", "line 2: there is more than one document"),
        ("1: a", "line 1: a key is a text"),
        ("[a]: b", "a key is a text"),
        ("? {a: 1}\n: b", "a key is a text"),
        ("a: [", "line 1|line 2"),
        ("a: 'x", "line"),
        ("a:\n\t- b", "line 2"),
        ("a: \x00", "."),
        ("[" * 5000, "deeper than 10"),
        ("%YAML 3.0\n--- a", "."),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_yaml(text)


TEXTS = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=30
)
LINES = st.lists(st.sampled_from(["SELECT 1", "  FROM x", "", " ", "-- ä: #", "\t"]), max_size=5)
VALUES = st.recursive(
    TEXTS
    | LINES.map("\n".join)
    | st.sampled_from(["no", "60", "1.50", "~", "null", "1e5", "0 0 2 * * SUN", "- a", "a: b", "="])
    | st.integers(-(10**17), 10**17)
    | st.booleans()
    | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert read_yaml(write_yaml(value)) == value


def test_numbers_are_written_to_the_last_digit() -> None:
    assert write_yaml({"a": Decimal("99999999999999.9999")}) == "a: 99999999999999.9999\n"
    assert write_yaml({"a": Decimal("5.0000")}) == "a: 5\n"
    assert write_yaml({"a": Decimal("1E+2")}) == "a: 100\n"


def test_a_text_of_several_lines_is_written_as_a_block() -> None:
    assert write_yaml({"a": "SELECT 1\n  FROM x\n"}) == "a: |\n  SELECT 1\n    FROM x\n"
