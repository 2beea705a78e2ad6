"""Values on their way to the driver and back: times aware and in UTC, ids and JSON as text."""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_args
from uuid import UUID

from repositories.records import jobs, kpis, processes, retries, server, trouble
from repositories.records.rows import Json

SQL_DATETIMEOFFSET = -155
SQL_WVARCHAR = -9
NVARCHAR_SIZE = 4000
Size = tuple[int, int, int] | None


def to_driver(value: object) -> object:
    """A list becomes JSON text; a decimal text, which has no bounds of its own."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return json.dumps(value)
    if isinstance(value, Json | StrEnum):
        return str.__str__(value)
    return value


def size_of(value: object) -> Size:
    """One declared size for texts of any length: each size would be a plan of its own.

    Half as many characters as the size, since some take two places in UTF-16.
    """
    if isinstance(value, str) and len(value) <= NVARCHAR_SIZE // 2:
        return SQL_WVARCHAR, NVARCHAR_SIZE, 0
    return None


def row_of(columns: Sequence[str], values: Sequence[object]) -> Mapping[str, Any]:
    return {name: _from_driver(name, value) for name, value in zip(columns, values, strict=True)}


def _from_driver(name: str, value: object) -> object:
    convert = FROM_DRIVER.get(type(value))
    if convert is not None:
        return convert(value)
    return Json(value) if name in JSON_COLUMNS and isinstance(value, str) else value


def _shortest(value: Decimal) -> Decimal:
    """Without the zeros that a column's fixed scale appends; as text, for arithmetic rounds."""
    text = format(value, "f")
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else value


def utc_of_offset(raw: bytes) -> datetime:
    """A datetimeoffset as the driver hands it over: SQL_SS_TIMESTAMPOFFSET_STRUCT."""
    year, month, day, hour, minute, second, nanoseconds, hours, minutes = struct.unpack(
        "<6hI2h", raw
    )
    zone = timezone(timedelta(hours=hours, minutes=minutes))
    local = datetime(year, month, day, hour, minute, second, nanoseconds // 1000, zone)
    return local.astimezone(UTC)


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _json_columns() -> frozenset[str]:
    """SQL Server has no JSON type: JSON is what a record's field of the name says it is."""
    kinds = [kind for module in RECORDS for kind in vars(module).values() if is_dataclass(kind)]
    return frozenset(
        field.name
        for kind in kinds
        for field in fields(kind)
        if field.type is Json or Json in get_args(field.type)
    )


RECORDS = (jobs, kpis, processes, retries, server, trouble)
FROM_DRIVER: dict[type, Callable[[Any], object]] = {
    datetime: _aware,
    Decimal: _shortest,
    UUID: str,
}
JSON_COLUMNS = _json_columns()
