"""Values as JSON: times with Z, decimals exact, JSON that came as text passed on as it is."""

from decimal import Decimal
from typing import Any

import orjson

from repositories.records.rows import Json

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_SUBCLASS


def encode(value: object) -> bytes:
    return orjson.dumps(value, default=_encode, option=OPTIONS)


def _encode(value: object) -> Any:  # noqa: ANN401 - whatever orjson can go on with
    if isinstance(value, Json):
        return orjson.Fragment(value.encode())
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f")) if value.is_finite() else None
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")
