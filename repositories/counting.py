"""Rows that each say how many there are in all."""

from collections.abc import Sequence
from typing import TypeVar

from repositories.contracts.databases import Row
from repositories.records.rows import Counted, build

T = TypeVar("T")


def build_counted(record: type[T], rows: Sequence[Row]) -> Counted[T]:
    """The rows as records, without their column `total`."""
    total = int(rows[0]["total"]) if rows else 0
    plain: list[Row] = [{name: row[name] for name in row if name != "total"} for row in rows]
    return Counted(build(record, plain), total)
