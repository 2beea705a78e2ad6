"""What of a target's values Python has no type for: as text, instead of no answer at all."""

from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.types.datetime import (
    DateLoader,
    IntervalLoader,
    TimeLoader,
    TimestamptzLoader,
    TimetzLoader,
)

from repositories.postgres.connections import UtcTimestampLoader

EXACT: dict[str, type[Loader]] = {
    "date": DateLoader,
    "time": TimeLoader,
    "timetz": TimetzLoader,
    "timestamp": UtcTimestampLoader,
    "timestamptz": TimestamptzLoader,
    "interval": IntervalLoader,
}


def take_any_time(connection: psycopg.Connection[Any]) -> None:
    """infinity, 44 BC, the year 20000 and 24:00 are texts from now on."""
    for name, exact in EXACT.items():
        connection.adapters.register_loader(name, _or_text(exact))


def _or_text(exact: type[Loader]) -> type[Loader]:
    class LoaderOrText(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._exact = exact(oid, context)

        def load(self, data: Buffer) -> object:
            try:
                return self._exact.load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return LoaderOrText
