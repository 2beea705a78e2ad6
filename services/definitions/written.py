"""What is shown of something that is stored, and the ETag of it."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from repositories.records.definitions import Stored
from services.definitions.conditions import etag_of

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Written(Generic[V]):
    view: V
    etag: str
    is_new: bool = False

    @classmethod
    def of(cls, stored: Stored[Any], view: V, *, is_new: bool = False) -> "Written[V]":
        return cls(view, etag_of(stored), is_new)
