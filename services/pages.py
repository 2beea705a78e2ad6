"""Lists in pages, by keyset: a page knows where the next one starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)
Position = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Items, and the position after them; None at the end."""

    items: Sequence[Item]
    next: Position | None = None


def cut(rows: Sequence[T], limit: int, position: Callable[[T], Position]) -> Page[T]:
    """A page of `limit` from the `limit` + 1 rows that were asked for."""
    items = rows[:limit]
    return Page(items, position(items[-1]) if len(rows) > limit else None)
