"""What is shown of databases, processes and series of values."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from repositories.records.definitions import DefinitionFilter
from repositories.records.overviews import DatabaseSummary, Series, Unrolled, WorkerOverview


class Overviews(Protocol):
    """The overviews of the store."""

    def databases(
        self, filters: DefinitionFilter, *, after: str | None = None, limit: int
    ) -> list[DatabaseSummary]:
        """By name; a status in the filters does not count."""
        ...

    def workers(
        self,
        *,
        environment: str | None = None,
        statuses: Collection[str] | None = None,
        states: Collection[str] | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[WorkerOverview]:
        """Those that were started last first, by started_at and id."""
        ...

    def has_worker(self, worker_instance_id: str) -> bool: ...
    def series(
        self, name: str, *, hours: int, bucket_seconds: int, by_hours: bool = False
    ) -> Series | None:
        """A KPI's results; None where there is no such KPI. Buckets begin at multiples of
        `bucket_seconds` since 1970, the first one at or before the first of these hours.

        `by_hours` reads what is rolled up; bucket_seconds are then whole hours.
        """
        ...


class Hours(Protocol):
    """Results, rolled up by the hour. For one caller at a time."""

    def unrolled(self, *, since: datetime | None = None) -> Unrolled:
        """The first hour with results from `since` on, or from an hour before what was rolled up
        last.
        """
        ...

    def roll_up(self, hour: datetime) -> int:
        """Anew, in a transaction; how many KPIs had results in it."""
        ...

    def close(self, until: datetime) -> None:
        """All before `until` is rolled up."""
        ...
