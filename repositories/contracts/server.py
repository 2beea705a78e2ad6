"""What a database server knows of itself."""

from collections.abc import Collection, Sequence
from typing import Protocol

from repositories.records.server import (
    BlockedSession,
    CacheUse,
    ConnectionGroup,
    DatabaseSession,
    HourCounts,
    IndexSize,
    Measured,
    MissingIndex,
    Resource,
    ScannedTable,
    ServerFacts,
    StatementSource,
    StatementTimes,
    SuggestedIndex,
    TableSize,
    Wait,
)


class Statistics(Protocol):
    """What the server knows of the jobs database. NotOffered where it knows it not."""

    def server(self) -> ServerFacts: ...
    def tables(self, *, limit: int) -> list[TableSize]:
        """The biggest."""
        ...

    def indexes(self, *, unused: bool = False, limit: int) -> list[IndexSize]:
        """The biggest; or those that nobody used, but for the ones that keep something unique."""
        ...

    def missing_indexes(self) -> Sequence[MissingIndex]:
        """Those that the questions asked here want, and jobs and tasks do not have."""
        ...

    def suggested_indexes(self, *, limit: int) -> list[SuggestedIndex]: ...
    def scanned_tables(self, *, limit: int) -> list[ScannedTable]: ...
    def activity_by_hour(self, *, hours: int) -> list[HourCounts]:
        """The last hours by the clock, the oldest first, at most 170."""
        ...

    def cache_use(self) -> CacheUse: ...
    def waits(self, *, limit: int) -> list[Wait]: ...


class Activity(Protocol):
    """What the server does now. NotOffered where it does not say."""

    def missing_right(self) -> str | None:
        """What this login lacks to see what others do."""
        ...

    def running(self, *, min_ms: int | None = None, limit: int) -> list[DatabaseSession]:
        """The longest running first, but for the session that asks."""
        ...

    def sessions(self, session_ids: Collection[str]) -> list[DatabaseSession]: ...
    def blocked(self, *, limit: int) -> list[BlockedSession]:
        """The longest waiting first."""
        ...

    def connections(self) -> list[ConnectionGroup]: ...


class Performance(Protocol):
    """How long statements, jobs and tasks take. NotOffered where nobody has counted."""

    def statement_source(self) -> StatementSource: ...
    def slow_statements(self, *, limit: int) -> list[StatementTimes]:
        """Those first that took most time in all; only where statement_source has an answer."""
        ...

    def task_times(self, *, hours: int, limit: int) -> list[Measured]:
        """By stage and type, and by type; of what ended in the last hours, and in as many before.

        Rows of the most frequent first; those of one group and window stand together.
        """
        ...

    def job_times(self, *, hours: int, limit: int) -> list[Measured]: ...
    def resources(self) -> list[Resource]: ...
