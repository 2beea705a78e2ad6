import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.kpis import Verdict
from repositories.records.processes import Figure
from repositories.records.rows import Json
from services.encoding import encode


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    at: datetime | None = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '"2026-01-02T03:04:05Z"'),
        (datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC), '"2026-01-02T03:04:05.000060Z"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
        (Decimal("NaN"), "null"),
        (Decimal("-Infinity"), "null"),
        (float("nan"), "null"),
        (Json('{"a":  1}'), '{"a":  1}'),
        ([Json("null"), None], "[null,null]"),
        (Verdict.HEALTHY, '"Healthy"'),
        (HTTPStatus.OK, "200"),
        (UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        (Thing("é", None), '{"name":"é","at":null}'),
        (Figure(name="a", value=1.5, unit="s"), '{"name":"a","value":1.5,"unit":"s"}'),
        ({"a": (1, True)}, '{"a":[1,true]}'),
    ],
)
def test_values_have_one_form(value: object, text: str) -> None:
    assert encode(value).decode() == text


def test_another_zone_is_the_same_moment() -> None:
    moment = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert datetime.fromisoformat(json.loads(encode(moment))) == moment


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), 1j])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_decimals_are_exact(number: Decimal) -> None:
    assert json.loads(encode(number), parse_float=Decimal, parse_int=Decimal) == number


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\é'), inner),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_json_goes_there_and_back(value: object) -> None:
    assert json.loads(encode(value)) == value
    wrapped: Mapping[str, object] = {"inner": Json(json.dumps(value))}
    assert json.loads(encode(wrapped)) == {"inner": value}
