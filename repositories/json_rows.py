"""Many rows as one parameter: the text of a JSON array, which both engines read as a table."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from repositories.records.rows import Json

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_SUBCLASS


def json_rows(rows: Iterable[object]) -> str:
    """Numbers of any size are text there, so nothing is rounded. JSON stands in it as it is: an
    object or an array.
    """
    return orjson.dumps([*rows], default=_plain, option=OPTIONS).decode()


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever orjson can go on with
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Json):
        return orjson.Fragment(str.__str__(value))
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} has no place in a row")
