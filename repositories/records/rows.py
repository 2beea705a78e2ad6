"""Rows as frozen records: times aware and in UTC, engine-neutral."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Json(str):
    """JSON text as the database gave it, passed on without being parsed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """The first of something, and how many there are in all."""

    items: Sequence[T]
    total: int


def build(record: type[T], rows: list[Mapping[str, Any]]) -> list[T]:
    """The rows as records; the columns are the record's fields."""
    if record.__bases__ != (object,):
        return [record(**row) for row in rows]
    draft = _draft_of(cast("Hashable", record))
    made = [draft(**row) for row in rows]
    for one in made:
        one.__class__ = record
    return made


@cache
def _draft_of(record: type[Any]) -> type[Any]:
    """The same fields in the same slots: to fill frozen ones takes three times as long, which a
    page of a list is noticeably slower for.
    """
    told = [
        (one.name, one.type, field(default=one.default, default_factory=one.default_factory))
        for one in fields(record)
    ]
    return make_dataclass(record.__name__, told, slots=True, kw_only=True)
