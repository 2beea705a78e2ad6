"""What an engine offers: sessions, locks, and targets."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from repositories.records.kpis import ResultType

Row = Mapping[str, Any]


class Session(Protocol):
    """One connection of one engine; statements are called by name, values are always bound."""

    def rows(self, statement: str, /, **values: object) -> list[Row]: ...
    def row(self, statement: str, /, **values: object) -> Row | None: ...
    def run(self, statement: str, /, **values: object) -> int:
        """How many rows it changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """Connections of a pool: in use, waiting to be, and how many there may be."""

    in_use: int
    idle: int
    size: int


class Database(Protocol):
    """An engine. Every error that leaves it is a StorageError."""

    def reading(self) -> AbstractContextManager[Session]:
        """A read-only session; each statement sees what is committed when it starts."""
        ...

    def single(self) -> AbstractContextManager[Session]:
        """Each statement is a transaction of its own, and one round trip."""
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """Leaving commits; an exception rolls back."""
        ...

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """A lock among everyone who uses this database; False where someone else holds it."""
        ...

    def ping(self) -> None:
        """One round trip."""
        ...

    def mean_query_ms(self) -> float | None:
        """The mean time of this process's recent statements, in ms; None before the first."""
        ...

    def pool_use(self) -> Mapping[str, PoolUse]:
        """By the name of the pool: `read` and `write`."""
        ...

    def reading_from(self, relations: Mapping[str, Collection[str]]) -> Self:
        """The same database, where `{name}` in a statement is `relations.name` with these flags."""
        ...

    def close(self) -> None:
        """The connections, for a process that ends by itself."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target's query gave: the columns' names, the first rows, and how many there are."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    row_count: int


class Target(Protocol):
    """A database that KPIs are run against, by any number of threads at once.

    Every error that leaves it is a StorageError. It opens as many connections as it was allowed to
    and keeps them for a while; no statement finds anything that another one left in them.
    """

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        """Run one statement, read-only unless it is a NonQuery, and keep its first rows.

        Takes no longer than `timeout_seconds`, a second, and the time allowed for connecting.
        """
        ...

    def version(self, *, timeout_seconds: int) -> str:
        """The server's own name for it."""
        ...

    def use(self) -> PoolUse: ...

    def close_idle(self) -> None:
        """Close what nobody has used for a minute."""
        ...

    def close(self) -> None:
        """What is in use is closed when its statement is over."""
        ...
