"""Databases and processes at a glance, and how a KPI's values went."""

from datetime import datetime
from typing import NamedTuple

from repositories.contracts.store import Store
from repositories.records.definitions import DefinitionFilter
from repositories.records.executions import WorkerJob
from repositories.records.overviews import DatabaseSummary, Series, WorkerOverview
from services.errors import NotFound
from services.pages import Page, cut

LONGEST_EXACT_HOURS = 168
"""Series of more hours are made of whole ones, which are rolled up."""
HOUR_SECONDS = 3600


class WorkerFilter(NamedTuple):
    """Which processes: those that fit everything that is given."""

    environment: str | None = None
    statuses: tuple[str, ...] | None = None
    states: tuple[str, ...] | None = None


class OverviewService:
    def __init__(self, store: Store) -> None:
        self._store = store

    def databases(
        self, filters: DefinitionFilter, *, after: str | None, limit: int
    ) -> Page[DatabaseSummary]:
        with self._store.read() as work:
            rows = work.overviews.databases(filters, after=after, limit=limit + 1)
        return cut(rows, limit, lambda one: (one.name,))

    def workers(
        self, filters: WorkerFilter, *, before: tuple[datetime, str] | None, limit: int
    ) -> Page[WorkerOverview]:
        with self._store.read() as work:
            rows = work.overviews.workers(
                environment=filters.environment,
                statuses=filters.statuses,
                states=filters.states,
                before=before,
                limit=limit + 1,
            )
        return cut(rows, limit, lambda one: (one.started_at, one.worker_instance_id))

    def jobs_of(
        self,
        worker_instance_id: str,
        *,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> Page[WorkerJob]:
        with self._store.read() as work:
            rows = work.executions.jobs_of(
                worker_instance_id, status=status, before=before, limit=limit + 1
            )
            if not rows and not work.overviews.has_worker(worker_instance_id):
                raise NotFound(f"no worker {worker_instance_id}")
        return cut(rows, limit, lambda job: (job.scheduled_at, job.job_id))

    def series(self, name: str, *, hours: int, points: int) -> Series:
        """At most so many buckets, of whole hours where it is more than a week."""
        by_hours = hours > LONGEST_EXACT_HOURS
        with self._store.read() as work:
            found = work.overviews.series(
                name,
                hours=hours,
                bucket_seconds=bucket_seconds(hours, points),
                by_hours=by_hours,
            )
        if found is None:
            raise NotFound(f"no KPI {name}")
        return found


def bucket_seconds(hours: int, points: int) -> int:
    """Buckets begin at multiples of this, so that the hours may touch one more than they fill."""
    unit = HOUR_SECONDS if hours > LONGEST_EXACT_HOURS else 1
    return unit * -(-hours * HOUR_SECONDS // (points - 1) // unit)
