import re
import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.kpis import Verdict
from repositories.records.rows import Json
from repositories.sqlserver.values import JSON_COLUMNS, row_of, size_of, to_driver, utc_of_offset

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_times_go_in_utc_and_come_back_aware() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert to_driver(berlin) == datetime(2026, 1, 1, 12)  # noqa: DTZ001
    assert row_of(["at"], [datetime(2026, 1, 1, 12)]) == {"at": NOON}  # noqa: DTZ001


def test_a_time_with_an_offset_comes_back_in_utc() -> None:
    raw = struct.pack("<6hI2h", 2026, 1, 1, 17, 30, 0, 123_456_700, 5, 30)
    assert utc_of_offset(raw) == NOON.replace(microsecond=123_456)
    assert utc_of_offset(raw).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (["a", "b"], '["a", "b"]'),
        (("completed",), '["completed"]'),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00010"), "-0.00010"),
        (True, True),
        (7, 7),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_values_go_in_forms_that_the_statements_read(value: object, sent: object) -> None:
    assert to_driver(value) == sent


@pytest.mark.parametrize("value", [Verdict.HEALTHY, Json("{}")])
def test_the_driver_gets_plain_text(value: str) -> None:
    assert type(to_driver(value)) is str
    assert to_driver(value) == value


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("1.5000000000", "1.5"),
        ("100.0000", "100"),
        ("0.0000", "0"),
        ("-0.0010", "-0.001"),
        ("7", "7"),
    ],
)
def test_a_number_loses_the_zeros_of_its_column(stored: str, shown: str) -> None:
    assert str(row_of(["value"], [Decimal(stored)])["value"]) == shown


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 38))
def test_a_number_stays_the_same_number(digits: int, scale: int) -> None:
    value = Decimal(f"{digits}E-{scale}")
    found = row_of(["value"], [value])["value"]
    assert found == value
    assert not re.search(r"\..*0$", format(found, "f"))


def test_ids_are_lower_case_text() -> None:
    text = "0b1f8f2e-6a55-4a53-9c6d-00000000000a"
    assert row_of(["lease_id"], [UUID(text)]) == {"lease_id": text}


def test_json_is_what_a_record_says_is_json() -> None:
    row = row_of(["parameters", "status"], ['{"a": 1}', "{}"])
    assert type(row["parameters"]) is Json
    assert type(row["status"]) is str
    assert {"parameters", "result_data", "details", "task_counts"} <= JSON_COLUMNS


def test_texts_of_any_length_have_one_declared_size() -> None:
    assert size_of("a") == size_of("a" * 2000) is not None
    assert size_of("a" * 4001) is None
    assert size_of(7) is None
